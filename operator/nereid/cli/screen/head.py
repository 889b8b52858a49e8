"""The first lines: in which state it is, why, and what comes next. Pure."""

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nereid.api.status import FailedRollout, RolloutStatus
from nereid.cli.figures import since
from nereid.cli.screen.layout import BAD, BUSY, GOOD
from nereid.cli.steps import coming
from nereid.cli.view import View, title_of

_STYLES: Final = {"Ready": GOOD, "Sleeping": GOOD, "Degraded": BAD, "Failed": BAD}


def head(view: View, now: datetime) -> Group:
    """Return the first lines."""
    first = Text.assemble(
        (view.name, "bold"), f" in {view.namespace}   ", phase_of(view), f"   {view.status.url or ''}"
    )
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="bold")
    lines.add_column(overflow="fold")
    for word, sentence in _sentences(view, now):
        lines.add_row(word, sentence)
    return Group(first, "", lines)


def phase_of(view: View) -> Text:
    """Return the phase, in its colour."""
    phase = view.status.phase or "Unknown"
    return Text(phase, style=_STYLES.get(phase, BUSY))


def _sentences(view: View, now: datetime) -> list[tuple[str, RenderableType]]:
    rollout, sentences = view.rollout, []
    if not view.is_up_to_date:
        sentences.append(("Note", _not_up_to_date(view)))
    if rollout is None:
        return [*sentences, ("Next", coming(view, now))]
    sentences.append(("Now", f"{rollout.message or rollout.state} ({rollout.state}, for {since(rollout.since, now)})"))
    if rollout.pinned and not view.status.candidate:
        pinned, instead_of = title_of(view, rollout.pinned.revision), title_of(view, rollout.pinned.instead_of)
        sentences.append(("Note", f"rolled back by hand: {pinned} serves instead of {instead_of}"))
    if rollout.failed:
        sentences.append(("Why", _failure(rollout, rollout.failed, now)))
    return [*sentences, ("Next", coming(view, now)), *_scaling(view), *_links(view)]


def _scaling(view: View) -> list[tuple[str, RenderableType]]:
    condition = next((condition for condition in view.status.conditions if condition.type == "Scaling"), None)
    if condition is None:
        return []
    return [("Scaling", Text(condition.message, style=BAD if condition.status == "False" else ""))]


def _links(view: View) -> list[tuple[str, RenderableType]]:
    links = view.status.links
    if links is None:
        return []
    return [(page, address) for page, address in (("Kiali", links.kiali), ("Grafana", links.grafana)) if address]


def _failure(rollout: RolloutStatus, failed: FailedRollout, now: datetime) -> str:
    cause = "" if failed.message.rstrip(".") in rollout.message else f": {failed.message}"
    return f"{failed.reason} in attempt {failed.attempt}, {since(failed.at, now)} ago{cause}"


def _not_up_to_date(view: View) -> str:
    if view.status.observed_generation is None:
        return "the operator has not reported anything yet: if this lasts, check that it runs"
    return f"the operator has not processed generation {view.generation} of the spec yet"

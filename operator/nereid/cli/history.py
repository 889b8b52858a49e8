"""`nereid history`: which revisions were stable, when, and what each of them was made from."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click
from rich.console import Group, RenderableType
from rich.text import Text

from nereid.api.provenance import ObservedProvenance
from nereid.api.status import ServedRevision
from nereid.cli.api_server import Connection, connects
from nereid.cli.figures import clock
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.moments import TimeSpan, time_span
from nereid.cli.screen.layout import BAD, GOOD, section, table
from nereid.cli.terminal import console, say, show
from nereid.cli.view import View, model_version, read, title
from nereid.controller.decide.rollout.history import was_bad

_NOTHING: Final = ObservedProvenance()
_SHORT: Final = 12


@click.command()
@click.argument("name")
@click.option(
    "--at", "moment", metavar="TIME", help="Show only what served then: 2026-11-17, 2026-11-17T14:00, tuesday (UTC)."
)
@click.option("--output", "-o", type=click.Choice(["json"]), help="Print all details as JSON.")
@connects
def history(connection: Connection, name: str, moment: str | None, output: str | None) -> None:
    """List current and earlier stable revisions, newest first, why each was left, and what it was made from."""
    time = _parsed(moment)
    view = read(ModelDeployments(*connection.open()).get(name))
    if not view.status.history:
        raise click.ClickException(f"no revision of {name} has become stable yet")
    revisions = served_at(view.status.history, time) if time else view.status.history
    if output == "json":
        click.echo(json.dumps([served.model_dump(mode="json", exclude_none=True) for served in revisions], indent=2))
        return
    if time is None:
        show(console(), history_table(view))
        return
    if not revisions:
        raise click.ClickException(_no_record(view, time))
    show(console(), Group(*(origin(served) for served in revisions)))
    if note := cut_note(view, time):
        say(f"\n{note}")


def served_at(history: Sequence[ServedRevision], time: TimeSpan) -> list[ServedRevision]:
    """Return the revisions that were stable in a time, newest first."""
    return [served for served in history if time.touches(served.served_from, served.served_until)]


def history_table(view: View) -> RenderableType:
    """Return the history as a table."""
    rows = table("REVISION", "VERSION", "SERVED FROM", "UNTIL", "LEFT", "DATA SET", "COMMIT", "DIGEST", "MODEL")
    for served in view.status.history:
        ended = clock(served.served_until) if served.served_until else Text("now", style=GOOD)
        version = model_version(served.version, served.revision) or "-"
        provenance = served.provenance or _NOTHING
        commit, digest = (
            (provenance.commit or "-")[:_SHORT],
            (provenance.digest or "-").removeprefix("sha256:")[:_SHORT],
        )
        start = clock(served.served_from) or "-"
        left = Text(served.left_reason or "-", style=BAD if was_bad(served) else "")
        rows.add_row(
            served.revision, version, start, ended, left, _dataset(provenance) or "-", commit, digest, served.model_uri
        )
    return rows


def origin(served: ServedRevision) -> RenderableType:
    """Return all that is recorded about where a revision came from."""
    provenance = served.provenance or _NOTHING
    until = f"until {clock(served.served_until)}" if served.served_until else "until now"
    since = f"from {clock(served.served_from)} " if served.served_from else ""
    applied = " at ".join(word for word in (provenance.applied_by, provenance.applied_at) if word)
    lines = table("", "")
    left = (("left", served.left_message or served.left_reason),) if served.served_until else ()
    for name, value in (
        *left,
        ("model", served.model_uri),
        ("data set", _dataset(provenance)),
        ("commit", provenance.commit),
        ("repository", provenance.repository),
        ("run", provenance.run),
        ("signature", provenance.signature),
        ("digest", provenance.digest),
        ("applied by", applied),
    ):
        lines.add_row(name, value or "not known")
    return section(f"{title(served.version, served.revision)} served {since}{until}", lines)


def cut_note(view: View, time: TimeSpan) -> str:
    """Return a note on where the history begins, if that is within or after `time`; empty if not."""
    oldest = view.status.history[-1].served_from
    if oldest is None or oldest <= time.begin:
        return ""
    return (
        f"The history begins at {clock(oldest)}. Earlier revisions, if any, are no longer in it: "
        "spec.rollout.revisionHistoryLimit sets how many are kept."
    )


def _parsed(moment: str | None) -> TimeSpan | None:
    if moment is None:
        return None
    try:
        return time_span(moment, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error


def _no_record(view: View, time: TimeSpan) -> str:
    sentence = f"there is no record of what served at {clock(time.begin)}"
    return f"{sentence}. {cut_note(view, time)}".strip()


def _dataset(provenance: ObservedProvenance) -> str:
    return " ".join(word for word in (provenance.dataset, provenance.dataset_version) if word)

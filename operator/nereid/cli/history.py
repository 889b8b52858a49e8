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
from nereid.cli.screen.layout import GOOD, section, table
from nereid.cli.terminal import console, show
from nereid.cli.view import View, model_version, read, title

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
    """List current and earlier stable revisions, newest first, and what each was made from."""
    asked = _asked(moment)
    view = read(ModelDeployments(*connection.open()).get(name))
    if not view.status.history:
        raise click.ClickException(f"no revision of {name} has become stable yet")
    served = served_at(view.status.history, asked) if asked else view.status.history
    if output == "json":
        click.echo(json.dumps([one.model_dump(mode="json", exclude_none=True) for one in served], indent=2))
        return
    if asked is None:
        show(console(), history_table(view))
        return
    if not served:
        raise click.ClickException(_nothing_known(view, asked))
    show(console(), Group(*(origin(one) for one in served)))
    if note := cut_note(view, asked):
        click.echo(f"\n{note}")


def served_at(history: Sequence[ServedRevision], asked: TimeSpan) -> list[ServedRevision]:
    """Return the revisions that were stable in a time, newest first."""
    return [one for one in history if asked.touches(one.served_from, one.served_until)]


def history_table(view: View) -> RenderableType:
    """Return the history as a table."""
    rows = table("REVISION", "VERSION", "SERVED FROM", "UNTIL", "DATA SET", "COMMIT", "DIGEST", "MODEL")
    for one in view.status.history:
        ended = clock(one.served_until) if one.served_until else Text("now", style=GOOD)
        version = model_version(one.version, one.revision) or "-"
        made = one.provenance or _NOTHING
        commit, digest = (made.commit or "-")[:_SHORT], (made.digest or "-").removeprefix("sha256:")[:_SHORT]
        begun = clock(one.served_from) or "-"
        rows.add_row(one.revision, version, begun, ended, _dataset(made) or "-", commit, digest, one.model_uri)
    return rows


def origin(one: ServedRevision) -> RenderableType:
    """Return all that is known of where a revision came from."""
    made = one.provenance or _NOTHING
    until = f"until {clock(one.served_until)}" if one.served_until else "until now"
    begun = f"from {clock(one.served_from)} " if one.served_from else ""
    applied = " at ".join(word for word in (made.applied_by, made.applied_at) if word)
    lines = table("", "")
    for name, value in (
        ("model", one.model_uri),
        ("data set", _dataset(made)),
        ("commit", made.commit),
        ("repository", made.repository),
        ("run", made.run),
        ("signature", made.signature),
        ("digest", made.digest),
        ("applied by", applied),
    ):
        lines.add_row(name, value or "not known")
    return section(f"{title(one.version, one.revision)} served {begun}{until}", lines)


def cut_note(view: View, asked: TimeSpan) -> str:
    """Return from when on the history tells what served, where it does not tell of all the time that is asked for."""
    oldest = view.status.history[-1].served_from
    if oldest is None or oldest <= asked.begin:
        return ""
    return (
        f"The history begins at {clock(oldest)}. What served before, if anything did, is not kept: "
        "spec.rollout.revisionHistoryLimit says how many revisions are."
    )


def _asked(moment: str | None) -> TimeSpan | None:
    if moment is None:
        return None
    try:
        return time_span(moment, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error


def _nothing_known(view: View, asked: TimeSpan) -> str:
    sentence = f"nothing is known of what served at {clock(asked.begin)}"
    return f"{sentence}. {cut_note(view, asked)}".strip()


def _dataset(made: ObservedProvenance) -> str:
    return " ".join(word for word in (made.dataset, made.dataset_version) if word)

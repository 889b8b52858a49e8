"""`nereid list`: the ModelDeployments and their rollouts, one line each."""

from collections.abc import Sequence

import click
from rich.console import RenderableType
from rich.text import Text

from nereid.api.status import RevisionStatus
from nereid.cli.api_server import Connection, connects
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.screen.head import phase_of
from nereid.cli.screen.layout import table
from nereid.cli.terminal import console, show
from nereid.cli.view import View, model_version, read


@click.command("list")
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="List ModelDeployments in all namespaces.")
@connects
def list_all(connection: Connection, *, everywhere: bool) -> None:
    """List the ModelDeployments of a namespace with the state of their rollouts."""
    models = ModelDeployments(*connection.open())
    views = [read(document) for document in models.list(everywhere=everywhere)]
    if not views:
        place = "any namespace" if everywhere else f"namespace {models.namespace}"
        click.echo(f"There are no ModelDeployments in {place}.", err=True)
        return
    show(console(), listing(views, everywhere=everywhere))


def listing(views: Sequence[View], *, everywhere: bool) -> RenderableType:
    """Return ModelDeployments as a table."""
    namespace = ["NAMESPACE"] if everywhere else []
    rows = table(*namespace, "NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "ROLLOUT", "REASON")
    for view in views:
        candidate, rollout = view.status.candidate, view.rollout
        rows.add_row(
            *([view.namespace] if everywhere else []),
            view.name,
            phase_of(view),
            _short(view.status.stable),
            _short(candidate),
            f"{candidate.weight}%" if candidate else "",
            rollout.state if rollout else "",
            rollout.reason if rollout else "",
        )
    return rows


def _short(status: RevisionStatus | None) -> Text:
    if status is None:
        return Text("-")
    return Text(model_version(status.version, status.revision) or status.revision)

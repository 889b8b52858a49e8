"""`nereid history`: which revisions were stable, and when."""

import click
from rich.console import RenderableType
from rich.text import Text

from nereid.cli.connection import Connection, connects
from nereid.cli.figures import clock
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.screen.layout import GOOD, table
from nereid.cli.terminal import console, show
from nereid.cli.view import View, model_version, read


@click.command()
@click.argument("name")
@connects
def history(connection: Connection, name: str) -> None:
    """List the revisions that are or were stable, newest first: what rollback can go back to."""
    view = read(ModelDeployments(*connection.open()).get(name))
    if not view.status.history:
        raise click.ClickException(f"no revision of {name} has become stable yet")
    show(console(), history_table(view))


def history_table(view: View) -> RenderableType:
    """Return the history as a table."""
    rows = table("REVISION", "VERSION", "SERVED FROM", "UNTIL", "MODEL")
    for one in view.status.history:
        ended = clock(one.served_until) if one.served_until else Text("now", style=GOOD)
        version = model_version(one.version, one.revision) or "-"
        rows.add_row(one.revision, version, clock(one.served_from) or "-", ended, one.model_uri)
    return rows

"""`nereid status`: one screen that explains a ModelDeployment."""

from datetime import UTC, datetime

import click
import yaml

from nereid.cli.api_server import Connection, connects
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.screen import screen
from nereid.cli.terminal import as_json, console, show
from nereid.cli.view import read


@click.command()
@click.argument("name")
@click.option("--output", "-o", type=click.Choice(["json", "yaml"]), help="Print the object instead.")
@connects
def status(connection: Connection, name: str, output: str | None) -> None:
    """Explain what a ModelDeployment is doing, why, and what comes next."""
    document = ModelDeployments(*connection.open()).get(name)
    document["metadata"].pop("managedFields", None)
    match output:
        case "json":
            click.echo(as_json(document))
        case "yaml":
            click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)
        case _:
            show(console(), screen(read(document), datetime.now(UTC), connection.command_line))

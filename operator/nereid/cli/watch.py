"""`nereid watch`: the status screen, live."""

import click

from nereid.cli.api_server import Connection, connects
from nereid.cli.following import Wait, follow
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.period import PERIOD
from nereid.cli.rollout_outcome import outcome_of_rollout


@click.command()
@click.argument("name")
@click.option("--until-done", is_flag=True, help="Exit when the spec's revision is stable (exit code 0) or failed (1).")
@click.option(
    "--timeout", type=PERIOD, help="With --until-done: how long to wait at most, for instance 30m. Default: no limit."
)
@connects
def watch(connection: Connection, name: str, *, until_done: bool, timeout: float | None) -> None:
    """Show the status screen and update it at every change, until Ctrl-C.

    If standard output is not a terminal, print one line per change.
    """
    if timeout and not until_done:
        raise click.UsageError("--timeout requires --until-done")
    wait = Wait(outcome_of_rollout, f"the end of the rollout of {name}", timeout) if until_done else None
    follow(ModelDeployments(*connection.open()), name, connection.command_line, wait)

"""`nereid run`: the operator."""

import click

from nereid.controller.plan.settings import Settings


@click.command()
@click.option("--log-format", type=click.Choice(["json", "plain"]), default="json", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def run(log_format: str, log_level: str) -> None:
    """Run the operator. Settings come from the environment, NEREID_…."""
    from nereid.controller.shell.handlers import run_operator  # noqa: PLC0415 - help needs no Kopf

    run_operator(Settings(), log_format=log_format, log_level=log_level)

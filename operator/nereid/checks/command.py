"""The command line of the Job that runs checks: `nereid check`."""

import asyncio
import os
from pathlib import Path

import click
from pydantic import ValidationError

from nereid.checks.dataset import Folders
from nereid.checks.errors import NotRunError
from nereid.checks.run import run_checks
from nereid.contract.check_job import ENV_WORK, CheckWork
from nereid.contract.check_message import failure_message, results_message
from nereid.contract.process import set_up_process, write_termination_message


@click.command()
@click.option(
    "--termination-log",
    type=click.Path(path_type=Path),
    default=Path("/dev/termination-log"),
    show_default=True,
    help="File to which the outcome is written as JSON.",
)
def check(termination_log: Path) -> None:
    """Run the checks that NEREID_CHECKS describes. The check Job runs this command.

    It ends with status 0 when all of them were run, whether they passed or not.
    """
    set_up_process()
    try:
        results = asyncio.run(run_checks(_work(), Folders()))
    except NotRunError as error:
        click.echo(str(error), err=True)
        write_termination_message(termination_log, failure_message(str(error)))
        raise SystemExit(1) from error
    write_termination_message(termination_log, results_message(results))


def _work() -> CheckWork:
    try:
        return CheckWork.model_validate_json(os.environ.get(ENV_WORK, ""))
    except ValidationError as error:
        raise NotRunError(f"the variable {ENV_WORK}, which the operator sets, does not hold valid checks") from error

"""The command line of the Job that runs checks: `nereid check`."""

import asyncio
from pathlib import Path

import click

from nereid.checks.dataset import Folders
from nereid.checks.errors import NotRunError
from nereid.checks.run import run_checks
from nereid.contract.check_job import ENV_WORK, CheckWork
from nereid.contract.check_message import failure_message, results_message
from nereid.contract.process import failed, set_up_process, termination_log_option, write_termination_message
from nereid.contract.work import InvalidWorkError, read_work


@click.command()
@termination_log_option("the outcome is written as JSON")
def check(termination_log: Path) -> None:
    """Run the checks that NEREID_CHECKS describes. The check Job runs this command.

    It ends with status 0 when all of them were run, whether they passed or not.
    """
    set_up_process()
    try:
        results = asyncio.run(run_checks(read_work(CheckWork, ENV_WORK), Folders()))
    except (InvalidWorkError, NotRunError) as error:
        raise failed(str(error), termination_log, failure_message(str(error))) from error
    write_termination_message(termination_log, results_message(results))

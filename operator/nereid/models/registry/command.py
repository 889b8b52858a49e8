"""The command lines of the Jobs that resolve and tag models: `nereid resolve` and `nereid tag`.

A result and a failure are both written as one line of JSON, and both end with status 0.
"""

from collections.abc import Callable
from pathlib import Path

import click

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.model_job import ENV_WORK, ModelJobWork
from nereid.contract.process import set_up_process, termination_log_option, write_termination_message
from nereid.contract.work import InvalidWorkError, read_work
from nereid.models.internal_error import internal_error
from nereid.models.process_limits import limit_memory
from nereid.models.registry.answer_lines import failure_line
from nereid.models.registry.jobs import resolve_reference, tag_version
from nereid.models.sources.failures import InterruptionError

_termination_log = termination_log_option("the outcome is written as one line of JSON")


@click.command()
@_termination_log
def resolve(termination_log: Path) -> None:
    """Resolve the reference of NEREID_MODEL_JOB to a fixed URI. The Job that resolves a model runs this command."""
    _run(termination_log, resolve_reference)


@click.command()
@_termination_log
def tag(termination_log: Path) -> None:
    """Set the tags of NEREID_MODEL_JOB in the MLflow registry. The Job that tags a model runs this command."""
    _run(termination_log, tag_version)


def _run(termination_log: Path, work_of_job: Callable[[ModelJobWork], str]) -> None:
    set_up_process()
    limit_memory()
    try:
        line = work_of_job(read_work(ModelJobWork, ENV_WORK))
    except InvalidWorkError as error:
        line = failure_line(FetchError(Reason.MODEL_INVALID, str(error)))
    except FetchError as error:
        line = failure_line(error)
    except InterruptionError as interruption:
        # The operator tries again by itself.
        line = failure_line(interruption.failure)
    except Exception as error:  # noqa: BLE001 - whatever it is, the operator reports it
        line = failure_line(internal_error(error))
    click.echo(line)
    write_termination_message(termination_log, f"{line}\n")

"""The command line of the init container: `nereid fetch`."""

from pathlib import Path

import click

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import ENV_WORK, FetchWork
from nereid.contract.process import failed, set_up_process, termination_log_option, write_termination_message
from nereid.contract.work import InvalidWorkError, read_work
from nereid.models.fetch.job import fetch as fetch_model
from nereid.models.internal_error import internal_error
from nereid.models.process_limits import limit_file_size, limit_memory


@click.command()
@termination_log_option("the outcome is written as one line")
def fetch(termination_log: Path) -> None:
    """Fetch the model that NEREID_FETCH describes into Triton's model repository.

    The init container of every pod runs this command.
    """
    set_up_process()
    try:
        work = read_work(FetchWork, ENV_WORK)
        limit_memory()
        limit_file_size(work.max_bytes)
        fetched = fetch_model(work)
    except InvalidWorkError as error:
        raise _failed(FetchError(Reason.MODEL_INVALID, str(error)), termination_log) from error
    except FetchError as error:
        raise _failed(error, termination_log) from error
    except Exception as error:
        raise _failed(internal_error(error), termination_log) from error
    click.echo(f"Model {work.model_name} is at {fetched.model}")
    write_termination_message(termination_log, f"{fetched.facts.line()}\n")


def _failed(error: FetchError, termination_log: Path) -> SystemExit:
    return failed(str(error), termination_log, f"{error}\n")

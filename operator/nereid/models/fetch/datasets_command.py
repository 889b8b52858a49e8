"""The command line of the container that fetches data sets before checks run: `nereid fetch-datasets`."""

from pathlib import Path
from typing import Final

import click

from nereid.contract.check_job import ENV_DATASETS, MAX_DOWNLOAD_BYTES, DatasetsWork
from nereid.contract.check_message import failure_message
from nereid.contract.fetch_errors import FetchError
from nereid.contract.process import failed, set_up_process, termination_log_option
from nereid.contract.work import InvalidWorkError, read_work
from nereid.models.fetch.datasets import fetch_dataset
from nereid.models.internal_error import internal_error
from nereid.models.process_limits import limit_file_size, limit_memory

# The message names the check, so that the field needs no longer path.
SUBJECT: Final = "dataset"


@click.command()
@termination_log_option("a failure is written as JSON")
def fetch_datasets(termination_log: Path) -> None:
    """Fetch the data sets that NEREID_DATASETS describes. The first container of the check Job runs this command."""
    set_up_process()
    limit_memory()
    limit_file_size(MAX_DOWNLOAD_BYTES)
    try:
        work = read_work(DatasetsWork, ENV_DATASETS)
    except InvalidWorkError as error:
        raise _failed(str(error), termination_log) from error
    for dataset in work.datasets:
        try:
            fetch_dataset(dataset)
        except FetchError as error:
            raise _failed(f"check {dataset.check}: {error.sentence_for(SUBJECT)}", termination_log) from error
        except Exception as error:
            sentence = internal_error(error).sentence_for(SUBJECT)
            raise _failed(f"check {dataset.check}: {sentence}", termination_log) from error


def _failed(sentence: str, termination_log: Path) -> SystemExit:
    return failed(sentence, termination_log, failure_message(sentence))

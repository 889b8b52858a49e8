"""Data sets of checks: plain files, which are fetched like models, without a layout."""

import errno
import shutil
from dataclasses import replace

from nereid.contract.check_job import MAX_DOWNLOAD_BYTES, Dataset
from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.source import ClaimSource, RemoteSource, parse_source
from nereid.models.fetch.over_network import fetch_over_network
from nereid.models.fetch.staging import Staging
from nereid.models.sources.attempts import Limits
from nereid.models.sources.selection import Selection


def fetch_dataset(dataset: Dataset, limits: Limits | None = None) -> None:
    """Fetch a data set into its folder, as the only file there; raise FetchError if that fails.

    It may be called again after it was killed: it continues, and does nothing if the file exists already.
    """
    if dataset.folder.exists():
        return
    source = parse_source(dataset.request.uri)
    if isinstance(source, ClaimSource):
        raise FetchError(Reason.MODEL_INVALID, f"{source} is on a volume, which is mounted and not fetched")
    try:
        _fetch(source, dataset, limits or Limits())
    except FetchError as error:
        if error.reason is Reason.MODEL_TOO_LARGE:
            raise FetchError(error.reason, _too_large(source)) from error
        raise
    except OSError as error:
        raise FetchError(Reason.MODEL_FETCH_FAILED, _explained(error, source)) from error


def _fetch(source: RemoteSource, dataset: Dataset, limits: Limits) -> None:
    def require_one(selection: Selection) -> None:
        if len(selection.files) != 1:
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{source} holds {len(selection.files)} files, but a data set is one file: name it in {Field.PATH}",
            )

    staging = Staging(dataset.folder.with_name(f"{dataset.folder.name}.part"))
    staging.root.mkdir(parents=True, exist_ok=True)
    request = replace(dataset.request, max_bytes=MAX_DOWNLOAD_BYTES)
    arrival = fetch_over_network(source, request, staging, limits, require_one)
    (file,) = arrival.files
    # It may lie in a folder of its source, where that holds nothing else.
    (arrival.content / file).parent.rename(dataset.folder)
    shutil.rmtree(staging.destination, ignore_errors=True)


def _explained(error: OSError, source: RemoteSource) -> str:
    if error.errno == errno.EFBIG:
        return _too_large(source)
    return f"{source} could not be written to the pod's disk ({error.strerror}): put it on a volume, or check the node"


def _too_large(source: RemoteSource) -> str:
    return f"{source} is larger than the limit of {MAX_DOWNLOAD_BYTES >> 30} GiB for downloads: put it on a volume"

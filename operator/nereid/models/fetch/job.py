"""One fetch from beginning to end: it results in models in the destination, or in an error that says what to change."""

import errno
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from nereid.contract.fetch_errors import WORTH_CONTINUING, FetchError, Reason
from nereid.contract.fetch_job import Fetched, FetchWork
from nereid.contract.source import ClaimSource, Source, parse_source
from nereid.models.fetch.cache import DISK_FULL
from nereid.models.fetch.layouts import stage
from nereid.models.fetch.mounted import on_claim, on_image, require_mounted
from nereid.models.fetch.over_network import fetch_over_network
from nereid.models.fetch.staging import Staging
from nereid.models.sources.attempts import Limits
from nereid.models.sources.bounds import Bound

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """The model's directory in the destination, and the facts of its source."""

    model: Path
    facts: Fetched


def fetch(request: FetchWork, limits: Limits | None = None) -> FetchedModel:
    """Fetch the model into the destination; raise FetchError if that fails.

    It may be called again after it failed or was killed: it continues, and does nothing if the model is there already.
    """
    staging = Staging(request.destination)
    model = request.destination / request.model_name
    try:
        if not staging.is_sealed:
            if model.exists():
                logger.info("%s exists already", model)
                staging.discard()
                return FetchedModel(model, staging.published)
            _stage(request, staging, limits or Limits())
        staging.publish()
    except FetchError as error:
        if error.reason not in WORTH_CONTINUING:
            staging.discard()
        raise
    except OSError as error:
        raise _explained(error, request) from error
    return FetchedModel(model, staging.published)


def _stage(request: FetchWork, staging: Staging, limits: Limits) -> None:
    source = parse_source(request.uri)
    logger.info("Fetching %s as %s", source, request.format)
    staging.open()
    artifact, facts = _artifact(source, request, staging, limits)
    stage(artifact, request, staging)
    staging.seal(facts)


def _artifact(source: Source, request: FetchWork, staging: Staging, limits: Limits) -> tuple[Path, Fetched]:
    """Return the file or folder that the request selects, fetched and verified, and its facts."""
    if isinstance(source, ClaimSource):
        return require_mounted(on_claim(source, request), request, staging.verified)
    if request.mounted is not None:
        return require_mounted(on_image(source, request.mounted, request), request)
    arrival = fetch_over_network(source, request, staging, limits)
    return arrival.artifact, arrival.facts


def _explained(error: OSError, request: FetchWork) -> FetchError:
    if error.errno == errno.EFBIG:
        # The process may write no larger file, whatever the code above has counted.
        return Bound.of(request, str(parse_source(request.uri))).too_large()
    if error.errno in DISK_FULL:
        usage = shutil.disk_usage(request.destination)
        sentence = (
            f"the pod's disk is full ({usage.free} of {usage.total} bytes are free): "
            "use nodes with more ephemeral storage, or put the model on a PersistentVolumeClaim"
        )
    elif isinstance(error, PermissionError):
        sentence = f"{error.filename} cannot be read by user {os.getuid()}: make it readable for all users"
    else:
        sentence = f"{error.filename or 'the file system'} failed ({error.strerror}): check the volume and the node"
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)

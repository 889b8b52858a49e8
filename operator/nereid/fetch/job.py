"""The whole of one fetch: from the source to models in the destination, or one error that says what to change."""

import errno
import logging
import os
import shutil
from pathlib import Path
from typing import Final

from nereid.fetch.claim import stage_from_claim
from nereid.fetch.download import Limits
from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.request import Request
from nereid.fetch.source import ClaimSource, parse_source
from nereid.fetch.staging import Staging
from nereid.fetch.web import stage_from_web

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

logger = logging.getLogger(__name__)


def fetch(request: Request, limits: Limits | None = None) -> Path:
    """Bring the model into the destination and return its directory there; raise FetchError when that cannot be done.

    It may be called again after it failed or was killed: it continues, and does nothing when the model is there
    already.
    """
    staging = Staging(request.destination)
    try:
        if not staging.is_sealed:
            if (request.destination / request.model_name).exists():
                logger.info("%s is there already", request.destination / request.model_name)
                staging.discard()
                return request.destination / request.model_name
            _stage(request, staging, limits or Limits())
        staging.publish()
    except FetchError as error:
        if error.reason is not Reason.MODEL_FETCH_FAILED:
            # What has come is not what was meant; after a mere interruption it is worth keeping.
            staging.discard()
        raise
    except OSError as error:
        raise _explained(error, request.destination) from error
    return request.destination / request.model_name


def _stage(request: Request, staging: Staging, limits: Limits) -> None:
    source = parse_source(request.uri)
    logger.info("Fetching %s as %s", source, request.format)
    staging.open()
    if isinstance(source, ClaimSource):
        stage_from_claim(source, request, staging)
    else:
        stage_from_web(source, request, staging, limits)
    staging.seal()


def _explained(error: OSError, destination: Path) -> FetchError:
    if error.errno in DISK_FULL:
        usage = shutil.disk_usage(destination)
        sentence = (
            f"the disk for models is full ({usage.free} of {usage.total} bytes are free): "
            "use nodes with more ephemeral storage, or put the model on a PersistentVolumeClaim"
        )
    elif isinstance(error, PermissionError):
        sentence = f"{error.filename} may not be read by user {os.getuid()}: make it readable for everybody"
    else:
        sentence = f"{error.filename or 'the file system'} failed ({error.strerror}): look at the volume and the node"
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)

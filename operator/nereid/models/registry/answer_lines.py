"""The result of a Job as one line of JSON, which is short enough for a termination message."""

from typing import Final

from nereid.api.status import ResolutionFailure
from nereid.contract.fetch_errors import FetchError
from nereid.contract.model_job import ModelJobAnswer, RegistryProvenance

_MAX_LINE_BYTES: Final = 4000


def resolved_line(uri: str, provenance: RegistryProvenance) -> str:
    """Return the line with the fixed URI and its provenance: without the signature or all of it, if it is too long."""
    line = ""
    for told in (provenance, provenance.model_copy(update={"signature": None}), RegistryProvenance()):
        line = _line(ModelJobAnswer(uri=uri, provenance=told))
        if len(line.encode()) <= _MAX_LINE_BYTES:
            break
    return line


def done_line() -> str:
    """Return the line of a Job that has succeeded and has nothing to return."""
    return _line(ModelJobAnswer())


def failure_line(error: FetchError) -> str:
    """Return the line with the reason and message of a failure."""
    sentence = str(error).removeprefix(f"{error.reason}: ")
    return _line(ModelJobAnswer(failure=ResolutionFailure(reason=str(error.reason), message=sentence)))


def _line(answer: ModelJobAnswer) -> str:
    return answer.model_dump_json(by_alias=True, exclude_none=True)

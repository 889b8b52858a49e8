"""The one line of JSON by which a Job tells the operator what it found; a termination message holds no more."""

from typing import Final

from nereid.api.status import ResolutionFailure
from nereid.contract.fetch_errors import FetchError
from nereid.contract.model_job import ModelJobAnswer, RegistryProvenance

_LONGEST_LINE: Final = 4000


def found_line(uri: str, provenance: RegistryProvenance) -> str:
    """Return the line that tells of an immutable URI; a signature gives way where all of it would be too long."""
    line = _line(ModelJobAnswer(uri=uri, provenance=provenance))
    if len(line.encode()) <= _LONGEST_LINE:
        return line
    return _line(ModelJobAnswer(uri=uri, provenance=provenance.model_copy(update={"signature": None})))


def done_line() -> str:
    """Return the line that tells that what was asked for is done."""
    return _line(ModelJobAnswer())


def failure_line(error: FetchError) -> str:
    """Return the line that tells why nothing was found."""
    sentence = str(error).removeprefix(f"{error.reason}: ")
    return _line(ModelJobAnswer(failure=ResolutionFailure(reason=str(error.reason), message=sentence)))


def _line(answer: ModelJobAnswer) -> str:
    return answer.model_dump_json(by_alias=True, exclude_none=True)

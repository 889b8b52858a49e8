"""Whether a response counts as an error or a rejection of the revision, by Istio's labels. Pure."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Outcome(Enum):
    """ERROR: the revision failed. REJECTION: it rejected the request as the client's fault. OTHER: neither."""

    ERROR = auto()
    REJECTION = auto()
    OTHER = auto()


# DC, DR: the client closed the connection, or reset the stream; DPE: it violated the protocol.
_CLIENT_FLAGS: Final = frozenset({"DC", "DR", "DPE"})

# 2 UNKNOWN, 4 DEADLINE_EXCEEDED, 8 RESOURCE_EXHAUSTED, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE, 15 DATA_LOSS
_GRPC_ERRORS: Final = frozenset({2, 4, 8, 12, 13, 14, 15})
# 3 INVALID_ARGUMENT, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED, 9 FAILED_PRECONDITION, 10 ABORTED,
# 11 OUT_OF_RANGE, 16 UNAUTHENTICATED
_GRPC_REJECTIONS: Final = frozenset({3, 5, 6, 7, 9, 10, 11, 16})

_NO_ANSWER: Final = 0
_SERVER_ERRORS: Final = 500
_CLIENT_ERRORS: Final = 400
# Too many requests, and a client that closed the request: they depend on the load, not on the model.
_NOT_REJECTIONS: Final = frozenset({429, 499})


def outcome(labels: Mapping[str, str]) -> Outcome:
    """Return the outcome of the requests that a series of istio_requests_total counts."""
    code = _number(labels.get("response_code")) or _NO_ANSWER
    if code >= _SERVER_ERRORS:
        return Outcome.ERROR
    if _CLIENT_FLAGS & set(labels.get("response_flags", "").split(",")):
        # What the revision would have answered is not known; of a gRPC call Envoy then says UNKNOWN.
        return Outcome.OTHER
    return _of_grpc_status(_number(labels.get("grpc_response_status"))) or _of_code(code)


def _of_grpc_status(status: int | None) -> Outcome | None:
    if status in _GRPC_ERRORS:
        return Outcome.ERROR
    if status in _GRPC_REJECTIONS:
        return Outcome.REJECTION
    return None


def _of_code(code: int) -> Outcome:
    if code == _NO_ANSWER:
        return Outcome.ERROR
    if code >= _CLIENT_ERRORS and code not in _NOT_REJECTIONS:
        return Outcome.REJECTION
    return Outcome.OTHER


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None

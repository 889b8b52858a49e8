"""The errors of a transfer, by whether another attempt may help.

The clients' own messages are not shown: they may contain a URL with its secrets.
"""

import socket
import ssl
from http import HTTPStatus
from typing import Final

from nereid.contract.fetch_errors import FetchError, Field, Reason

# Which of them is raised depends on the version of OpenSSL.
NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})

DENIED_STATUSES: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
NOT_FOUND_STATUSES: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
CHANGED_STATUSES: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
"""What a store answers if the object has another version now."""
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class InterruptionError(Exception):
    """A transfer that is worth another attempt; `failure` is the error to report if none is left."""

    def __init__(self, failure: FetchError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ChangedError(InterruptionError):
    """The file has another version than when it was listed: its bytes are useless, and all files are listed again."""


class CorruptedError(InterruptionError):
    """All bytes were received, but a checksum does not match: they are useless."""


def failed(sentence: str) -> FetchError:
    """Return the error of a transfer that failed."""
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)


def is_temporary(status: int) -> bool:
    """Whether a server with this status may succeed at another attempt."""
    return status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def server_error(server: str, shown: object, answer: object) -> InterruptionError:
    """Return the error of a server that failed, and may succeed at another attempt."""
    return InterruptionError(
        failed(f"{server} answered {answer} for {shown}: check the server, which is overloaded or faulty")
    )


def untrusted_certificate(error: ssl.SSLCertVerificationError, server: str) -> FetchError:
    """Return the error of a server whose certificate is not signed by a trusted authority."""
    return failed(
        f"the certificate of {server} is not trusted ({error.verify_message}): if a private authority "
        f"signed it, set {Field.CA_BUNDLE} to that authority's certificate"
    )


def unknown_host(error: socket.gaierror, host: str, correct: str) -> InterruptionError:
    """Return the error of a host name that DNS does not resolve; `correct` is the field that has the name."""
    if error.errno == socket.EAI_AGAIN:
        return InterruptionError(failed(f"the host name {host} could not be resolved: check the cluster's DNS"))
    return InterruptionError(FetchError(Reason.MODEL_NOT_FOUND, f"the host {host} does not exist: correct {correct}"))

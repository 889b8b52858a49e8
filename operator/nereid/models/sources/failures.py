"""What can go wrong in a transfer, by whether trying again may help.

The clients' own texts are not passed on: they may hold a URL with its secrets.
"""

import socket
import ssl
from http import HTTPStatus
from typing import Final

from nereid.contract.fetch_errors import FetchError, Field, Reason

# Which of them is told depends on the version of OpenSSL.
NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})

REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
REPLACED: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
"""What a store answers that has another version by now."""
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class InterruptionError(Exception):
    """A transfer that is worth another attempt; `failure` is what to report when there is none left."""

    def __init__(self, failure: FetchError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ChangedError(InterruptionError):
    """The file is no longer of the version that was listed: what has arrived is of no use, and it is listed again."""


class CorruptedError(InterruptionError):
    """All bytes came, and something says that they are not those of the file: they are of no use."""


def failed(sentence: str) -> FetchError:
    """Return the error of a transfer that did not succeed."""
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)


def may_pass(status: int) -> bool:
    """Tell whether a server that answers so may answer otherwise the next time."""
    return status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def faulty(server: str, shown: object, answer: object) -> InterruptionError:
    """Return the error of an answer that may be another one next time."""
    return InterruptionError(
        failed(f"{server} answered {answer} for {shown}: look at the server, it is overloaded or faulty")
    )


def untrusted(error: ssl.SSLCertVerificationError, server: str) -> FetchError:
    """Return the error of a server whose certificate no authority signed that is trusted."""
    return failed(
        f"the certificate of {server} is not trusted ({error.verify_message}): when a private authority "
        f"signed it, give that authority's certificate by {Field.CA_BUNDLE}"
    )


def unresolved(error: socket.gaierror, host: str, correct: str) -> InterruptionError:
    """Return the error of a host's name that leads nowhere; `correct` is the field that names it."""
    if error.errno == socket.EAI_AGAIN:
        return InterruptionError(
            failed(f"the name of the host {host} could not be looked up: look at the cluster's DNS")
        )
    return InterruptionError(FetchError(Reason.MODEL_NOT_FOUND, f"the host {host} is unknown: correct {correct}"))

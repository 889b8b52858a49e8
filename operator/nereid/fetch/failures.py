"""What can go wrong between two servers, and whether trying again may help.

The libraries' own texts are not passed on: they may hold a URL with its secrets.
"""

import socket
import ssl
from http import HTTPStatus
from typing import Final

import aiohttp

from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.source import HttpsSource

GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
TRANSIENT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class InterruptionError(Exception):
    """A transfer that is worth another attempt; `failure` is what to report when there is none left."""

    def __init__(self, failure: FetchError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def failed(sentence: str) -> FetchError:
    """Return the error of a transfer that did not succeed."""
    return FetchError(Reason.MODEL_FETCH_FAILED, sentence)


def refusal(status: int, source: HttpsSource) -> Exception:
    """Return what a status other than 200 and 206 means: a FetchError, or an InterruptionError to try again."""
    if status in GONE:
        return FetchError(Reason.MODEL_NOT_FOUND, f"{source} does not exist (status {status}): correct spec.model.uri")
    if status in REFUSED:
        return failed(
            f"{source.host} refuses {source} (status {status}): no credentials are sent, so make the file readable "
            "without them, or let spec.model.uri be a signed URL that is still valid"
        )
    answered = f"{source.host} answered status {status} for {source}"
    if status in TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return InterruptionError(failed(f"{answered}: look at the server, it is overloaded or faulty"))
    return failed(f"{answered}: correct spec.model.uri, or look at the server")


def explained(error: Exception, source: HttpsSource) -> Exception:
    """Return what a connection error means: a FetchError, or an InterruptionError to try again."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return failed(
                f"the certificate of {error.host} is not trusted ({_verification(error)}): when a private authority "
                "signed it, give that authority's certificate by spec.model.caBundle"
            )
        case aiohttp.ClientSSLError():
            return failed(f"{source.host} and port {source.url.port} do not speak TLS as expected: correct the host")
        case aiohttp.ClientConnectorDNSError():
            return InterruptionError(_unresolved(error))
        case TimeoutError():
            return InterruptionError(failed(f"{source.host} stopped answering: look at the server and the network"))
        case _:
            return InterruptionError(
                failed(f"the connection to {source.host} failed ({_cause(error)}): look at the server and the network")
            )


def _unresolved(error: aiohttp.ClientConnectorDNSError) -> FetchError:
    if error.os_error.errno == socket.EAI_AGAIN:
        return failed(f"the name of the host {error.host} could not be looked up: look at the cluster's DNS")
    return FetchError(Reason.MODEL_NOT_FOUND, f"the host {error.host} is unknown: correct spec.model.uri")


def _verification(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "verification failed"


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, aiohttp.ClientPayloadError):
        return "it was closed in the middle of the file"
    return "it was closed"

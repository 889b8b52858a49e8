"""What an https server's refusals and broken connections mean, in sentences without the secrets of a URL."""

import socket
import ssl
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.source import HttpsSource
from nereid.models.sources.credentials import Credentials, denied
from nereid.models.sources.failures import (
    GONE,
    NOT_TLS,
    REFUSED,
    InterruptionError,
    failed,
    faulty,
    may_pass,
    unresolved,
    untrusted,
)

KEYS: Final = "username and password, or token"


def refusal(status: int, source: HttpsSource, credentials: Credentials) -> Exception:
    """Return what a status other than 200 and 206 means: a FetchError, or an InterruptionError to try again."""
    if status in GONE:
        return FetchError(Reason.MODEL_NOT_FOUND, f"{source} does not exist (status {status}): correct {Field.URI}")
    if status in REFUSED:
        return denied(source.host, f"{source} (status {status})", credentials, KEYS)
    if may_pass(status):
        return faulty(source.host, source, f"status {status}")
    return failed(f"{source.host} answered status {status} for {source}: correct {Field.URI}, or look at the server")


def explained(error: Exception, url: URL) -> Exception:
    """Return what a connection error at a URL means: a FetchError, or an InterruptionError to try again."""
    match error:
        case ssl.SSLCertVerificationError():
            return untrusted(error, str(url.host))
        case ssl.SSLError() if error.reason in NOT_TLS:
            return failed(f"{url.host} and port {url.port} do not speak TLS as expected: correct the host")
        case socket.gaierror():
            return unresolved(error, str(url.host), str(Field.URI))
        case TimeoutError():
            return InterruptionError(failed(f"{url.host} stopped answering: look at the server and the network"))
        case _:
            return InterruptionError(
                failed(f"the connection to {url.host} failed ({_cause(error)}): look at the server and the network")
            )


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it was closed in the middle of the file"

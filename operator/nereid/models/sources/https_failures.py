"""The errors for an https server's statuses and broken connections, with messages without a URL's secrets."""

import socket
import ssl
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.source import HttpsSource
from nereid.models.sources.credentials import Credentials, access_denied
from nereid.models.sources.failures import (
    DENIED_STATUSES,
    NOT_FOUND_STATUSES,
    NOT_TLS,
    InterruptionError,
    failed,
    is_temporary,
    server_error,
    unknown_host,
    untrusted_certificate,
)

KEYS: Final = "username and password, or token"


def error_of_status(status: int, source: HttpsSource, credentials: Credentials) -> Exception:
    """Return the error for a status other than 200 and 206: a FetchError, or an InterruptionError to try again."""
    if status in NOT_FOUND_STATUSES:
        return FetchError(Reason.MODEL_NOT_FOUND, f"{source} does not exist (status {status}): correct {Field.URI}")
    if status in DENIED_STATUSES:
        return access_denied(source.host, f"{source} (status {status})", credentials, KEYS)
    if is_temporary(status):
        return server_error(source.host, source, f"status {status}")
    return failed(f"{source.host} answered status {status} for {source}: correct {Field.URI}, or check the server")


def explained(error: Exception, url: URL) -> Exception:
    """Return the error for a failed connection to a URL: a FetchError, or an InterruptionError to try again."""
    match error:
        case ssl.SSLCertVerificationError():
            return untrusted_certificate(error, str(url.host))
        case ssl.SSLError() if error.reason in NOT_TLS:
            return failed(f"port {url.port} of {url.host} does not serve TLS: correct the host")
        case socket.gaierror():
            return unknown_host(error, str(url.host), str(Field.URI))
        case TimeoutError():
            return InterruptionError(failed(f"{url.host} stopped answering: check the server and the network"))
        case _:
            return InterruptionError(
                failed(f"the connection to {url.host} failed ({_cause(error)}): check the server and the network")
            )


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it was closed in the middle of the file"

"""The error for a failed connection, for all client libraries: they wrap the same few causes.

The libraries' own messages are not shown: they may contain a URL with its secrets.
"""

import socket
import ssl
from collections.abc import Iterable, Iterator

from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from nereid.models.sources.failures import NOT_TLS, InterruptionError, failed, unknown_host, untrusted_certificate


def broken(error: BaseException, server: str, correct: str) -> Exception:
    """Return a FetchError, or an InterruptionError to try again; `correct` is the field that names the server.

    A MemoryError that the library took for a failed connection is returned as it is.
    """
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case MemoryError():
                # Another attempt would end as this one did.
                return cause
            case ssl.SSLCertVerificationError():
                return untrusted_certificate(cause, server)
            case ssl.SSLError() if cause.reason in NOT_TLS:
                return failed(f"{server} does not serve TLS: correct {correct}")
            case socket.gaierror():
                return unknown_host(cause, server, correct)
    return InterruptionError(
        failed(f"{_problem(causes, server)}: check the server and the network, or correct {correct}")
    )


def _problem(causes: Iterable[BaseException], server: str) -> str:
    descriptions = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    if descriptions:
        return f"the connection to {server} failed ({descriptions[0]})"
    if any(isinstance(cause, TimeoutError | ReadTimeoutError | ConnectTimeoutError) for cause in causes):
        return f"{server} stopped answering"
    return f"the connection to {server} failed (it was closed)"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all its causes, the outermost first: clients store them in different attributes."""
    pending, visited = [error], set[int]()
    while pending:
        cause = pending.pop(0)
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        attributes = (getattr(cause, name, None) for name in ("reason", "inner_exception"))
        candidates = (cause.__cause__, cause.__context__, *attributes, *cause.args)
        pending.extend(candidate for candidate in candidates if isinstance(candidate, BaseException))

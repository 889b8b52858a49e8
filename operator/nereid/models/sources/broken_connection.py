"""What a failed connection means, whichever client library it failed in: all of them wrap the same few causes.

The libraries' own texts are not passed on: they may hold a URL with its secrets.
"""

import socket
import ssl
from collections.abc import Iterable, Iterator

from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from nereid.models.sources.failures import NOT_TLS, InterruptionError, failed, unresolved, untrusted


def broken(error: BaseException, server: str, correct: str) -> Exception:
    """Return a FetchError, or an InterruptionError to try again; `correct` is the field that names the server."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return untrusted(cause, server)
            case ssl.SSLError() if cause.reason in NOT_TLS:
                return failed(f"{server} does not speak TLS as expected: correct {correct}")
            case socket.gaierror():
                return unresolved(cause, server, correct)
    return InterruptionError(
        failed(
            f"the connection to {server} failed ({_detail(causes)}): "
            f"look at the server and the network, or correct {correct}"
        )
    )


def _detail(causes: Iterable[BaseException]) -> str:
    known = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    late = [cause for cause in causes if isinstance(cause, TimeoutError | ReadTimeoutError | ConnectTimeoutError)]
    return known[0] if known else "it does not answer in time" if late else "it was closed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that led to it, the outermost first: clients keep them in different places."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        kept = (getattr(one, name, None) for name in ("reason", "inner_exception"))
        linked = (one.__cause__, one.__context__, *kept, *one.args)
        waiting.extend(link for link in linked if isinstance(link, BaseException))

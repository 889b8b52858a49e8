"""What a failed connection means, whichever client library it failed in: all of them wrap the same few causes.

The libraries' own texts are not passed on: they may hold a URL with its secrets.
"""

import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Final

from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.failures import InterruptionError, failed

_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


def broken(error: BaseException, server: str, correct: str) -> Exception:
    """Return a FetchError, or an InterruptionError to try again; `correct` is the field that names the server."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return failed(
                    f"the certificate of {server} is not trusted ({cause.verify_message}): when a private authority "
                    "signed it, give that authority's certificate by spec.model.caBundle"
                )
            case ssl.SSLError() if cause.reason in _NOT_TLS:
                return failed(f"{server} does not speak TLS as expected: correct {correct}")
            case socket.gaierror():
                return InterruptionError(_unresolved(cause, server, correct))
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


def _unresolved(error: socket.gaierror, server: str, correct: str) -> FetchError:
    if error.errno == socket.EAI_AGAIN:
        return failed(f"the name of the host {server} could not be looked up: look at the cluster's DNS")
    return FetchError(Reason.MODEL_NOT_FOUND, f"the host {server} is unknown: correct {correct}")


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

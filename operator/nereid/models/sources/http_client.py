"""How all sources that have no client library of their own talk HTTP: requests, proxies, trust, reading, and errors.

A server's own message is not shown: it may contain a URL with its secrets.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import ProxyManager
from urllib3.exceptions import HTTPError

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import Credentials, access_denied
from nereid.models.sources.failures import (
    DENIED_STATUSES,
    NOT_FOUND_STATUSES,
    ChangedError,
    InterruptionError,
    failed,
    is_temporary,
    server_error,
)
from nereid.models.sources.remote import CHUNK_BYTES, CONNECT_SECONDS, READ_SECONDS
from nereid.models.sources.trust import trusted_by

LARGEST_ANSWER: Final = 16 << 20
"""Bytes of an answer that is read as a whole, such as a list of files: it has to fit into memory, parsed."""
_LONGEST_ANSWER_SECONDS: Final = 60

_NOT_AN_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


class Unauthenticated(AuthBase):
    """Adds no credentials to a request's own headers: without it, requests would send those of a .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


class LeanSession(requests.Session):
    """Follows redirects without reading their bodies, which may have no end."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where the answer leads, if it is a redirect, and close its body unread."""
        target = super().get_redirect_target(resp)
        if target is not None:
            resp._content = b""  # noqa: SLF001 - what requests takes for the body that it has read
            resp.close()
        return target


class ExactSession(requests.Session):
    """Sends each URL as it is written, and leaves redirects to its user.

    requests would quote a URL anew, though a signature may cover how it is quoted, and read the body of a redirect.
    """

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Return the request, to the very URL."""
        prepared = super().prepare_request(request)
        prepared.url = str(request.url)
        return prepared

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: no answer is taken for a redirect."""


class _TrustingAdapter(HTTPAdapter):
    """Trusts the public authorities and those of the user's bundle."""

    def __init__(self, ca_bundle: Path | None) -> None:
        self._context = trusted_by(ca_bundle)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool with the context, for which requests has no parameter."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Make the pool of a proxy with it too: through a tunnel, the server's certificate is the same."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        return manager


@dataclass(frozen=True, slots=True)
class Server:
    """A server with its session, and what messages need to know of it."""

    host: str
    correct: str
    """The field that names the server."""
    credentials: Credentials
    needed: str
    """Which keys the Secret needs, `a and b, or c`."""
    session: requests.Session = field(repr=False)
    read_seconds: float = READ_SECONDS
    introduction: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers with credentials; they are dropped when the server redirects to another one."""

    def get(self, url: str, headers: Mapping[str, str] | None = None, **options: Any) -> requests.Response:
        """Return the answer with any status, its body not read yet; raise an error if there is none."""
        # Without compression, as ranges and digests refer to the bytes of the file itself.
        return self.ask(
            "GET",
            url,
            headers={"Accept-Encoding": "identity", **self.introduction, **(headers or {})},
            **options,
        )

    def ask(self, method: str, url: str, **options: Any) -> requests.Response:
        """Return the answer with any status, its body not read yet; raise an error if there is none."""
        timeout = (CONNECT_SECONDS, self.read_seconds)
        try:
            return self.session.request(method, url, auth=Unauthenticated(), timeout=timeout, stream=True, **options)
        except requests.RequestException as error:
            raise self.broken(error) from error

    def read(self, answer: requests.Response, shown: object, offset: int) -> Iterator[bytes]:
        """Yield the bytes from `offset` on from the answer to a request for them; raise an error if it is not one."""
        with answer:
            skip = self._to_skip(answer, shown, offset)
            for chunk in self.body(answer, decode=True):
                if len(chunk) > skip:
                    yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    def body(self, answer: requests.Response, *, decode: bool) -> Iterator[bytes]:
        """Yield an answer's body; `decode` undoes a Content-Encoding, which no request asks for."""
        try:
            with answer:
                # Not iter_content: it drops the received part of a chunk that is cut off.
                while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=decode):
                    yield chunk
        except (requests.RequestException, HTTPError) as error:
            raise self.broken(error) from error

    def json_object(self, answer: requests.Response, shown: object) -> dict[str, Any]:
        """Return the JSON object in an answer's body; raise an error if the body is not one, or is too large."""
        body = self.whole(self.body(answer, decode=True), shown)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict):
            return content
        raise InterruptionError(
            failed(
                f"the answer of {self.host} for {shown} is not a JSON object: check the server, or correct "
                f"{self.correct}"
            )
        )

    def whole(self, chunks: Iterable[bytes], shown: object, most: int = LARGEST_ANSWER) -> bytes:
        """Return an answer as a whole; raise FetchError if it is larger, InterruptionError if it takes too long."""
        content, deadline = bytearray(), time.monotonic() + _LONGEST_ANSWER_SECONDS
        for chunk in chunks:
            content += chunk
            if len(content) > most:
                raise failed(
                    f"the answer of {self.host} for {shown} has more than {most >> 20} MiB: check the server, or "
                    f"correct {self.correct}"
                )
            if time.monotonic() > deadline:
                raise InterruptionError(
                    failed(
                        f"the answer of {self.host} for {shown} was not complete after {_LONGEST_ANSWER_SECONDS} s: "
                        f"check the server, or correct {self.correct}"
                    )
                )
        return bytes(content)

    def _to_skip(self, answer: requests.Response, shown: object, offset: int) -> int:
        if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                raise InterruptionError(
                    failed(f"{self.host} sent another range of {shown} than requested: check the server")
                )
            return 0
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise ChangedError(failed(f"{shown} became shorter while it was downloaded: do not change published files"))
        if answer.status_code != HTTPStatus.OK:
            raise self.error_of_status(answer.status_code, shown)
        # A server without ranges sends all of it again.
        return offset

    def error_of_status(self, status: int, shown: object) -> Exception:
        """Return the error for a status other than success: a FetchError, or an InterruptionError to try again."""
        if status in NOT_FOUND_STATUSES:
            return FetchError(
                Reason.MODEL_NOT_FOUND, f"{self.host} has no {shown} (status {status}): correct {Field.URI}"
            )
        if status in DENIED_STATUSES:
            return access_denied(self.host, f"{shown} (status {status})", self.credentials, self.needed)
        if is_temporary(status):
            return server_error(self.host, shown, f"status {status}")
        return failed(f"{self.host} answered status {status} for {shown}: correct {Field.URI}, or check the server")

    def broken(self, error: BaseException) -> Exception:
        """Return the error for a failed connection."""
        if isinstance(error, _NOT_AN_ADDRESS):
            return FetchError(
                Reason.MODEL_INVALID, f"{self.host} is not a valid server address: correct {self.correct}"
            )
        return broken(error, self.host, self.correct)


def new_session(ca_bundle: Path | None, kind: type[requests.Session] = LeanSession) -> requests.Session:
    """Return a session that trusts the bundle beside the public authorities."""
    session = kind()
    session.headers["User-Agent"] = "nereid"
    session.mount("https://", _TrustingAdapter(ca_bundle))
    return session


def range_header(offset: int) -> dict[str, str]:
    """Return the header that asks for what comes from `offset` on."""
    return {"Range": f"bytes={offset}-"} if offset else {}


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header for a user with a password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"

"""Files behind the HTTP API of a hub or a registry: one way to ask, to read from any byte on, and to say what failed.

What a server says itself is not passed on: it may hold a URL with its secrets.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import ProxyManager
from urllib3.exceptions import HTTPError
from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import Credentials, denied
from nereid.models.sources.failures import GONE, REFUSED, ChangedError, InterruptionError, failed, faulty, may_pass
from nereid.models.sources.remote import CHUNK_BYTES
from nereid.models.sources.trust import trusted_by

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 50
_NOT_AN_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


class Unauthenticated(AuthBase):
    """No credentials but those of the request's own headers: without this, requests would send those of a .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


class _TrustingAdapter(HTTPAdapter):
    """Speaks to servers with a certificate of a public authority, or of the user's own."""

    def __init__(self, ca_bundle: Path | None) -> None:
        self._context = trusted_by(ca_bundle)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool with the context, which requests has no parameter for."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Make the pool of a proxy with it too: through a tunnel, the server's certificate is the same."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        return manager


@dataclass(frozen=True, slots=True)
class Server:
    """A server as messages speak of it, and the session by which it is asked."""

    host: str
    correct: str
    """The field that names the server."""
    credentials: Credentials
    needed: str
    """Which keys the Secret needs, `a and b, or c`."""
    session: requests.Session = field(repr=False)
    read_seconds: float = READ_SECONDS
    introduction: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers that say who asks; they are left out when the server sends on to another one."""

    def get(self, url: str, headers: Mapping[str, str] | None = None, **options: Any) -> requests.Response:
        """Return the answer, whose body is not read yet, whatever its status; raise where there is none."""
        # Encoded content is not wanted: ranges and digests count the bytes of the file itself.
        return self.ask(
            "GET",
            url,
            headers={"Accept-Encoding": "identity", **self.introduction, **(headers or {})},
            stream=True,
            **options,
        )

    def ask(self, method: str, url: str, **options: Any) -> requests.Response:
        """Return the answer, whatever its status; raise where there is none."""
        timeout = (CONNECT_SECONDS, self.read_seconds)
        try:
            return self.session.request(method, url, auth=Unauthenticated(), timeout=timeout, **options)
        except requests.RequestException as error:
            raise self.broken(error) from error

    def read(self, answer: requests.Response, shown: object, offset: int) -> Iterator[bytes]:
        """Yield the body of an answer to a request for the bytes from `offset` on, and raise where it is none."""
        try:
            with answer:
                skip = self._to_skip(answer, shown, offset)
                # Not iter_content: it drops what came of a chunk that is cut off.
                while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
                    if len(chunk) > skip:
                        yield chunk[skip:]
                    skip = max(0, skip - len(chunk))
        except (requests.RequestException, HTTPError) as error:
            raise self.broken(error) from error

    def json_object(self, answer: requests.Response, shown: object) -> dict[str, Any]:
        """Return the JSON object that is an answer's body; raise InterruptionError where it is not one."""
        try:
            content = answer.json()
        except requests.exceptions.JSONDecodeError:
            content = None
        except requests.RequestException as error:
            raise self.broken(error) from error
        if isinstance(content, dict):
            return content
        raise InterruptionError(
            failed(
                f"the answer of {self.host} for {shown} is not a JSON object: look at the server, or correct "
                f"{self.correct}"
            )
        )

    def _to_skip(self, answer: requests.Response, shown: object, offset: int) -> int:
        if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                raise InterruptionError(failed(f"{self.host} sent another range of {shown} than it was asked for"))
            return 0
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise ChangedError(failed(f"{shown} has become shorter while it was downloaded: publish it once, whole"))
        if answer.status_code != HTTPStatus.OK:
            raise self.refusal(answer.status_code, shown)
        # A server without ranges sends all of it again.
        return offset

    def refusal(self, status: int, shown: object) -> Exception:
        """Return what a status means that is no success: a FetchError, or an InterruptionError to try again."""
        if status in GONE:
            return FetchError(
                Reason.MODEL_NOT_FOUND, f"{self.host} has no {shown} (status {status}): correct {Field.URI}"
            )
        if status in REFUSED:
            return denied(self.host, f"{shown} (status {status})", self.credentials, self.needed)
        if may_pass(status):
            return faulty(self.host, shown, f"status {status}")
        return failed(f"{self.host} answered status {status} for {shown}: correct {Field.URI}, or look at the server")

    def broken(self, error: BaseException) -> Exception:
        """Return what a failed connection means."""
        if isinstance(error, _NOT_AN_ADDRESS):
            return FetchError(Reason.MODEL_INVALID, f"{self.host} is no server's address: correct {self.correct}")
        return broken(error, self.host, self.correct)


def new_session(ca_bundle: Path | None) -> requests.Session:
    """Return a session that trusts the bundle beside the public authorities."""
    session = requests.Session()
    session.mount("https://", _TrustingAdapter(ca_bundle))
    return session


def host_of(address: str) -> str:
    """Return the name and port of a URL's server, as messages show them."""
    url = URL(address)
    return f"{url.host}:{url.explicit_port}" if url.explicit_port else str(url.host)


def range_header(offset: int) -> dict[str, str]:
    """Return the header that asks for what comes from `offset` on."""
    return {"Range": f"bytes={offset}-"} if offset else {}


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header for a user with a password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"

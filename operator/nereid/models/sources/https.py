"""Models on https servers: one file, read from the first missing byte on, without showing secrets."""

import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import PurePosixPath
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import Field
from nereid.contract.fetch_request import Request
from nereid.contract.source import HttpsSource, in_ascii, with_server, without_secrets
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import ChangedError, failed
from nereid.models.sources.https_failures import error_of_status, explained
from nereid.models.sources.remote import CHUNK_BYTES, RemoteFile
from nereid.models.sources.trust import trusted_by

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS: Final = 15.0
IDLE_SECONDS: Final = 50.0
UNNAMED: Final = "model"


def open_files(source: HttpsSource, request: Request) -> "HttpsFile":
    """Return the one file of the URL, to be requested with the credentials of the request."""
    return HttpsFile(source, trusted_by(request.ca_bundle), Credentials.read(request.credentials))


class HttpsFile:
    """The file at a URL.

    It is described by the answer to the same GET that downloads it, as a signed URL allows no HEAD. The answer is kept
    open, and read if the download begins at the first byte.
    """

    def __init__(self, source: HttpsSource, trust: ssl.SSLContext, credentials: Credentials | None = None) -> None:
        self._source = source
        self._trust = trust
        self._credentials = credentials or Credentials.read(None)
        self._unread: HTTPResponse | None = None

    def files(self) -> Sequence[RemoteFile]:
        """Request the file and return its description from the answer's headers."""
        self.close()
        response = self._respond({})
        if response.status != HTTPStatus.OK:
            raise self._access_denied(response)
        if response.length is None and not response.chunked:
            response.close()
            raise failed(
                f"{self._source.host} sends neither the size nor the end of {self._source}, so that a partial download "
                "would look complete: configure the server to send Content-Length"
            )
        self._unread = response
        name = PurePosixPath(self._source.url.path).name or UNNAMED
        return [RemoteFile(PurePosixPath(name), response.length, _version(response))]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the file's bytes from `offset` on."""
        with self._rest(file, offset) as response:
            try:
                while chunk := response.read1(CHUNK_BYTES):
                    yield chunk
            except (OSError, HTTPException) as error:
                raise explained(error, self._source.url) from error

    def close(self) -> None:
        """Close an answer that was not read."""
        if self._unread is not None:
            self._unread.close()
            self._unread = None

    def _rest(self, file: RemoteFile, offset: int) -> HTTPResponse:
        """Return the answer whose body begins at `offset`."""
        unread, self._unread = self._unread, None
        if unread is not None:
            if not offset:
                return unread
            unread.close()
        response = self._respond({"Range": f"bytes={offset}-", "If-Range": file.version} if offset else {})
        error = self._mismatch(response, file, offset)
        if error is not None:
            response.close()
            raise error
        return response

    def _mismatch(self, response: HTTPResponse, file: RemoteFile, offset: int) -> Exception | None:
        """Return an error if the answer's body does not continue the file at `offset`; None if it does."""
        if offset and response.status == HTTPStatus.PARTIAL_CONTENT:
            if (response.headers["Content-Range"] or "").startswith(f"bytes {offset}-"):
                return None
            return ChangedError(
                failed(f"{self._source} was answered with another range than requested: check its server")
            )
        if not offset and response.status == HTTPStatus.OK:
            is_same = (response.length, _version(response)) == (file.size, file.version)
            return None if is_same else self._changed()
        if offset and response.status in {HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
            return self._changed()
        return self._access_denied(response)

    def _changed(self) -> ChangedError:
        return ChangedError(
            failed(f"{self._source} keeps changing while it is downloaded: do not change published files")
        )

    def _access_denied(self, response: HTTPResponse) -> Exception:
        response.close()
        return error_of_status(response.status, self._source, self._credentials)

    def _respond(self, headers: Mapping[str, str]) -> HTTPResponse:
        """Return the answer to a GET; redirects are followed to https URLs only."""
        url = self._source.url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._get(url, headers)
            if response.status not in REDIRECTS:
                return response
            response.close()
            url = _redirected(url, response.headers["Location"] or "", self._source)
        raise failed(
            f"{self._source} redirects more than {MAX_REDIRECTS} times: set {Field.URI} to the URL of the file itself"
        )

    def _get(self, url: URL, headers: Mapping[str, str]) -> HTTPResponse:
        # Without compression, as ranges and the digest refer to the bytes of the file itself.
        sent = {"User-Agent": "nereid", "Connection": "close", **headers, **self._authorization(url)}
        connection = HTTPSConnection(url.raw_host or "", url.port, timeout=CONNECT_SECONDS, context=self._trust)
        try:
            connection.connect()
            connection.sock.settimeout(IDLE_SECONDS)
            connection.request("GET", url.raw_path_qs, headers=sent)
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise explained(error, url) from error

    def _authorization(self, url: URL) -> dict[str, str]:
        """Return the header with the URL's or the Secret's credentials; empty for a server after a redirect."""
        if url.user:
            return {"Authorization": _basic(url.user, url.password or "")}
        if url.origin() != self._source.url.origin():
            return {}
        if token := self._credentials.token("token"):
            return {"Authorization": f"Bearer {token}"}
        user, password = self._credentials.value("username"), self._credentials.value("password")
        return {"Authorization": _basic(user, password)} if user and password else {}


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _version(response: HTTPResponse) -> str:
    """Return the ETag; empty if it is missing or weak: a weak one promises the same meaning, not the same bytes."""
    etag = response.headers["ETag"] or ""
    return "" if etag.startswith("W/") else etag


def _redirected(url: URL, location: str, source: HttpsSource) -> URL:
    try:
        # The client reads a header's bytes as Latin-1.
        target = url.join(URL(in_ascii(location, "latin-1"), encoded=True))
        shown = without_secrets(target)
        if target.scheme == "https":
            return with_server(target)
    except ValueError as error:
        raise failed(
            f"{source} redirects to a URL that is not valid: set {Field.URI} to the URL of the file itself"
        ) from error
    raise failed(f"{source} redirects to {shown}, which is not https: use its https:// address")

"""Models on https servers: one file, read from the first missing byte on, without showing secrets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Final

import requests
from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import HttpsSource, in_ascii, with_server, without_secrets
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import NOT_FOUND_STATUSES, ChangedError, failed
from nereid.models.sources.http_client import ExactSession, Server, basic, new_session, range_header
from nereid.models.sources.remote import READ_SECONDS, RemoteFile

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
UNNAMED: Final = "model"
NEEDED: Final = "username and password, or token"


def open_files(source: HttpsSource, request: Request) -> "HttpsFile":
    """Return the one file of the URL, to be requested with the credentials of the request."""
    session = new_session(request.ca_bundle, ExactSession)
    credentials = Credentials.read(request.credentials)
    return HttpsFile(
        source, Server(source.host, str(Field.URI), credentials, NEEDED, session, read_seconds=READ_SECONDS)
    )


class HttpsFile:
    """The file at a URL.

    It is described by the answer to the same GET that downloads it, as a signed URL allows no HEAD. The answer is kept
    open, and read if the download begins at the first byte.
    """

    def __init__(self, source: HttpsSource, server: Server) -> None:
        self._source = source
        self._server = server
        self._unread: requests.Response | None = None

    def files(self) -> Sequence[RemoteFile]:
        """Request the file and return its description from the answer's headers."""
        self.close()
        answer = self._respond({})
        if answer.status_code != HTTPStatus.OK:
            raise self._rejected(answer)
        size = answer.raw.length_remaining
        if size is None and not answer.raw.chunked:
            answer.close()
            raise failed(
                f"{self._source.host} sends neither the size nor the end of {self._source}, so that a partial download "
                "would look complete: configure the server to send Content-Length"
            )
        self._unread = answer
        name = PurePosixPath(self._source.url.path).name or UNNAMED
        return [RemoteFile(PurePosixPath(name), size, _version(answer))]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the file's bytes from `offset` on."""
        # As they are sent: a server that compresses a file although no request asks for it has it stored so.
        yield from self._server.body(self._rest(file, offset), decode=False)

    def close(self) -> None:
        """Close an answer that was not read."""
        if self._unread is not None:
            self._unread.close()
            self._unread = None

    def _rest(self, file: RemoteFile, offset: int) -> requests.Response:
        """Return the answer whose body begins at `offset`."""
        unread, self._unread = self._unread, None
        if unread is not None:
            if not offset:
                return unread
            unread.close()
        answer = self._respond({**range_header(offset), "If-Range": file.version} if offset else {})
        error = self._mismatch(answer, file, offset)
        if error is not None:
            answer.close()
            raise error
        return answer

    def _mismatch(self, answer: requests.Response, file: RemoteFile, offset: int) -> Exception | None:
        """Return an error if the answer's body does not continue the file at `offset`; None if it does."""
        status = answer.status_code
        if offset and status == HTTPStatus.PARTIAL_CONTENT:
            if answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                return None
            return ChangedError(
                failed(f"{self._source} was answered with another range than requested: check its server")
            )
        if not offset and status == HTTPStatus.OK:
            is_same = (answer.raw.length_remaining, _version(answer)) == (file.size, file.version)
            return None if is_same else self._changed()
        if offset and status in {HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
            return self._changed()
        return self._rejected(answer)

    def _changed(self) -> ChangedError:
        return ChangedError(
            failed(f"{self._source} keeps changing while it is downloaded: do not change published files")
        )

    def _rejected(self, answer: requests.Response) -> Exception:
        """Return the error for a status other than 200 and 206."""
        answer.close()
        status = answer.status_code
        if status in NOT_FOUND_STATUSES:
            return FetchError(
                Reason.MODEL_NOT_FOUND, f"{self._source} does not exist (status {status}): correct {Field.URI}"
            )
        return self._server.error_of_status(status, self._source)

    def _respond(self, headers: Mapping[str, str]) -> requests.Response:
        """Return the answer to a GET; redirects are followed to https URLs only."""
        url = self._source.url
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._get(url, headers)
            if answer.status_code not in REDIRECTS:
                return answer
            answer.close()
            url = _redirected(url, answer.headers.get("Location", ""), self._source)
        raise failed(
            f"{self._source} redirects more than {MAX_REDIRECTS} times: set {Field.URI} to the URL of the file itself"
        )

    def _get(self, url: URL, headers: Mapping[str, str]) -> requests.Response:
        # After a redirect, messages name the server that was reached.
        server = replace(self._server, host=url.host or "")
        sent = {"Connection": "close", **headers, **self._authorization(url)}
        return server.get(str(url.with_user(None).with_fragment(None)), sent)

    def _authorization(self, url: URL) -> dict[str, str]:
        """Return the header with the URL's or the Secret's credentials; empty for a server after a redirect."""
        if url.user:
            return {"Authorization": basic(url.user, url.password or "")}
        if url.origin() != self._source.url.origin():
            return {}
        credentials = self._server.credentials
        if token := credentials.token("token"):
            return {"Authorization": f"Bearer {token}"}
        user, password = credentials.value("username"), credentials.value("password")
        return {"Authorization": basic(user, password)} if user and password else {}


def _version(answer: requests.Response) -> str:
    """Return the ETag; empty if it is missing or weak: a weak one promises the same meaning, not the same bytes."""
    etag = answer.headers.get("ETag", "")
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

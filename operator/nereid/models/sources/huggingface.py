"""Models of a Hugging Face hub: its API lists a repository at a revision, and files are read by ranges.

Only two requests of the API are needed. Hugging Face's own client keeps a cache beside the files, and a new process
cannot continue a file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

import requests

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import HubSource
from nereid.models.sources.credentials import SECRET, Credentials, access_denied
from nereid.models.sources.endpoint import endpoint_of, server_of
from nereid.models.sources.http_client import Server, new_session, range_header
from nereid.models.sources.remote import RemoteFile

PUBLIC_HUB: Final = "https://huggingface.co"
NEEDED: Final = "HF_TOKEN"
_ADDRESS_FIELD: Final = str(Field.ENDPOINT)
_LIST_SECONDS: Final = 15
_ERROR_CODE: Final = "X-Error-Code"
_ERROR_MESSAGE: Final = "X-Error-Message"
_GATED: Final = "GatedRepo"
_DISABLED: Final = "Access to this resource is disabled."
_WRONG_TOKEN: Final = "Invalid credentials in Authorization header"  # noqa: S105 - what a hub says, not a secret
_NAME: Final = re.compile(r"(\b[\w\-.]{1,96}\b/)?\b[\w\-.]{1,96}\b", re.ASCII)


def open_files(source: HubSource, request: Request) -> "HubFiles":
    """Return the files of a repository; the hub gets no request before they are listed."""
    credentials = Credentials.read(request.credentials)
    endpoint = endpoint_of(request, PUBLIC_HUB)
    # Only a token of the Secret is sent, never one of the machine.
    token = credentials.token(NEEDED)
    introduction = {"Authorization": f"Bearer {token}"} if token else {}
    session = new_session(request.ca_bundle)
    server = Server(server_of(endpoint), _ADDRESS_FIELD, credentials, NEEDED, session, introduction=introduction)
    return HubFiles(source, endpoint, server)


class HubFiles:
    """The files of one repository at the commit that its revision names when they are listed."""

    def __init__(self, source: HubSource, endpoint: str, server: Server) -> None:
        self._source = source
        self._endpoint = endpoint
        self._server = server
        self._commit = source.revision if source.is_immutable else ""

    def files(self) -> Sequence[RemoteFile]:
        """Return all files of the repository."""
        info = self._info("?blobs=true")
        self._commit = str(info.get("sha"))
        return [self._file(sibling) for sibling in info.get("siblings") or []]

    def commit(self) -> str:
        """Return the commit that the revision names now."""
        return str(self._info().get("sha"))

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield a file's bytes; a file never changes at a commit."""
        shown = f"{file.path} of {self._source}"
        revision = quote(self._commit, safe="")
        url = f"{self._endpoint}/{self._source.repository}/resolve/{revision}/{quote(str(file.path))}"
        answer = self._server.get(url, range_header(offset))
        # The files of a gated repository may be listed without access to them.
        if answer.headers.get(_ERROR_CODE) == _GATED:
            answer.close()
            raise self._gated()
        yield from self._server.read(answer, shown, offset)

    def _file(self, sibling: Mapping[str, Any]) -> RemoteFile:
        name = str(sibling["rfilename"])
        sha256 = (sibling.get("lfs") or {}).get("sha256")
        # Git's id of the content, or else the commit, as some mirrors do not return the id.
        version = sha256 or sibling.get("blobId") or f"{self._commit}:{name}"
        return RemoteFile(PurePosixPath(name), sibling.get("size"), version, sha256)

    def _info(self, query: str = "") -> Mapping[str, Any]:
        """Return the hub's description of the repository at the revision; raise an error for other answers."""
        source = self._source
        if not _is_name(source.repository):
            raise FetchError(
                Reason.MODEL_INVALID, f"{source.repository!r} is not a valid model name on a hub: correct {Field.URI}"
            )
        url = f"{self._endpoint}/api/models/{source.repository}/revision/{quote(source.revision, safe='')}{query}"
        with replace(self._server, read_seconds=_LIST_SECONDS).get(url) as answer:
            if not answer.ok:
                raise self._explained(answer)
            return self._server.json_object(answer, source)

    def _explained(self, answer: requests.Response) -> Exception:
        source, host = self._source, self._server.host
        code, message = answer.headers.get(_ERROR_CODE), answer.headers.get(_ERROR_MESSAGE)
        if code == _GATED:
            return self._gated()
        if code == "RevisionNotFound":
            return _not_found(
                f"{source.repository} on {host} has no branch, tag or commit {source.revision}: "
                f"correct the revision in {Field.URI}"
            )
        if message == _DISABLED:
            return _not_found(f"{source.repository} was disabled by {host}: use another model")
        # Without a token, a hub gives the same answer for a private model and for one that does not exist.
        is_unauthorized = answer.status_code == HTTPStatus.UNAUTHORIZED and message != _WRONG_TOKEN
        if code == "RepoNotFound" or is_unauthorized:
            return self._unknown()
        return self._server.error_of_status(answer.status_code, source)

    def _gated(self) -> FetchError:
        repository, host = self._source.repository, self._server.host
        if not self._server.credentials.value(NEEDED):
            return access_denied(host, f"{repository}, which is gated", self._server.credentials, NEEDED)
        return FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"{repository} on {host} is gated and its owner has not granted access to the token of {SECRET}: "
            "request access on the model's page, or use another token",
        )

    def _unknown(self) -> FetchError:
        # A hub does not distinguish a model that does not exist from one that may not be read.
        repository, host = self._source.repository, self._server.host
        if self._server.credentials.value(NEEDED):
            return _not_found(
                f"{host} has no model {repository}, or the token of {SECRET} may not read it: "
                f"correct {Field.URI} or the token"
            )
        return _not_found(
            f"{host} has no public model {repository}: correct {Field.URI}, or, if it is private, set "
            f"{Field.CREDENTIALS} to a Secret in this namespace with {NEEDED}"
        )


def _is_name(repository: str) -> bool:
    """Whether the name is valid by the rules that all hubs share."""
    forbidden = "--" in repository or ".." in repository or repository.endswith(".git")
    return not forbidden and _NAME.fullmatch(repository) is not None


def _not_found(sentence: str) -> FetchError:
    return FetchError(Reason.MODEL_NOT_FOUND, sentence)

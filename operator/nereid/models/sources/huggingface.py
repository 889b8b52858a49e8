"""Models of a Hugging Face hub: its client lists a repository at a revision, and its files are read by plain requests.

The client's own download keeps a cache beside the files and begins a file anew in another process, so it is not used.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import HubSource
from nereid.models.sources.credentials import Credentials, denied
from nereid.models.sources.failures import InterruptionError, failed
from nereid.models.sources.http_files import CONNECT_SECONDS, READ_SECONDS, Server, new_session, range_header
from nereid.models.sources.remote import RemoteFile
from nereid.models.sources.trust import trusted_by

# It is read when the client is imported: a cluster's models are nobody else's business.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import httpx2
from huggingface_hub import HfApi, hf_hub_url, set_client_factory
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo, RepoSibling

PUBLIC_HUB: Final = "https://huggingface.co"
NEEDED: Final = "HF_TOKEN"
_ADDRESS_FIELD: Final = str(Field.ENDPOINT)
_LIST_SECONDS: Final = 15
_ERROR_CODE: Final = "X-Error-Code"
_GATED: Final = "GatedRepo"


def open_files(source: HubSource, request: Request) -> "HubFiles":
    """Return the files of a repository; nothing is asked of the hub before they are listed."""
    credentials = Credentials.read(request.credentials)
    endpoint = (request.endpoint or PUBLIC_HUB).rstrip("/")
    token = credentials.token(NEEDED)
    trust = trusted_by(request.ca_bundle)
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    set_client_factory(lambda: httpx2.Client(verify=trust, follow_redirects=True, timeout=timeout))
    introduction = {"Authorization": f"Bearer {token}"} if token else {}
    session = new_session(request.ca_bundle)
    server = Server(_host(endpoint), _ADDRESS_FIELD, credentials, NEEDED, session, introduction=introduction)
    # Without a token of the Secret none is sent, not even one that the machine has.
    return HubFiles(source, HfApi(endpoint, token=token or False), server)


class HubFiles:
    """The files of one repository at the commit that its revision names when they are listed."""

    def __init__(self, source: HubSource, hub: HfApi, server: Server) -> None:
        self._source = source
        self._hub = hub
        self._server = server
        self._commit = source.revision if source.is_immutable else ""

    def files(self) -> Sequence[RemoteFile]:
        """Return all files of the repository."""
        info = self._info(files_metadata=True)
        self._commit = str(info.sha)
        return [self._file(sibling) for sibling in info.siblings or []]

    def commit(self) -> str:
        """Return the commit that the revision names now."""
        return str(self._info(files_metadata=False).sha)

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield a file's bytes; at a commit it is never another one."""
        shown = f"{file.path} of {self._source}"
        url = hf_hub_url(self._source.repository, str(file.path), revision=self._commit, endpoint=self._hub.endpoint)
        answer = self._server.get(url, range_header(offset))
        # Who is not let in may list the files all the same.
        if answer.headers.get(_ERROR_CODE) == _GATED:
            answer.close()
            raise self._gated()
        yield from self._server.read(answer, shown, offset)

    def _file(self, sibling: RepoSibling) -> RemoteFile:
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        # Git's own name of the content; a commit stands for all of them where a mirror does not tell it.
        version = sha256 or sibling.blob_id or f"{self._commit}:{sibling.rfilename}"
        return RemoteFile(PurePosixPath(sibling.rfilename), sibling.size, version, sha256)

    def _info(self, *, files_metadata: bool) -> ModelInfo:
        try:
            return self._hub.model_info(
                self._source.repository,
                revision=self._source.revision,
                timeout=_LIST_SECONDS,
                files_metadata=files_metadata,
            )
        except (HfHubHTTPError, HFValidationError, httpx2.HTTPError) as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> Exception:
        source, host = self._source, self._server.host
        match error:
            case GatedRepoError():
                return self._gated()
            case RevisionNotFoundError():
                return _not_found(
                    f"{source.repository} on {host} has no branch, tag or commit {source.revision}: "
                    f"correct the revision in {Field.URI}"
                )
            case DisabledRepoError():
                return _not_found(f"{source.repository} was disabled by {host}: use another model")
            case RepositoryNotFoundError():
                return self._unknown()
            case HFValidationError():
                return FetchError(
                    Reason.MODEL_INVALID,
                    f"{source.repository!r} is no name of a model on a hub: correct {Field.URI}",
                )
            case HfHubHTTPError():
                return self._server.refusal(error.response.status_code, source)
            case httpx2.TimeoutException():
                return InterruptionError(
                    failed(f"{host} does not answer: look at the server and the network, or correct {_ADDRESS_FIELD}")
                )
            case _:
                return self._server.broken(error)

    def _gated(self) -> FetchError:
        repository, host = self._source.repository, self._server.host
        if not self._server.credentials.value(NEEDED):
            return denied(host, f"{repository}, which is gated", self._server.credentials, NEEDED)
        return FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"{repository} on {host} is gated and its owner has not granted access to the token of the Secret that "
            f"{Field.CREDENTIALS} names: ask for access on the model's page, or use another token",
        )

    def _unknown(self) -> FetchError:
        # A hub does not tell a model that is not there from one that may not be seen.
        repository, host = self._source.repository, self._server.host
        if self._server.credentials.value(NEEDED):
            return _not_found(
                f"{host} has no model {repository}, or the token of the Secret that {Field.CREDENTIALS} names may "
                f"not see it: correct {Field.URI} or the token"
            )
        return _not_found(
            f"{host} has no public model {repository}: correct {Field.URI}, or, if it is private, let "
            f"{Field.CREDENTIALS} name a Secret of this namespace with {NEEDED}"
        )


def _host(endpoint: str) -> str:
    url = URL(endpoint)
    return f"{url.host}:{url.explicit_port}" if url.explicit_port else str(url.host)


def _not_found(sentence: str) -> FetchError:
    return FetchError(Reason.MODEL_NOT_FOUND, sentence)

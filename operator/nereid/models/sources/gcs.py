"""Models in Google Cloud Storage, by Google's own client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import google.auth
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.oauth2.service_account import Credentials as ServiceAccount
from urllib3.exceptions import HTTPError

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import GcsSource
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import SECRET, Credentials
from nereid.models.sources.endpoint import endpoint_of, server_of
from nereid.models.sources.failures import server_error
from nereid.models.sources.object_store import StoredFiles, StoredObject
from nereid.models.sources.remote import CONNECT_SECONDS, READ_SECONDS
from nereid.models.sources.store_access import StoreAccess, in_pieces, invalid_bucket, limited, no_bucket
from nereid.models.sources.trust import bundle_file

KEY_JSON: Final = "GOOGLE_APPLICATION_CREDENTIALS_JSON"
KEY_FILE: Final = "service-account.json"
NEEDED: Final = f"{KEY_JSON} or {KEY_FILE}"
_SCOPES: Final = ("https://www.googleapis.com/auth/devstorage.read_only",)
_PUBLIC: Final = "https://storage.googleapis.com"
_GOOGLES: Final = "googleapis.com"
_TIMEOUT: Final = (CONNECT_SECONDS, READ_SECONDS)
# The loop around it tries again.
_PATIENCE: Final[dict[str, Any]] = {"timeout": _TIMEOUT, "retry": None}


def open_files(source: GcsSource, request: Request) -> StoredFiles:
    """Return the objects at or below the source's key."""
    return StoredFiles(Bucket(source, request), source, source.key, request.path)


class Bucket:
    """A bucket, read with the credentials of one source; an object's version is its generation."""

    def __init__(self, source: GcsSource, request: Request) -> None:
        self._source = source
        self._request = request
        self._access = StoreAccess(source, Credentials.read(request.credentials), NEEDED)

    def find(self, name: str) -> StoredObject | None:
        """Return the object of exactly this name."""
        with self._explained():
            blob = self._bucket.get_blob(name, **_PATIENCE)
            return _stored(blob) if blob else None

    def below(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose names begin with the prefix."""
        with self._explained():
            for page in limited(self._bucket.list_blobs(prefix=prefix, **_PATIENCE).pages, self._source):
                yield from map(_stored, page)

    def beside(self, prefix: str) -> Iterator[str]:
        """Yield the names below the prefix up to their next slash."""
        with self._explained():
            listed = self._bucket.list_blobs(prefix=prefix, delimiter="/", **_PATIENCE)
            for page in limited(listed.pages, self._source):
                yield from page.prefixes
                yield from (blob.name for blob in page)

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        """Yield the object's bytes from `offset` on; the client returns whole answers, so it reads in pieces."""
        with self._explained(gone=self._access.changed()):
            # A generation's bytes never change; a replaced one no longer exists, unless the bucket is versioned.
            blob = self._bucket.blob(stored.name, generation=int(stored.version))
            # Raw, as decompressed content would have another size, and no ranges.
            options = {"raw_download": True, "checksum": None, **_PATIENCE}
            yield from in_pieces(
                stored,
                offset,
                lambda start, length: blob.download_as_bytes(start=start, end=start + length - 1, **options),
            )

    @cached_property
    def _bucket(self) -> Any:
        session = _Session(self._identity(), bundle_file(self._request.ca_bundle))
        client = storage.Client(
            project="",  # reading needs none, and a search for one would call the metadata server
            credentials=session.credentials,
            client_options={"api_endpoint": self._endpoint},
            _http=session,
        )
        try:
            return client.bucket(self._source.bucket)
        except ValueError as error:
            raise invalid_bucket(self._source.bucket) from error

    def _identity(self) -> Any:
        """Return the Secret's identity, else the pod's own, else an anonymous one."""
        if key := self._access.credentials.value(KEY_JSON) or self._access.credentials.value(KEY_FILE):
            return _key(key)
        if not f".{server_of(self._endpoint)}".endswith(f".{_GOOGLES}"):
            # The pod's token must not be sent to other servers.
            return AnonymousCredentials()
        try:
            credentials, _ = google.auth.default(scopes=_SCOPES)
        except DefaultCredentialsError:
            return AnonymousCredentials()
        self._access.as_pod = True
        return credentials

    @property
    def _endpoint(self) -> str:
        return endpoint_of(self._request, _PUBLIC)

    @property
    def _server(self) -> str:
        return server_of(self._endpoint)

    @contextmanager
    def _explained(self, gone: Exception | None = None) -> Iterator[None]:
        """Replace errors of the client by errors with messages for the user; `gone` is the error for status 404."""
        try:
            yield
        except (GoogleAPICallError, InvalidResponse) as error:
            raise self._answered(error, gone or no_bucket(self._server, self._source.bucket)) from error
        except TransportError as error:
            raise broken(error, "Google's token server", str(Field.CREDENTIALS)) from error
        except GoogleAuthError as error:
            if error.retryable:
                raise server_error("Google's token server", self._source, "with an error of its own") from error
            raise self._access.denied(self._server, "no token for these credentials") from error
        except DataCorruption as error:
            raise server_error(self._server, self._source, "with damaged content") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise broken(error, self._server, str(Field.ENDPOINT)) from error

    def _answered(self, error: GoogleAPICallError | InvalidResponse, gone: Exception) -> Exception:
        """Return the error for an error response of the server."""
        status = int((error.code if isinstance(error, GoogleAPICallError) else error.response.status_code) or 0)
        return gone if status == HTTPStatus.NOT_FOUND else self._access.error_of_status(self._server, status)


class _Session(AuthorizedSession):
    """A session that keeps the user's authorities; requests would replace them by those of the environment."""

    def __init__(self, credentials: Any, authorities: str | None) -> None:
        super().__init__(credentials, refresh_timeout=READ_SECONDS)  # type: ignore[no-untyped-call]
        self.verify = authorities or True

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        return super().merge_environment_settings(url, proxies, stream, self.verify if verify is None else verify, cert)


def _key(text: str) -> Any:
    """Return the identity that a key file describes."""
    try:
        return ServiceAccount.from_service_account_info(json.loads(text), scopes=_SCOPES)
    except (ValueError, TypeError, AttributeError, GoogleAuthError) as error:
        raise FetchError(
            Reason.MODEL_ACCESS_DENIED,
            f"{NEEDED} of {SECRET} is not a valid key of a service account: "
            "store the JSON file there as Google created it",
        ) from error


def _stored(blob: Any) -> StoredObject:
    return StoredObject(blob.name, blob.size, str(blob.generation))

"""Models in Azure Blob Storage, by Azure's own client."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.storage.blob import BlobPrefix, BlobProperties, ContainerClient

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import AzureSource
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import SECRET, Credentials
from nereid.models.sources.endpoint import endpoint_of, server_of
from nereid.models.sources.failures import failed, server_error
from nereid.models.sources.object_store import StoredFiles, StoredObject
from nereid.models.sources.remote import CONNECT_SECONDS, READ_SECONDS
from nereid.models.sources.store_access import PIECE_BYTES, StoreAccess, in_pieces, limited, unless_missing
from nereid.models.sources.trust import bundle_file

ACCESS_KEY: Final = "AZURE_STORAGE_ACCESS_KEY"
SAS_TOKEN: Final = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 - the name of a key, not a secret
PRINCIPAL: Final = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
NEEDED: Final = f"{ACCESS_KEY}, {SAS_TOKEN}, or {PRINCIPAL[0]}, {PRINCIPAL[1]} and {PRINCIPAL[2]}"
_FOLDER: Final = "hdi_isfolder"
_DENIED_CODES: Final = frozenset(
    {"InvalidAuthenticationInfo", "NoAuthenticationInformation", "PublicAccessNotPermitted"}
)


def open_files(source: AzureSource, request: Request) -> StoredFiles:
    """Return the blobs at or below the source's path."""
    # The client logs each of its many requests at the level INFO.
    logging.getLogger("azure").setLevel(logging.WARNING)
    return StoredFiles(Container(source, request), source, source.path, request.path)


class Container:
    """A container, read with the credentials of one source; a blob's version is its ETag."""

    def __init__(self, source: AzureSource, request: Request) -> None:
        self._source = source
        self._request = request
        self._access = StoreAccess(source, Credentials.read(request.credentials), NEEDED)

    def find(self, name: str) -> StoredObject | None:
        """Return the blob of exactly this name."""
        with unless_missing(), self._explained():
            blob = self._client.get_blob_client(name).get_blob_properties()
            return None if _is_folder(blob) else _stored(blob)
        return None

    def below(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all blobs whose names begin with the prefix, without the folders of hierarchical accounts."""
        with self._explained():
            listed = self._client.list_blobs(name_starts_with=prefix or None, include=["metadata"])
            for page in limited(listed.by_page(), self._source):
                yield from (_stored(blob) for blob in page if not _is_folder(blob))

    def beside(self, prefix: str) -> Iterator[str]:
        """Yield the names below the prefix up to their next slash."""
        with self._explained():
            listed = self._client.walk_blobs(name_starts_with=prefix or None, delimiter="/")
            for entry in (entry for page in limited(listed.by_page(), self._source) for entry in page):
                yield entry.name if isinstance(entry, BlobPrefix | BlobProperties) else str(entry)

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        """Yield the blob's bytes from `offset` on; the client returns whole answers, so it reads in pieces."""
        with self._explained():
            blob = self._client.get_blob_client(stored.name)

            def request(start: int, length: int) -> bytes:
                piece = blob.download_blob(
                    offset=start,
                    length=length,
                    etag=stored.version,
                    match_condition=MatchConditions.IfNotModified,
                    max_concurrency=1,
                )
                return piece.readall()

            yield from in_pieces(stored, offset, request)

    @cached_property
    def _client(self) -> ContainerClient:
        return ContainerClient(
            self._endpoint,
            self._source.container,
            credential=self._identity(),
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            connection_verify=bundle_file(self._request.ca_bundle) or True,
            retry_total=0,  # the loop around it tries again
            max_single_get_size=PIECE_BYTES,
            max_chunk_get_size=PIECE_BYTES,
        )

    def _identity(self) -> Any:
        """Return the Secret's credential, else the pod's own identity, else None, which reads public blobs."""
        value = self._access.credentials.token
        if key := value(ACCESS_KEY):
            return AzureNamedKeyCredential(self._source.account, key)
        if token := value(SAS_TOKEN):
            return AzureSasCredential(token.removeprefix("?"))
        tenant, client, secret = map(value, PRINCIPAL)
        if secret:
            return self._principal(tenant, client, secret)
        if client or "AZURE_CLIENT_ID" in os.environ:
            return self._own(client)
        return None

    def _principal(self, tenant: str | None, client: str | None, secret: str) -> Any:
        if not tenant or not client:
            raise self._access.lacks(PRINCIPAL[1] if tenant else PRINCIPAL[0])
        return ClientSecretCredential(tenant, client, secret)

    def _own(self, client: str | None) -> Any:
        """Return the identity of the pod's service account or of its node."""
        self._access.as_pod = True
        chosen = {"workload_identity_client_id": client, "managed_identity_client_id": client} if client else {}
        return DefaultAzureCredential(
            exclude_cli_credential=True,
            exclude_developer_cli_credential=True,
            exclude_powershell_credential=True,
            exclude_shared_token_cache_credential=True,
            exclude_visual_studio_code_credential=True,
            **chosen,
        )

    @property
    def _endpoint(self) -> str:
        return endpoint_of(self._request, f"https://{self._source.account}.blob.core.windows.net")

    @property
    def _server(self) -> str:
        return server_of(self._endpoint)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Replace errors of the client by errors with messages for the user."""
        try:
            yield
        except ClientAuthenticationError as error:
            raise self._access.denied(self._server, _code(error) or "no token for these credentials") from error
        except (ServiceRequestError, ServiceResponseError, IncompleteReadError) as error:
            correct = str(Field.ENDPOINT) if self._request.endpoint else f"the account in {Field.URI}"
            raise broken(error, self._server, correct) from error
        except HttpResponseError as error:
            raise self._answered(error) from error
        except AzureError as error:
            raise server_error(self._server, self._source, type(error).__name__) from error
        except ValueError as error:
            # The client checks a key, a token and an endpoint only when it needs them.
            raise failed(
                f"the endpoint or the credentials for {self._source} are not valid: correct {Field.ENDPOINT}, "
                "which must be https if a token is sent, or "
                f"{NEEDED} in {SECRET}"
            ) from error

    def _answered(self, error: HttpResponseError) -> Exception:
        """Return the error for an error response of the server."""
        status, code = error.status_code or 0, _code(error) or "no code"
        if not status:
            return broken(error, self._server, str(Field.ENDPOINT))
        if code in _DENIED_CODES:
            return self._access.denied(self._server, code)
        if status == HTTPStatus.NOT_FOUND:
            return self._gone(code)
        return self._access.error_of_status(self._server, status, code)

    def _gone(self, code: str) -> FetchError:
        hint = "" if self._access.credentials or self._access.as_pod else f", or it is not public and needs {NEEDED}"
        return FetchError(
            Reason.MODEL_NOT_FOUND,
            f"{self._server} has no container {self._source.container} ({code}){hint}: "
            f"correct {Field.URI} or {Field.CREDENTIALS}",
        )


def _code(error: HttpResponseError) -> str:
    """Return the server's error code."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _is_folder(blob: BlobProperties) -> bool:
    return (blob.metadata or {}).get(_FOLDER, "").lower() == "true"


def _stored(blob: BlobProperties) -> StoredObject:
    # A header has the ETag in quotes, a listing has it without them.
    return StoredObject(blob.name, blob.size, '"{}"'.format(blob.etag.strip('"')))

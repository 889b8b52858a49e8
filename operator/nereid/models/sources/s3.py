"""Models in a store that speaks S3, by boto3.

The options that KServe's storage initializer reads from its environment (`awsAnonymousCredential`,
`S3_USER_VIRTUAL_BUCKET`, `S3_VERIFY_SSL` and others) are keys of the Secret here, with the same names and meanings.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, no OSError
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from urllib3.exceptions import HTTPError

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import S3Source
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import SECRET, Credentials
from nereid.models.sources.endpoint import endpoint_of, server_of
from nereid.models.sources.failures import CorruptedError, failed, server_error
from nereid.models.sources.object_store import StoredFiles, StoredObject
from nereid.models.sources.remote import CHUNK_BYTES, CONNECT_SECONDS, READ_SECONDS
from nereid.models.sources.store_access import StoreAccess, invalid_bucket, limited, no_bucket, unless_missing
from nereid.models.sources.trust import bundle_file

NEEDED: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_DEFAULT_REGION: Final = "us-east-1"
# Amazon's address from before there were regions: it serves another region's bucket by the bucket's own host name only.
_LEGACY_ENDPOINT: Final = "https://s3.amazonaws.com"
_CHECKSUM_OF_PARTS: Final = "COMPOSITE"
_TRANSIENT: Final = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"})
_WRONG_REGION: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"}
)

_REDIRECTS: Final = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT})


def open_files(source: S3Source, request: Request) -> StoredFiles:
    """Return the objects at or below the source's key."""
    return StoredFiles(Bucket(source, request), source, source.key, request.path)


class Bucket:
    """A bucket, read with the credentials of one source."""

    def __init__(self, source: S3Source, request: Request) -> None:
        self._source = source
        self._request = request
        self._access = StoreAccess(source, Credentials.read(request.credentials), NEEDED)

    def find(self, name: str) -> StoredObject | None:
        """Return the object of exactly this name."""
        with unless_missing(), self._explained():
            head = self._client.head_object(Bucket=self._source.bucket, Key=name, ChecksumMode="ENABLED")
            return StoredObject(name, head["ContentLength"], head["ETag"], _sha256(head))
        return None

    def below(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose names begin with the prefix."""
        for page in self._pages(Prefix=prefix):
            for entry in page.get("Contents", []):
                yield StoredObject(entry["Key"], entry["Size"], entry["ETag"])

    def beside(self, prefix: str) -> Iterator[str]:
        """Yield the names below the prefix up to their next slash."""
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", []))
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        """Yield the object's bytes from `offset` on."""
        if offset >= stored.size:
            return
        # Without a range for a whole object, as the client then verifies the store's checksum.
        part = {"Range": f"bytes={offset}-"} if offset else {}
        with self._explained():
            version = {"Bucket": self._source.bucket, "Key": stored.name, "IfMatch": stored.version}
            body = self._client.get_object(**version, **part)["Body"]
            try:
                yield from body.iter_chunks(CHUNK_BYTES)
            finally:
                body.close()

    def _pages(self, **query: str) -> Iterator[dict[str, Any]]:
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._source.bucket, **query)
            yield from limited(pages, self._source)

    @cached_property
    def _client(self) -> Any:
        value = self._access.credentials.value
        endpoint = endpoint_of(self._request, "") if self._request.endpoint else value("AWS_ENDPOINT_URL")
        session = boto3.session.Session()
        keys = self._keys(session)
        region = value("AWS_DEFAULT_REGION") or value("AWS_REGION") or session.region_name or _DEFAULT_REGION
        try:
            config = config_of(self._access.credentials, endpoint, region)
            if not keys and not self._access.as_pod:
                config = config.merge(Config(signature_version=UNSIGNED))
            return session.client(
                "s3",
                config=config,
                region_name=region,
                endpoint_url=endpoint,
                verify=self._verification(),
                **keys,
            )
        except ValueError as error:
            raise failed(
                f"the options for S3 are not valid: in {SECRET}, correct "
                "AWS_ENDPOINT_URL (a URL), AWS_DEFAULT_REGION and S3_* (whole numbers)"
            ) from error

    def _keys(self, session: boto3.session.Session) -> Mapping[str, str]:
        """Return the Secret's key pair as arguments for the client; without one, it uses the pod's own identity."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        identifier, secret, token = map(self._access.credentials.token, names)
        if identifier and secret:
            keys = {"aws_access_key_id": identifier, "aws_secret_access_key": secret}
            return {**keys, "aws_session_token": token} if token else keys
        if identifier or secret:
            raise self._access.lacks("AWS_SECRET_ACCESS_KEY" if identifier else "AWS_ACCESS_KEY_ID")
        if not _is_on(self._access.credentials, "awsAnonymousCredential"):
            with self._explained():
                self._access.as_pod = session.get_credentials() is not None
        return {}

    def _verification(self) -> bool | str | None:
        if (self._access.credentials.value("S3_VERIFY_SSL") or "true").lower() in {"0", "false"}:
            return False
        return bundle_file(self._request.ca_bundle)

    @property
    def _server(self) -> str:
        client = self.__dict__.get("_client")
        return server_of(client.meta.endpoint_url) if client else "S3"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Replace errors of the client by errors with messages for the user."""
        try:
            yield
        except ClientError as error:
            raise self._answered(error) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise self._access.denied(self._server, "no usable credentials") from error
        except ParamValidationError as error:
            raise invalid_bucket(self._source.bucket) from error
        except (ConnectionError, HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
            raise broken(error, self._server, str(Field.ENDPOINT)) from error
        except FlexibleChecksumError as error:
            raise CorruptedError(
                failed(
                    f"the checksum of {self._source} does not match the one that {self._server} stores: "
                    "upload the object again, or check the store and the network"
                )
            ) from error
        except BotoCoreError as error:
            raise server_error(self._server, self._source, type(error).__name__) from error

    def _answered(self, error: ClientError) -> Exception:
        """Return the error for an error response of the server."""
        code = error.response.get("Error", {}).get("Code", "")
        answer = error.response.get("ResponseMetadata", {})
        status = answer.get("HTTPStatusCode", 0)
        if code in _TRANSIENT:
            return server_error(self._server, self._source, f"{code} (status {status})")
        if code in _WRONG_REGION or status in _REDIRECTS:
            return self._elsewhere(error, answer.get("HTTPHeaders", {}))
        if code == "NoSuchBucket":
            return no_bucket(self._server, self._source.bucket)
        if status == HTTPStatus.NOT_FOUND:
            return FetchError(Reason.MODEL_NOT_FOUND, f"{self._source} does not exist: correct {Field.URI}")
        if code == "RequestTimeTooSkewed":
            return failed(f"{self._server} rejects requests as the clock of this node is wrong: set the node's clock")
        if status == HTTPStatus.BAD_REQUEST:
            return self._access.denied(self._server, code)
        return self._access.error_of_status(self._server, status, code)

    def _elsewhere(self, error: ClientError, headers: Mapping[str, str]) -> FetchError:
        region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
        return failed(
            f"the bucket {self._source.bucket} is in {f'the region {region}' if region else 'another region'}: "
            f"set AWS_DEFAULT_REGION in {SECRET}, or correct {Field.ENDPOINT}"
        )


def config_of(credentials: Credentials, endpoint: str | None, region: str) -> Config:
    """Return the client's configuration by the options of the Secret; raise ValueError for a number that is not whole.

    The client only retries if `S3_MAX_ATTEMPTS` is set: the download loop around it retries, and continues a download
    where it was interrupted.
    """
    value = credentials.value
    s3: dict[str, object] = {}
    needs_virtual = endpoint == _LEGACY_ENDPOINT and region != _DEFAULT_REGION
    if needs_virtual or _is_on(credentials, "S3_USER_VIRTUAL_BUCKET"):
        s3["addressing_style"] = "virtual"
    if _is_on(credentials, "S3_USE_ACCELERATE"):
        s3["use_accelerate_endpoint"] = True
    return Config(
        connect_timeout=int(value("S3_CONNECT_TIMEOUT") or CONNECT_SECONDS),
        read_timeout=int(value("S3_READ_TIMEOUT") or READ_SECONDS),
        retries={"max_attempts": int(value("S3_MAX_ATTEMPTS") or 0), "mode": "standard"},
        s3=s3 or None,
        signature_version=UNSIGNED if _is_on(credentials, "awsAnonymousCredential") else None,
    )


def _is_on(credentials: Credentials, option: str) -> bool:
    return (credentials.value(option) or "").lower() == "true"


def _sha256(head: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of the whole object; None for one uploaded in parts, which has a checksum of checksums."""
    checksum = head.get("ChecksumSHA256")
    if not checksum or head.get("ChecksumType") == _CHECKSUM_OF_PARTS or "-" in checksum:
        return None
    return b64decode(checksum).hex()

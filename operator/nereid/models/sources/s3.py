"""Models in a store that speaks S3, by boto3 as kserve-storage configures it.

The options of that configuration (`awsAnonymousCredential`, `S3_USER_VIRTUAL_BUCKET`, `S3_VERIFY_SSL` and others) are
keys of the Secret here.
"""

import os
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
from kserve_storage import Storage
from urllib3.exceptions import HTTPError

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import S3Source
from nereid.models.sources.broken_connection import broken
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import REFUSED, REPLACED, CorruptedError, failed, faulty, may_pass
from nereid.models.sources.object_store import (
    CONNECT_SECONDS,
    READ_SECONDS,
    StoredFiles,
    StoredObject,
    changed,
    endpoint_of,
    refused,
    server_of,
)
from nereid.models.sources.remote import CHUNK_BYTES
from nereid.models.sources.trust import bundle_file

NEEDED: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_DEFAULT_REGION: Final = "us-east-1"
# The loop around it tries again, and continues where the transfer broke off.
_PATIENCE: Final = {
    "S3_CONNECT_TIMEOUT": str(CONNECT_SECONDS),
    "S3_READ_TIMEOUT": str(READ_SECONDS),
    "S3_MAX_ATTEMPTS": "0",
}
_OPTIONS: Final = (
    *_PATIENCE,
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "S3_USE_ACCELERATE",
    "S3_USER_VIRTUAL_BUCKET",
    "awsAnonymousCredential",
)
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
    """A bucket, as one source and its Secret let it be seen."""

    def __init__(self, source: S3Source, request: Request) -> None:
        self._source = source
        self._request = request
        self._credentials = Credentials.read(request.credentials)
        self._as_pod = False

    def find(self, name: str) -> StoredObject | None:
        """Return the object of exactly this name."""
        try:
            with self._explained():
                head = self._client.head_object(Bucket=self._source.bucket, Key=name, ChecksumMode="ENABLED")
        except FetchError as error:
            if error.reason is Reason.MODEL_NOT_FOUND:
                return None
            raise
        return StoredObject(name, head["ContentLength"], head["ETag"], _sha256(head))

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
        # Without a range where none is needed: the client checks a whole object against the store's checksum.
        part = {"Range": f"bytes={offset}-"} if offset else {}
        with self._explained():
            wanted = {"Bucket": self._source.bucket, "Key": stored.name, "IfMatch": stored.version}
            body = self._client.get_object(**wanted, **part)["Body"]
            try:
                yield from body.iter_chunks(CHUNK_BYTES)
            finally:
                body.close()

    def _pages(self, **query: str) -> Iterator[dict[str, Any]]:
        with self._explained():
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self._source.bucket, **query)

    @cached_property
    def _client(self) -> Any:
        options = {key: value for key in _OPTIONS if (value := self._credentials.value(key))}
        if self._request.endpoint:
            options["AWS_ENDPOINT_URL"] = endpoint_of(self._request, "")
        session = boto3.session.Session()
        keys = self._keys(session)
        region = options.get("AWS_DEFAULT_REGION") or self._credentials.value("AWS_REGION") or session.region_name
        try:
            config = _config({**_PATIENCE, **options})
            if not keys and not self._as_pod:
                config = config.merge(Config(signature_version=UNSIGNED))
            return session.client(
                "s3",
                config=config,
                region_name=region or _DEFAULT_REGION,
                endpoint_url=options.get("AWS_ENDPOINT_URL"),
                verify=self._verification(),
                **keys,
            )
        except ValueError as error:
            raise failed(
                f"the options for S3 are not valid: in the Secret that {Field.CREDENTIALS} names, correct "
                "AWS_ENDPOINT_URL, which is a URL, AWS_DEFAULT_REGION, and S3_*, where numbers are whole"
            ) from error

    def _keys(self, session: boto3.session.Session) -> Mapping[str, str]:
        """Return the Secret's key pair as the client takes it; without one it looks for the pod's own identity."""
        value = self._credentials.value
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        identifier, secret, token = map(self._credentials.token, names)
        if identifier and secret:
            keys = {"aws_access_key_id": identifier, "aws_secret_access_key": secret}
            return {**keys, "aws_session_token": token} if token else keys
        if identifier or secret:
            lacking = "AWS_SECRET_ACCESS_KEY" if identifier else "AWS_ACCESS_KEY_ID"
            raise FetchError(
                Reason.MODEL_ACCESS_DENIED,
                f"the Secret that {Field.CREDENTIALS} names lacks {lacking}: it needs {NEEDED}",
            )
        if (value("awsAnonymousCredential") or "").lower() != "true":
            with self._explained():
                self._as_pod = session.get_credentials() is not None
        return {}

    def _verification(self) -> bool | str | None:
        if (self._credentials.value("S3_VERIFY_SSL") or "true").lower() in {"0", "false"}:
            return False
        return bundle_file(self._request.ca_bundle)

    @property
    def _server(self) -> str:
        client = self.__dict__.get("_client")
        return server_of(client.meta.endpoint_url) if client else "S3"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Let nothing out that the client raises, but what it means for the user."""
        try:
            yield
        except ClientError as error:
            raise self._answered(error) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise self._refused("no usable credentials") from error
        except ParamValidationError as error:
            raise FetchError(
                Reason.MODEL_INVALID, f"{self._source.bucket!r} is no valid name of a bucket: correct {Field.URI}"
            ) from error
        except (ConnectionError, HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
            raise broken(error, self._server, str(Field.ENDPOINT)) from error
        except FlexibleChecksumError as error:
            raise CorruptedError(
                failed(
                    f"what came of {self._source} does not have the checksum that {self._server} keeps: "
                    "put the object there again, or look at the store and the network"
                )
            ) from error
        except BotoCoreError as error:
            raise faulty(self._server, self._source, type(error).__name__) from error

    def _answered(self, error: ClientError) -> Exception:
        """Return what an error of the server means."""
        code = error.response.get("Error", {}).get("Code", "")
        answer = error.response.get("ResponseMetadata", {})
        status = answer.get("HTTPStatusCode", 0)
        if code in _TRANSIENT or may_pass(status):
            return faulty(self._server, self._source, f"{code} (status {status})")
        if code in _WRONG_REGION or status in _REDIRECTS:
            return self._elsewhere(error, answer.get("HTTPHeaders", {}))
        if code == "NoSuchBucket":
            return FetchError(
                Reason.MODEL_NOT_FOUND,
                f"{self._server} has no bucket {self._source.bucket}: correct {Field.URI} or {Field.ENDPOINT}",
            )
        if status == HTTPStatus.NOT_FOUND:
            return FetchError(Reason.MODEL_NOT_FOUND, f"{self._source} does not exist: correct {Field.URI}")
        if status in REPLACED:
            return changed(self._source)
        if code == "RequestTimeTooSkewed":
            return failed(f"{self._server} finds that the clock of this node is wrong: set the node's clock")
        if status == HTTPStatus.BAD_REQUEST or status in REFUSED:
            return self._refused(code)
        return failed(f"{self._server} answered {code} (status {status}) for {self._source}: correct {Field.URI}")

    def _elsewhere(self, error: ClientError, headers: Mapping[str, str]) -> FetchError:
        region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
        return failed(
            f"the bucket {self._source.bucket} is in {f'the region {region}' if region else 'another region'}: "
            f"set AWS_DEFAULT_REGION in the Secret that {Field.CREDENTIALS} names, or correct {Field.ENDPOINT}"
        )

    def _refused(self, code: str) -> FetchError:
        return refused(self._server, f"{self._source} ({code})", self._credentials, NEEDED, as_pod=self._as_pod)


def _config(options: Mapping[str, str]) -> Config:
    """Return kserve-storage's configuration; it reads options, none of them secret, from the environment alone."""
    before = {key: os.environ.get(key) for key in options}
    os.environ.update(options)
    try:
        return Storage.get_S3_config()
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


def _sha256(head: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of the whole object; of one uploaded in parts there may only be that of their checksums."""
    checksum = head.get("ChecksumSHA256")
    if not checksum or head.get("ChecksumType") == _CHECKSUM_OF_PARTS or "-" in checksum:
        return None
    return b64decode(checksum).hex()

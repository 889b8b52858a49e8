"""The servers that models are fetched from, started once for all tests of the folder."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from servers.azure import AzureEmulator
from servers.gcs import GcsEmulator
from servers.s3 import S3Server
from tests.support.fetch.https_server import self_signed
from tests.support.sources.clouds import Cloud

HERE = "127.0.0.1"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3"), address=HERE) as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsEmulator]:
    with GcsEmulator(tmp_path_factory.mktemp("gcs"), address=HERE) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureEmulator]:
    with AzureEmulator(tmp_path_factory.mktemp("azure"), address=HERE) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, tmp_path: Path) -> Iterator[Cloud]:
    bucket = f"b{uuid.uuid4().hex}"
    secret = {"aws_access_key_id": s3_server.admin.key_id, "aws_secret_access_key": s3_server.admin.secret}
    client: Any = boto3.client("s3", endpoint_url=s3_server.url, region_name="us-east-1", **secret)
    client.create_bucket(Bucket=bucket)

    def put(key: str, content: bytes, **options: str) -> None:
        client.put_object(Bucket=bucket, Key=key, Body=content, **options)

    yield Cloud("s3", f"s3://{bucket}", s3_server.url, s3_server.reader.environment, put, tmp_path)
    # Each bucket has volumes of its own, and the server has not many.
    for entry in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=entry["Key"])
    client.delete_bucket(Bucket=bucket)


@pytest.fixture
def gcs(gcs_server: GcsEmulator, tmp_path: Path) -> Cloud:
    options = {"api_endpoint": gcs_server.url}
    client: Any = storage.Client(project="tests", credentials=AnonymousCredentials(), client_options=options)
    bucket = client.create_bucket(f"b{uuid.uuid4().hex}")

    def put(key: str, content: bytes) -> None:
        bucket.blob(key).upload_from_string(content)

    return Cloud("gcs", f"gs://{bucket.name}", gcs_server.url, {}, put, tmp_path)


@pytest.fixture
def azure(azure_server: AzureEmulator, tmp_path: Path) -> Cloud:
    key = AzureNamedKeyCredential(azure_server.ACCOUNT, azure_server.KEY)
    container = BlobServiceClient(azure_server.url, credential=key).create_container(f"b{uuid.uuid4().hex}")

    def put(path: str, content: bytes, **options: Any) -> None:
        container.upload_blob(path, content, overwrite=True, **options)

    uri = f"azure://{azure_server.ACCOUNT}/{container.container_name}"
    return Cloud("azure", uri, azure_server.url, {"AZURE_STORAGE_ACCESS_KEY": azure_server.KEY}, put, tmp_path)


@pytest.fixture(params=["s3", "gcs", "azure"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each of the stores in turn."""
    found: Cloud = request.getfixturevalue(request.param)
    return found

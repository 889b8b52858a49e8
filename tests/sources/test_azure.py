"""Azure Blob Storage on Azurite: who is let in, and the folders of hierarchical accounts."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas
from servers.azure import AzureEmulator
from tests.support.sources.clouds import Cloud

from nereid.contract.fetch_errors import FetchError, Reason

HUSH = "aHVzaC1odXNo"


@pytest.fixture
def signature(azure_server: AzureEmulator) -> str:
    return generate_account_sas(
        azure_server.ACCOUNT,
        azure_server.KEY,
        ResourceTypes(object=True, container=True),
        AccountSasPermissions(read=True, list=True),
        datetime.now(UTC) + timedelta(hours=1),
    )


@pytest.mark.parametrize("prefix", ["", "?"])
def test_a_shared_access_signature_lets_in(azure: Cloud, signature: str, prefix: str) -> None:
    azure.put("model.onnx", b"model")
    shared = azure.with_secret(AZURE_STORAGE_SAS_TOKEN=prefix + signature)
    assert shared.content("model.onnx") == {"model.onnx": b"model"}


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({"AZURE_STORAGE_ACCESS_KEY": HUSH}, "AuthorizationFailure"),
        ({"AZURE_STORAGE_ACCESS_KEY": "hush5"}, "no token for these credentials"),
        ({"AZURE_STORAGE_SAS_TOKEN": f"sv=2024-01-01&sig={HUSH}"}, "AuthorizationFailure"),
        ({"AZURE_CLIENT_SECRET": HUSH, "AZURE_CLIENT_ID": "me"}, "lacks AZURE_TENANT_ID"),
        ({"AZURE_CLIENT_SECRET": HUSH, "AZURE_TENANT_ID": "us"}, "lacks AZURE_CLIENT_ID"),
        ({"password": HUSH}, "has none of the keys that are read"),
        ({}, "no credentials are sent"),
    ],
)
def test_who_is_refused_is_told_why(azure: Cloud, secret: dict[str, str], told: str) -> None:
    azure.put("model.onnx", b"model")
    with pytest.raises(FetchError, match=told) as error:
        azure.with_secret(**secret).open("model.onnx").files()
    assert error.value.reason is Reason.MODEL_ACCESS_DENIED
    assert "AZURE_STORAGE_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN" in error.value.sentence
    assert HUSH not in str(error.value)


def test_a_token_is_not_sent_in_clear_text(azure: Cloud) -> None:
    principal = {"AZURE_TENANT_ID": "us", "AZURE_CLIENT_ID": "me", "AZURE_CLIENT_SECRET": HUSH}
    with pytest.raises(FetchError, match="which must be https if a token is sent"):
        azure.with_secret(**principal).open("model.onnx").files()


def test_a_public_container_needs_no_credentials(azure: Cloud, azure_server: AzureEmulator) -> None:
    service = BlobServiceClient(azure_server.url, credential=azure_server.KEY)
    container = azure.bucket.rpartition("/")[2]
    service.get_container_client(container).set_container_access_policy({}, public_access="container")
    azure.put("model.onnx", b"model")
    assert azure.with_secret().content("model.onnx") == {"model.onnx": b"model"}


def test_folders_of_hierarchical_accounts_are_no_files(azure: Cloud) -> None:
    azure.put("models", b"", metadata={"hdi_isfolder": "true"})
    azure.put("models/empty", b"", metadata={"hdi_isfolder": "true"})
    azure.put("models/1/model.onnx", b"model")
    assert azure.content("models") == {"1/model.onnx": b"model"}


def test_the_account_is_the_host_without_an_endpoint(azure: Cloud) -> None:
    remote = azure.at("").open("model.onnx", bucket="azure://account.invalid/models")
    with pytest.raises(Exception, match=r"account.invalid.blob.core.windows.net") as error:
        remote.files()
    assert urlsplit(azure.endpoint).netloc not in str(error.value)

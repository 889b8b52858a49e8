"""Google Cloud Storage on its emulator, which checks no credentials: a token server stands in for who gives them."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.support.sources.clouds import Answering, Cloud

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.failures import InterruptionError

TOKEN = b'{"access_token": "hush-hush", "expires_in": 3600, "token_type": "Bearer"}'


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("key") / "key.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", target, "2048"], check=True, capture_output=True)
    return target.read_text()


def account(key: str, token_server: Answering) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "reader@example.com",
            "private_key": key,
            "private_key_id": "1",
            "token_uri": f"{token_server.url}/token",
        }
    )


@pytest.mark.parametrize("name", ["GOOGLE_APPLICATION_CREDENTIALS_JSON", "service-account.json"])
def test_a_service_account_is_either_key_of_the_secret(gcs: Cloud, key: str, name: str) -> None:
    gcs.put("model.onnx", b"model")
    with Answering(200, TOKEN) as tokens:
        assert gcs.with_secret(**{name: account(key, tokens)}).content("model.onnx") == {"model.onnx": b"model"}


def test_a_service_account_that_gets_no_token_is_told(gcs: Cloud, key: str) -> None:
    with Answering(400, b'{"error": "invalid_grant"}') as tokens:
        denied = gcs.with_secret(**{"service-account.json": account(key, tokens)})
        with pytest.raises(FetchError, match="no token for these credentials") as error:
            denied.open("model.onnx").files()
    assert error.value.reason is Reason.MODEL_ACCESS_DENIED
    assert "service-account.json" in error.value.sentence


def test_a_token_server_that_cannot_be_reached_is_tried_again(gcs: Cloud, key: str) -> None:
    with Answering(200, TOKEN) as tokens:
        described = account(key, tokens)
    with pytest.raises(InterruptionError, match="Google's token server"):
        gcs.with_secret(**{"service-account.json": described}).open("model.onnx").files()


@pytest.mark.parametrize("text", ["no json", "{}", "[]", '{"type": "service_account", "private_key": "hush-hush"}'])
def test_a_secret_without_a_key_is_told(gcs: Cloud, text: str) -> None:
    with pytest.raises(FetchError, match="is not a valid key of a service account") as error:
        gcs.with_secret(GOOGLE_APPLICATION_CREDENTIALS_JSON=text).open("model.onnx").files()
    assert error.value.reason is Reason.MODEL_ACCESS_DENIED
    assert "hush-hush" not in str(error.value)


def test_the_pods_own_token_is_not_sent_to_other_servers_than_googles(
    gcs: Cloud, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcs.put("model.onnx", b"model")
    with Answering(500) as tokens:
        described = tmp_path / "own.json"
        described.write_text(account(key, tokens))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(described))
        assert gcs.content("model.onnx") == {"model.onnx": b"model"}


def test_a_name_that_is_no_bucket_is_told(gcs: Cloud) -> None:
    with pytest.raises(FetchError, match="'No_Bucket!' is not a valid bucket name") as error:
        gcs.open("model.onnx", bucket="gs://No_Bucket!").files()
    assert error.value.reason is Reason.MODEL_INVALID

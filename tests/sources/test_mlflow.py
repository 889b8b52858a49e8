"""Models of a real MLflow tracking server that hands out their files itself."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from socket import create_server
from typing import cast

import pytest
from tests.support.sources.mlflow_models import FILES, READER, Registered, registered, secret

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import AzureSource, RegisteredModel, RunArtifact, S3Source, parse_source
from nereid.models.sources import mlflow
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.http_client import Server
from nereid.models.sources.mlflow import MlflowFiles, ProxiedFiles, open_files
from nereid.models.sources.mlflow_entities import LoggedModel, Run
from nereid.models.sources.remote import RemoteFile
from nereid.models.sources.tracking import TrackingServer, tracking_server


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registered]:
    with registered(tmp_path_factory.mktemp("mlflow")) as filled:
        yield filled


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    return secret(tmp_path / "reader", *READER)


def opened(uri: str, endpoint: str | None, credentials: Path | None) -> MlflowFiles:
    source = parse_source(uri)
    assert isinstance(source, RegisteredModel | RunArtifact)
    request = Request(uri, endpoint=endpoint, credentials=credentials)
    return open_files(source, request)


def failure(uri: str, endpoint: str | None, credentials: Path | None) -> FetchError:
    with pytest.raises(FetchError) as raised:
        opened(uri, endpoint, credentials).files()
    return raised.value


@pytest.mark.parametrize("uri", ["models:/digits/1", "models:/digits/2", "runs:/{run}/flat", "runs:/{run}/model"])
def test_all_files_of_a_model_are_read(models: Registered, reader: Path, uri: str) -> None:
    files = opened(uri.format(run=models.run), models.url, reader)
    listed = files.files()
    assert {str(file.path): file.size for file in listed} == {path: len(content) for path, content in FILES.items()}
    assert {str(file.path): b"".join(files.read(file, 0)) for file in listed} == FILES
    assert all(file.version for file in listed)


def test_a_single_file_of_a_run_is_read(models: Registered, reader: Path) -> None:
    files = opened(f"runs:/{models.run}/flat/data/labels.txt", models.url, reader)
    (file,) = files.files()
    assert str(file.path) == "labels.txt"
    assert b"".join(files.read(file, 0)) == b"0 1"


def test_a_file_is_continued(models: Registered, reader: Path) -> None:
    files = opened("models:/digits/1", models.url, reader)
    weights = next(file for file in files.files() if file.path.name == "model.onnx")
    assert b"".join(files.read(weights, 7000)) == FILES["model.onnx"][7000:]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("models:/digits/9", "has no version 9 (its newest: 2, 1)"),
        ("models:/digits@nope", "has no alias nope (its aliases: challenger, champion)"),
        ("models:/none/1", "has no registered model none"),
        ("models:/empty/latest", "has no version"),
        (f"runs:/{'0' * 32}/model", "has no run 0000"),
        ("runs:/{run}/nothing", "holds no files of runs:/"),
    ],
)
def test_what_is_not_there_is_told(models: Registered, tmp_path: Path, uri: str, told: str) -> None:
    # The server tells it to administrators alone; to others it refuses what is not there.
    admin = secret(tmp_path / "admin", *models.server.ADMIN)
    error = failure(uri.format(run=models.run), models.url, admin)
    assert error.reason is Reason.MODEL_NOT_FOUND
    assert told in error.sentence


def test_missing_and_wrong_credentials_are_told(models: Registered, tmp_path: Path) -> None:
    missing = failure("models:/digits/1", models.url, None)
    wrong = failure("models:/digits/1", models.url, secret(tmp_path / "wrong", READER[0], "not this one"))
    assert missing.reason is wrong.reason is Reason.MODEL_ACCESS_DENIED
    assert "no credentials are sent" in missing.sentence
    assert "correct MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in wrong.sentence
    assert "not this one" not in wrong.sentence


def test_what_a_user_may_not_see_may_also_not_exist(models: Registered, reader: Path) -> None:
    error = failure("models:/none/1", models.url, reader)
    assert error.reason is Reason.MODEL_ACCESS_DENIED
    assert "which may also not exist" in error.sentence


@pytest.mark.parametrize("endpoint", [None, "ftp://mlflow", "mlflow:5000"])
def test_an_address_is_needed(endpoint: str | None) -> None:
    assert failure("models:/digits/1", endpoint, None).reason is Reason.MODEL_INVALID


def test_a_server_that_is_silent_is_told_within_20_seconds() -> None:
    with create_server(("127.0.0.1", 0)) as silent:
        files = opened("models:/digits/1", f"http://127.0.0.1:{silent.getsockname()[1]}", None)
        began = time.monotonic()
        with pytest.raises(InterruptionError, match=r"127\.0\.0\.1"):
            files.files()
        assert time.monotonic() - began < 20


@dataclass(frozen=True)
class Elsewhere:
    """What a sibling is asked to open, in place of what only that sibling's own tests have a server for."""

    source: object
    request: Request

    def files(self) -> list[object]:
        return [self]


@pytest.mark.parametrize(
    ("location", "source"),
    [
        ("s3://bucket/7/artifacts", S3Source("bucket", "7/artifacts")),
        ("s3://bucket/7/a#b%20c?d", S3Source("bucket", "7/a#b%20c?d")),
        ("wasbs://box@account.blob.core.windows.net/7/artifacts", AzureSource("account", "box", "7/artifacts")),
        ("wasbs://box@account.blob.core.windows.net/7/a#b%20c?d", AzureSource("account", "box", "7/a#b%20c?d")),
    ],
)
def test_what_lies_in_a_store_is_left_to_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, location: str, source: object
) -> None:
    monkeypatch.setattr("nereid.models.sources.opening.open_source", Elsewhere)
    # With the path, by which a store lists no more than that.
    path = PurePosixPath("model.onnx")
    request = Request("", endpoint="http://mlflow:5000", credentials=tmp_path, path=path)
    files = MlflowFiles(
        RegisteredModel("digits", "7"), tracking_server(request.endpoint, None, Credentials.read(None)), request
    )
    monkeypatch.setattr(MlflowFiles, "_location", lambda _: location)
    opened_elsewhere: list[object] = [*files.files()]
    assert opened_elsewhere == [Elsewhere(source, replace(request, endpoint=None))]


def test_what_lies_on_the_server_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MlflowFiles, "_location", lambda _: "/mlruns/7/artifacts")
    error = failure("models:/digits/7", "http://mlflow:5000", None)
    assert "at /mlruns/7/artifacts, where pods cannot read it: start the server with --artifacts" in error.sentence


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("ftp://user:hush@files.example.com/7", "at ftp://files.example.com,"),
        ("sftp://user:hu/sh@h:22/hush", "at sftp://h:22,"),
        ("hdfs://node/7?sig=hush", "at hdfs://node,"),
        ("dbfs:/7?sig=hush", "at dbfs:/7,"),
        ("file:///mlruns/7", "at file:///mlruns/7,"),
        ("wasbs://account.blob.core.windows.net/hush", "at wasbs://account.blob.core.windows.net,"),
    ],
)
def test_where_the_server_keeps_its_files_is_shown_without_secrets(
    monkeypatch: pytest.MonkeyPatch, location: str, shown: str
) -> None:
    monkeypatch.setattr(MlflowFiles, "_location", lambda _: location)
    error = failure("models:/digits/7", "http://mlflow:5000", None)
    assert shown in error.sentence
    assert "hu" not in error.sentence


class OneRun:
    """A tracking server of one run that logged several models, one of which was deleted."""

    def __init__(self, created: dict[str, tuple[str, int]]) -> None:
        self._created = created

    def run(self, run_id: str) -> Run:
        return Run(run_id, f"s3://runs/{run_id}", {}, model_ids=(*self._created, "m-deleted"))

    def logged_model(self, model_id: str) -> LoggedModel:
        if model_id not in self._created:
            raise FetchError(Reason.MODEL_NOT_FOUND, f"there is no {model_id}")
        name, created = self._created[model_id]
        return LoggedModel(model_id, name, f"s3://models/{model_id}", created)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("model", "s3://models/m-3"),
        ("model/MLmodel", "s3://models/m-3/MLmodel"),
        ("other", "s3://models/m-4"),
        ("flat/model", "s3://runs/7/flat/model"),
        ("", "s3://runs/7"),
    ],
)
def test_the_newest_of_a_runs_models_of_a_name_is_meant(path: str, location: str) -> None:
    models = {"m-2": ("model", 20), "m-3": ("model", 30), "m-1": ("model", 10), "m-4": ("other", 40)}
    assert mlflow.run_location(cast("TrackingServer", OneRun(models)), RunArtifact("7", path)) == location


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("mlflow-artifacts:/1/a b", "http://mlflow:5000/sub/api/2.0/mlflow-artifacts/artifacts/1/a%20b"),
        ("mlflow-artifacts://other:81/1", "http://other:81/sub/api/2.0/mlflow-artifacts/artifacts/1"),
        ("https://other/api/2.0/mlflow-artifacts/artifacts/1", "https://other/api/2.0/mlflow-artifacts/artifacts/1"),
        ("mlflow-artifacts:/a#b%20c?d", "http://mlflow:5000/sub/api/2.0/mlflow-artifacts/artifacts/a%23b%2520c%3Fd"),
        ("mlflow-artifacts://other:81/a#b", "http://other:81/sub/api/2.0/mlflow-artifacts/artifacts/a%23b"),
        ("https://other/api/a#b%20c?d", "https://other/api/a%23b%2520c%3Fd"),
    ],
)
def test_the_address_of_proxied_files(location: str, address: str) -> None:
    assert str(mlflow._proxy_address(location, "http://mlflow:5000/sub/")) == address


@pytest.mark.parametrize(
    ("location", "is_told"),
    [
        ("mlflow-artifacts:/1", True),
        ("https://mlflow:5000/api/2.0/mlflow-artifacts/artifacts/1", True),
        ("https://mlflow:6000/api/2.0/mlflow-artifacts/artifacts/1", False),
        ("http://mlflow:5000/api/2.0/mlflow-artifacts/artifacts/1", False),
        ("https://other:5000/api/2.0/mlflow-artifacts/artifacts/1", False),
    ],
)
def test_the_password_is_for_the_tracking_server_alone(reader: Path, location: str, *, is_told: bool) -> None:
    opened_there = opened("models:/digits/7", "https://mlflow:5000", reader)._opened(location)
    assert isinstance(opened_there, ProxiedFiles)
    assert bool(opened_there._server.introduction) is is_told


def test_a_first_byte_may_take_long_as_the_server_fetches_the_file_before(
    models: Registered, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nereid.models.sources.http_client.Server.ask", patience := Patience())
    files = opened("models:/digits/1", models.url, reader)
    proxied = files._opened("mlflow-artifacts:/1")
    with pytest.raises(ConnectionError):
        next(proxied.read(RemoteFile(PurePosixPath("model.onnx"), 1, "1"), 0))
    with pytest.raises(ConnectionError):
        proxied.files()
    assert patience.seconds == [600, 50]


class Patience:
    """A server's connection that tells how long an answer is waited for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __get__(self, server: Server, _: object) -> Callable[..., None]:
        def ask(*_: object, **__: object) -> None:
            self.seconds.append(server.read_seconds)
            raise ConnectionError

        return ask

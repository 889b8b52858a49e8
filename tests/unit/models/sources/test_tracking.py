"""MLflow's tracking server by its REST API: what is sent to it, and what its answers mean."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.source import RegisteredModel
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.mlflow_entities import DatasetInput, LoggedModel, ModelVersion, Run
from nereid.models.sources.tracking import TrackingServer, tracking_server

DIGITS = RegisteredModel("digits", version="7")
CHAMPION = RegisteredModel("digits", alias="champion")
USER = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "hush-hush"}
TOKEN = {"MLFLOW_TRACKING_TOKEN": "hush-token"}
VERSION = {"model_version": {"name": "digits", "version": "7", "run_id": "r1"}}


@dataclass
class Tracking:
    """A server that gives each path of MLflow's API one answer: a status, and a body as JSON or as it is."""

    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    location: str = ""
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def client(self, **secret: str) -> TrackingServer:
        return tracking_server(self.url, None, Credentials(secret))

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append((f"{handler.command} {handler.path}", dict(handler.headers)))
        self.bodies.append(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)))
        path = handler.path.partition("?")[0].removeprefix("/api/2.0/mlflow/")
        status, body = (307, b"") if self.location else self.answers.get(path, (404, b"<html>"))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        if self.location:
            handler.send_header("Location", self.location + handler.path)
        handler.end_headers()
        handler.wfile.write(content)


def listening(tracking: Tracking) -> Iterator[Tracking]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tracking.respond(self)

        do_POST = do_GET  # noqa: N815 - the names are http.server's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tracking.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield tracking
        server.shutdown()


@pytest.fixture
def mlflow() -> Iterator[Tracking]:
    yield from listening(Tracking())


@pytest.fixture
def other() -> Iterator[Tracking]:
    yield from listening(Tracking())


def absent(code: str = "RESOURCE_DOES_NOT_EXIST") -> tuple[int, object]:
    return 404 if code == "RESOURCE_DOES_NOT_EXIST" else 400, {"error_code": code, "message": "there is none"}


def test_a_version_is_asked_for_by_its_number(mlflow: Tracking) -> None:
    mlflow.answers["model-versions/get"] = 200, VERSION
    assert mlflow.client().version(DIGITS) == ModelVersion("digits", "7", "r1")
    assert mlflow.requests[0][0] == "GET /api/2.0/mlflow/model-versions/get?name=digits&version=7"


@pytest.mark.parametrize("code", ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"])
def test_an_alias_that_a_model_does_not_have_is_told_with_those_it_has(mlflow: Tracking, code: str) -> None:
    mlflow.answers["registered-models/alias"] = absent(code)
    aliases = [{"alias": "old", "version": "1"}, {"alias": "new", "version": "2"}]
    mlflow.answers["registered-models/get"] = 200, {"registered_model": {"name": "digits", "aliases": aliases}}
    with pytest.raises(FetchError, match=r"has no alias champion \(its aliases: new, old\)") as error:
        mlflow.client().version(CHAMPION)
    assert error.value.reason is Reason.MODEL_NOT_FOUND


def test_the_newest_versions_are_named_where_one_is_missing(mlflow: Tracking) -> None:
    mlflow.answers["model-versions/get"] = absent()
    mlflow.answers["registered-models/get"] = 200, {"registered_model": {"name": "digits"}}
    found = [{"name": "digits", "version": "3"}, {"name": "digits", "version": "2"}]
    mlflow.answers["model-versions/search"] = 200, {"model_versions": found}
    with pytest.raises(FetchError, match=r"has no version 7 \(its newest: 3, 2\)"):
        mlflow.client().version(DIGITS)
    assert mlflow.requests[-1][0].endswith("filter=name+%3D+%27digits%27&max_results=10&order_by=version_number+DESC")


def test_a_name_with_a_quotation_mark_is_searched_in_the_other_ones(mlflow: Tracking) -> None:
    mlflow.answers["registered-models/get"] = 200, {"registered_model": {"name": "ann's"}}
    mlflow.answers["model-versions/search"] = 200, {"model_versions": [{"name": "ann's", "version": "3"}]}
    assert mlflow.client().version(RegisteredModel("ann's", version="latest")).version == "3"
    assert "filter=name+%3D+%22ann%27s%22" in mlflow.requests[-1][0]


def test_what_a_run_knows_is_read(mlflow: Tracking) -> None:
    training = {"dataset": {"name": "d", "digest": "1a"}, "tags": [{"key": "mlflow.data.context", "value": "training"}]}
    run = {
        "info": {"run_id": "r1", "artifact_uri": "s3://runs/1"},
        "data": {"tags": [{"key": "a", "value": "b"}]},
        "inputs": {"dataset_inputs": [training]},
        "outputs": {"model_outputs": [{"model_id": "m-1", "step": "0"}]},
    }
    mlflow.answers["runs/get"] = 200, {"run": run}
    datasets = (DatasetInput("d", "1a", {"mlflow.data.context": "training"}),)
    assert mlflow.client().run("r1") == Run("r1", "s3://runs/1", {"a": "b"}, datasets, ("m-1",))


def test_a_run_without_inputs_and_outputs_is_read(mlflow: Tracking) -> None:
    mlflow.answers["runs/get"] = 200, {"run": {"info": {"run_id": "r1", "artifact_uri": "s3://r"}, "data": {}}}
    assert mlflow.client().run("r1") == Run("r1", "s3://r", {})


@pytest.mark.parametrize("created", [20, "20"])
def test_a_logged_model_is_read(mlflow: Tracking, created: object) -> None:
    info = {"model_id": "m-1", "name": "model", "artifact_uri": "s3://m", "creation_timestamp_ms": created}
    mlflow.answers["logged-models/m-1"] = 200, {"model": {"info": info, "data": {}}}
    assert mlflow.client().logged_model("m-1") == LoggedModel("m-1", "model", "s3://m", 20)


def test_a_tag_is_set(mlflow: Tracking) -> None:
    mlflow.answers["model-versions/set-tag"] = 200, {}
    mlflow.client(**USER).tag(DIGITS, "nereid.dev/stable", "prod/digits")
    sent = {"name": "digits", "version": "7", "key": "nereid.dev/stable", "value": "prod/digits"}
    assert json.loads(mlflow.bodies[0]) == sent
    assert mlflow.requests[0][1]["Authorization"] == "Basic YW5uOmh1c2gtaHVzaA=="


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (USER, "Basic YW5uOmh1c2gtaHVzaA=="),
        (TOKEN, "Bearer hush-token"),
        ({**USER, **TOKEN}, "Basic YW5uOmh1c2gtaHVzaA=="),
        ({}, None),
    ],
)
def test_only_the_secrets_credentials_are_sent(
    mlflow: Tracking, monkeypatch: pytest.MonkeyPatch, secret: dict[str, str], expected: str | None
) -> None:
    for name, value in {**USER, **TOKEN}.items():
        monkeypatch.setenv(name, f"{value} of the machine")
    mlflow.answers["model-versions/get"] = 200, VERSION
    mlflow.client(**secret).version(DIGITS)
    assert mlflow.requests[0][1].get("Authorization") == expected


def test_a_server_that_is_sent_on_to_gets_no_credentials(mlflow: Tracking, other: Tracking) -> None:
    mlflow.location = other.url.replace("127.0.0.1", "localhost")
    other.answers["model-versions/get"] = 200, VERSION
    assert mlflow.client(**USER).version(DIGITS).version == "7"
    assert "Authorization" in mlflow.requests[0][1]
    assert "Authorization" not in other.requests[0][1]


@pytest.mark.parametrize(
    ("status", "body", "secret", "reason", "sentence"),
    [
        (401, {"error_code": "UNAUTHENTICATED"}, {}, Reason.MODEL_ACCESS_DENIED, "no credentials are sent"),
        (401, b"You are not authenticated.", USER, Reason.MODEL_ACCESS_DENIED, "correct MLFLOW_TRACKING_USERNAME"),
        (403, {"error_code": "PERMISSION_DENIED"}, USER, Reason.MODEL_ACCESS_DENIED, "which may also not exist"),
        (403, b"Permission denied", {}, Reason.MODEL_ACCESS_DENIED, "no credentials are sent"),
        (404, b"<html>", {}, Reason.MODEL_NOT_FOUND, "is not an MLflow server of version 2 or later"),
        (404, {"detail": "Not Found"}, {}, Reason.MODEL_NOT_FOUND, "is not an MLflow server of version 2 or later"),
    ],
)
def test_a_refusal_is_told(
    mlflow: Tracking, status: int, body: object, secret: dict[str, str], reason: Reason, sentence: str
) -> None:
    mlflow.answers["model-versions/get"] = status, body
    with pytest.raises(FetchError, match=sentence) as error:
        mlflow.client(**secret).version(DIGITS)
    assert error.value.reason is reason
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (503, b"<html>", "answered status 503 for models:/digits/7: check the server"),
        (500, {"error_code": "INTERNAL_ERROR"}, "answered INTERNAL_ERROR for models:/digits/7: check the server"),
        (429, {"error_code": "REQUEST_LIMIT_EXCEEDED"}, "answered REQUEST_LIMIT_EXCEEDED"),
        (200, b"<html>", "is not a JSON object"),
        (200, [], "is not a JSON object"),
        (200, {"model_version": {}}, "did not answer as MLflow does for models:/digits/7"),
    ],
)
def test_what_may_pass_is_worth_another_try(mlflow: Tracking, status: int, body: Any, sentence: str) -> None:
    mlflow.answers["model-versions/get"] = status, body
    with pytest.raises(InterruptionError, match=sentence):
        mlflow.client().version(DIGITS)

"""Models in a real MLflow registry, as MLflow 3 and as MLflow 2 keep them, for those who fetch and resolve them."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from servers.mlflow import MlflowServer

# MLflow's client reads its settings when it is imported, and sends usage data unless it is told not to.
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}

from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput  # isort: skip
from mlflow.tracking import MlflowClient  # isort: skip

READER = ("reader", "password of reader")
COLUMNS = [{"type": "double", "name": "x", "required": True}, {"type": "double", "name": "y", "required": True}]
LABEL = [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]
DESCRIPTION = yaml.safe_dump({"signature": {"inputs": json.dumps(COLUMNS), "outputs": json.dumps(LABEL)}}).encode()
FILES: Mapping[str, bytes] = {"MLmodel": DESCRIPTION, "model.onnx": bytes(range(256)) * 30, "data/labels.txt": b"0 1"}
TAGS = {
    "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
    "mlflow.source.git.repoURL": "https://user:token-of-tests@git.example.com/digits.git",
}


@dataclass(frozen=True)
class Registered:
    """A server with the model `digits`: version 1 of a run's own files, version 2 of a logged model, alias champion."""

    server: MlflowServer
    run: str

    @property
    def url(self) -> str:
        return self.server.url

    def tags(self, name: str, version: str) -> Mapping[str, str]:
        """Return the tags of a version, as the server has them."""
        tags: Mapping[str, str] = MlflowClient(self.url, self.url).get_model_version(name, version).tags
        return tags


@contextmanager
def registered(folder: Path) -> Iterator[Registered]:
    with MlflowServer(folder, address="127.0.0.1", accounts=dict([READER])) as server, _as_admin(server):
        yield Registered(server, _fill(MlflowClient(server.url, server.url), folder / "made"))


@contextmanager
def _as_admin(server: MlflowServer) -> Iterator[None]:
    os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = server.ADMIN
    yield
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        os.environ.pop(variable, None)


def _fill(client: MlflowClient, folder: Path) -> str:
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    experiment = client.create_experiment("digits")
    run = client.create_run(experiment, tags=TAGS).info.run_id
    training = [InputTag("mlflow.data.context", "training")]
    other = Dataset("other", "00000000", "local", "{}")
    digits = Dataset("digits-train", "1a1c81d5", "local", "{}")
    client.log_inputs(run, [DatasetInput(other, []), DatasetInput(digits, training)])
    client.log_artifacts(run, str(folder), "flat")
    logged = client.create_logged_model(experiment, name="model", source_run_id=run)
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
    client.create_registered_model("digits")
    artifacts = client.get_run(run).info.artifact_uri
    client.create_model_version("digits", f"{artifacts}/flat", run)
    client.create_model_version("digits", f"models:/{logged.model_id}", run, model_id=logged.model_id)
    client.set_registered_model_alias("digits", "champion", "1")
    client.set_registered_model_alias("digits", "challenger", "2")
    client.create_registered_model("empty")
    return run


def secret(folder: Path, username: str, password: str) -> Path:
    folder.mkdir()
    (folder / "MLFLOW_TRACKING_USERNAME").write_text(username)
    (folder / "MLFLOW_TRACKING_PASSWORD").write_text(f"{password}\n")
    return folder

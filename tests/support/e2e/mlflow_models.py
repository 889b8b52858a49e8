"""Models in a real MLflow registry, published as a pipeline does it: with run, commit, data set and signature."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from servers.mlflow import MlflowServer
from tests.support.e2e.artifacts import Artifact

if TYPE_CHECKING:
    from mlflow import MlflowClient

COMMIT: Final = "4f2a9c1d5e6f708192a3b4c5d6e7f8091a2b3c4d"
REPOSITORY: Final = "https://git.example.com/science/flowers"
DATASET: Final = ("flowers", "3f786850")
_DESCRIPTION: Final = """
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
signature:
  inputs: '[{"type": "double", "name": "length"}]'
  outputs: '[{"type": "double", "name": "width"}]'
"""


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a registered model, and the run that logged it."""

    name: str
    version: str
    run: str


def regression(strength: float) -> Artifact:
    """Return a regression as MLflow logs it; each strength predicts something else."""
    import cloudpickle  # noqa: PLC0415 - these libraries take their seconds
    from sklearn.linear_model import Ridge  # noqa: PLC0415

    rows = np.linspace(1, 8, 16)[:, None]
    model = Ridge(alpha=strength).fit(rows, np.sqrt(rows.ravel()))
    files = {"MLmodel": _DESCRIPTION.encode(), "model.pkl": cloudpickle.dumps(model)}
    return Artifact("sklearn", files, {"input": rows}, {"prediction": model.predict(rows)[:, None]}, tolerance=1e-12)


def publish(server: MlflowServer, name: str, artifact: Artifact) -> Published:
    """Log a model in a run of its own, and register it as the next version."""
    with _client(server) as client:
        run = client.create_run(_experiment(client, name), tags=_tags())
        client.log_inputs(run.info.run_id, datasets=[_dataset()])
        with tempfile.TemporaryDirectory() as folder:
            artifact.write(Path(folder))
            client.log_artifacts(run.info.run_id, folder, "model")
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    return Published(name, str(version.version), run.info.run_id)


def set_alias(server: MlflowServer, published: Published, alias: str) -> None:
    """Let an alias of the model lead to this version."""
    with _client(server) as client:
        client.set_registered_model_alias(published.name, alias, published.version)


def tags_of(server: MlflowServer, published: Published) -> Mapping[str, str]:
    """Return the tags of a version, as MLflow's own client reads them."""
    with _client(server) as client:
        tags: Mapping[str, str] = client.get_model_version(published.name, published.version).tags
    return tags


@contextmanager
def _client(server: MlflowServer) -> Iterator["MlflowClient"]:
    """Yield a client of the administrator; the environment, from which it reads the password, is as before then."""
    user, password = server.ADMIN
    settings = {
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    try:
        from mlflow import MlflowClient  # noqa: PLC0415 - it reads the settings when it is imported

        yield MlflowClient(server.url, server.url)
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


def _experiment(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _tags() -> dict[str, Any]:
    return {"mlflow.source.git.commit": COMMIT, "mlflow.source.git.repoURL": REPOSITORY}


def _dataset() -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

    data = Dataset(*DATASET, source_type="http", source='{"url": "https://example.com/flowers.csv"}')
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])

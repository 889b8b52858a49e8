"""What a served model answers to an artifact's rows, beside what its own library predicted for them."""

from typing import Any

import numpy as np
import tritonclient.http
from digits.traffic import Endpoint
from tests.support.e2e.artifacts import Artifact, difference
from tests.support.e2e.case import Case
from tritonclient.utils import np_to_triton_dtype

_SECONDS = 30.0


def assert_predicts(case: Case, artifact: Artifact, name: str = "digits", model: str | None = None) -> None:
    """Ask a ModelDeployment through the gateway: no output differs by more than the artifact allows."""
    answers = ask(Endpoint(case.cluster.gateway, case.host(name), model or name), artifact)
    differences = {output: difference(expected, answers[output]) for output, expected in artifact.outputs.items()}
    assert max(differences.values()) <= artifact.tolerance, differences


def ask(endpoint: Endpoint, artifact: Artifact) -> dict[str, np.ndarray]:
    """Send the artifact's inputs in one request and return the outputs by their names."""
    inputs = [_tensor(name, rows) for name, rows in artifact.inputs.items()]
    with tritonclient.http.InferenceServerClient(endpoint.address, network_timeout=_SECONDS) as client:
        result = client.infer(endpoint.model, inputs, headers={"Host": endpoint.host})
    return {name: result.as_numpy(name) for name in artifact.outputs}


def served_config(case: Case, name: str) -> dict[str, Any]:
    """Return the configuration with which Triton serves a model."""
    with tritonclient.http.InferenceServerClient(case.cluster.gateway, network_timeout=_SECONDS) as client:
        config: dict[str, Any] = client.get_model_config(name, headers={"Host": case.host(name)})
    return config


def _tensor(name: str, rows: np.ndarray) -> Any:
    tensor = tritonclient.http.InferInput(name, list(rows.shape), np_to_triton_dtype(rows.dtype))
    tensor.set_data_from_numpy(rows)
    return tensor

"""Nereid's programs for Triton's Python backend, run without Triton: predictions are the training library's own."""

import importlib.util
import json
import pickle
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.support.e2e.artifacts import ARTIFACTS, Artifact, difference
from tests.support.fetch import triton_stub
from tests.support.fetch.layouts import Bench
from tests.support.fetch.triton_stub import ModelConfig, Request, Tensor

from nereid.contract.fetch_job import ForestBackend

LEARNED = [name for name in ARTIFACTS if not name.startswith(("onnx", "python"))]


@pytest.fixture
def program(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[Artifact], ModuleType]:
    """Stage an artifact and import the program beside it, as Triton's Python backend does."""

    def load(artifact: Artifact) -> ModuleType:
        path = artifact.write(bench.claim / "flowers")
        model = bench.stage(path, artifact.format, forest_backend=ForestBackend.PYTHON)
        monkeypatch.setitem(sys.modules, "triton_python_backend_utils", triton_stub.module())
        monkeypatch.syspath_prepend(str(model / "1"))
        for name in ("predictor", "numpy_bridge"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        spec = importlib.util.spec_from_file_location("model", model / "1" / "model.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def start(program: ModuleType, **given: Any) -> tuple[Any, dict[str, Any]]:
    """Complete the configuration and start an instance with it."""
    config = program.TritonPythonModel.auto_complete_config(ModelConfig(**given)).as_dict()
    instance = program.TritonPythonModel()
    instance.initialize({"model_config": json.dumps(config)})
    return instance, config


def ask(instance: Any, *rows: np.ndarray, wanted: tuple[str, ...] | None = None) -> list[Any]:
    outputs = wanted or tuple(instance.types)
    return instance.execute([Request(Tensor(instance.input_name, part), outputs) for part in rows])


def tensors(response: Any) -> dict[str, np.ndarray]:
    assert response.error is None, response.error
    return {tensor.label: tensor.array for tensor in response.output_tensors}


def completed(artifact: Artifact) -> dict[str, Any]:
    """The user's input, as Triton hands it over."""
    entries = artifact.config.get("input", ())
    return {"input": [{"name": e["name"], "data_type": e["dataType"], "dims": e["dims"]} for e in entries]}


@pytest.mark.parametrize("name", LEARNED)
def test_requests_that_came_together_are_answered_as_the_library_does(
    name: str, program: Callable[[Artifact], ModuleType]
) -> None:
    pytest.importorskip(name.partition("-")[0])
    artifact = ARTIFACTS[name]()
    instance, _ = start(program(artifact), **completed(artifact))
    rows = next(iter(artifact.inputs.values()))
    if rows.dtype == object:
        rows = np.vectorize(str.encode, otypes=[object])(rows)
    first, second = ask(instance, rows[:2], rows[2:])
    for output, expected in artifact.outputs.items():
        answered = np.concatenate([tensors(first)[output], tensors(second)[output]])
        assert difference(expected, answered) <= max(artifact.tolerance, 1e-12)


def test_the_configuration_is_completed_from_the_model(program: Callable[[Artifact], ModuleType]) -> None:
    _, config = start(program(ARTIFACTS["sklearn-classifier"]()))
    assert config["input"] == [{"name": "input", "data_type": "TYPE_FP64", "dims": [3]}]
    assert config["output"] == [
        {"name": "label", "data_type": "TYPE_STRING", "dims": [1]},
        {"name": "probabilities", "data_type": "TYPE_FP64", "dims": [3]},
    ]


def test_without_batching_the_rows_are_a_dimension(program: Callable[[Artifact], ModuleType]) -> None:
    _, config = start(program(ARTIFACTS["sklearn-regressor"]()), max_batch_size=0)
    assert config["input"][0]["dims"] == [-1, 3]
    assert config["output"][0]["dims"] == [-1, 1]


def test_the_users_types_and_names_win(program: Callable[[Artifact], ModuleType]) -> None:
    artifact = ARTIFACTS["sklearn-classifier"]()
    given = {
        "input": [{"name": "rows", "data_type": "TYPE_FP32", "dims": []}],
        "output": [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": []}],
    }
    instance, config = start(program(artifact), **given)
    assert config["input"] == [{"name": "rows", "data_type": "TYPE_FP32", "dims": [3]}]
    assert config["output"] == [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [3]}]
    (response,) = ask(instance, artifact.inputs["input"].astype(np.float32))
    assert tensors(response)["probabilities"].dtype == np.float32


def test_a_complete_configuration_does_not_load_the_model_twice(
    program: Callable[[Artifact], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = program(ARTIFACTS["sklearn-regressor"]())
    monkeypatch.setattr(module, "load_predictor", None)
    tensors = [{"name": "x", "data_type": "TYPE_FP64", "dims": [3]}]
    config = ModelConfig(input=tensors, output=tensors)
    assert module.TritonPythonModel.auto_complete_config(config) is config


def test_only_what_is_asked_for_is_answered(program: Callable[[Artifact], ModuleType]) -> None:
    artifact = ARTIFACTS["sklearn-classifier"]()
    instance, _ = start(program(artifact))
    (response,) = ask(instance, artifact.inputs["input"], wanted=("label",))
    assert list(tensors(response)) == ["label"]


def test_a_row_that_the_model_refuses_fails_its_own_request_alone(program: Callable[[Artifact], ModuleType]) -> None:
    artifact = ARTIFACTS["sklearn-regressor"]()
    instance, _ = start(program(artifact))
    good = artifact.inputs["input"]
    answers = ask(instance, good, np.full((1, 3), np.nan), good[:, :2])
    assert difference(artifact.outputs["prediction"], tensors(answers[0])["prediction"]) == 0
    assert [answer.error.code for answer in answers[1:]] == ["INVALID_ARG", "INVALID_ARG"]
    assert "contains NaN" in str(answers[1].error)


def test_a_missing_library_is_named(program: Callable[[Artifact], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    module = program(ARTIFACTS["sklearn-regressor"]())
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        RuntimeError, match=r"the Triton image has no scikit-learn, which this model needs: set spec.run"
    ):
        start(module)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (pickle.dumps([1, 2])[:-2], "the model cannot be loaded: .* with scikit-learn .* versions of training"),
        (b"no pickle", "the model cannot be loaded: it is not a pickle, or cannot be read here"),
        (pickle.dumps({"a": 1}), "it is a dict without predict: save the estimator"),
    ],
)
def test_what_is_no_estimator_is_explained(
    content: bytes, complaint: str, program: Callable[[Artifact], ModuleType]
) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        start(program(Artifact("sklearn", {"model.pkl": content}, {}, {})))


def test_an_input_that_only_the_user_knows_is_asked_for(program: Callable[[Artifact], ModuleType]) -> None:
    with pytest.raises(
        RuntimeError, match=r"does not take a row of TYPE_FP64 .*: describe input and output in spec.model"
    ):
        start(program(ARTIFACTS["sklearn-text"]()))

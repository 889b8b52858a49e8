"""Formats that Triton serves without a GPU, and its configuration: answers equal those of the training library."""

from dataclasses import replace

import numpy as np
import pytest
from digits.cluster import Manifest
from tests.support.e2e import artifacts
from tests.support.e2e.access import trust
from tests.support.e2e.artifacts import ARTIFACTS, Artifact
from tests.support.e2e.case import Case
from tests.support.e2e.predictions import assert_predicts, served_config
from tests.support.e2e.sources import Sources

# Single files; those that the tests of sources serve are left out.
FILES = ("sklearn-classifier", "sklearn-text", "xgboost-classifier", "lightgbm-classifier")

ENSEMBLE = """
platform: "ensemble"
max_batch_size: 4
input [{ name: "X", data_type: TYPE_FP32, dims: [3] }]
output [{ name: "probabilities", data_type: TYPE_FP32, dims: [3] }]
ensemble_scheduling { step [
  {
    model_name: "double", model_version: -1
    input_map { key: "x", value: "X" }
    output_map { key: "y", value: "doubled" }
  },
  {
    model_name: "classify", model_version: -1
    input_map { key: "X", value: "doubled" }
    output_map { key: "probabilities", value: "probabilities" }
  }
] }
"""
DOUBLE = """
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        rows = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", row + row)]) for row in rows]
"""
DOUBLE_CONFIG = """
backend: "python"
max_batch_size: 4
input [{ name: "x", data_type: TYPE_FP32, dims: [3] }]
output [{ name: "y", data_type: TYPE_FP32, dims: [3] }]
"""


def source(case: Case, sources: Sources, artifact: Artifact) -> Manifest:
    """Put an artifact on the web server, a folder as an archive, and return `spec.model` for it."""
    name = next(iter(artifact.files)) if artifact.is_file else "model.tar.gz"
    content = artifact.files[name] if artifact.is_file else artifact.archive()
    return {
        "uri": sources.on_web(name, content),
        "format": artifact.format,
        "caBundle": trust(case, sources.web.authority.certificate),
        "config": dict(artifact.config),
    }


@pytest.mark.parametrize("name", FILES)
def test_single_file(case: Case, sources: Sources, name: str) -> None:
    artifact = ARTIFACTS[name]()
    case.apply(model=source(case, sources, artifact)).wait_until_ready()
    assert_predicts(case, artifact)


def test_repository_with_an_ensemble(case: Case, sources: Sources) -> None:
    classifier = artifacts.onnx_classifier()
    files = {
        "flowers/config.pbtxt": ENSEMBLE.encode(),
        "double/config.pbtxt": DOUBLE_CONFIG.encode(),
        "double/1/model.py": DOUBLE.encode(),
        "classify/1/model.onnx": classifier.files["model.onnx"],
    }
    # Halved is exact, so that doubling gives the very rows that the classifier was asked for.
    inputs = {"X": classifier.inputs["X"] / np.float32(2)}
    outputs = {"probabilities": classifier.outputs["probabilities"]}
    ensemble = replace(classifier, format="triton", files=files, inputs=inputs, outputs=outputs)
    case.apply(model={**source(case, sources, ensemble), "name": "flowers"}).wait_until_ready()
    assert_predicts(case, ensemble, model="flowers")
    assert_predicts(case, classifier, model="classify")


def test_configuration_is_what_triton_serves_with(case: Case, sources: Sources) -> None:
    artifact = replace(
        artifacts.onnx_classifier(),
        config={
            "maxBatchSize": 8,
            "dynamicBatching": {"preferredBatchSize": [4], "maxQueueDelayMicroseconds": 700},
            "instanceGroup": [{"count": 2, "kind": "KIND_CPU"}],
        },
    )
    case.apply(model=source(case, sources, artifact)).wait_until_ready()
    assert_predicts(case, artifact)
    config = served_config(case, "digits")
    assert config["max_batch_size"] == 8
    assert config["dynamic_batching"]["preferred_batch_size"] == [4]
    assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 700
    assert [(group["count"], group["kind"]) for group in config["instance_group"]] == [(2, "KIND_CPU")]

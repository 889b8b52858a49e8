"""Triton's model configuration as a user writes it: what is rejected, with which message, and what merging does."""

import subprocess
import sys
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from nereid.contract.triton_config import merged, problem
from nereid.contract.triton_config import model_config_pb2 as vendored

WARM: dict[str, Any] = {"dataType": "TYPE_FP32", "dims": [4], "zeroData": True}


QUEUES: dict[str, Any] = {
    "maxQueueDelayMicroseconds": "100",
    "priorityQueuePolicy": {"1": {"maxQueueSize": 3}},
}
TENSORRT: dict[str, Any] = {"name": "tensorrt", "parameters": {"precision_mode": "FP16"}}
ACCELERATED: dict[str, Any] = {"executionAccelerators": {"gpu_execution_accelerator": [TENSORRT]}}


def warm_up(**changes: Any) -> dict[str, Any]:
    tensor = {name: value for name, value in {**WARM, **changes}.items() if value is not None}
    return {"modelWarmup": [{"name": "first", "batchSize": 1, "inputs": {"x": tensor}}]}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"dynamicBatchin": {}},
            "dynamicBatchin is not a field of Triton's ModelConfig; did you mean dynamicBatching?",
        ),
        (
            {"max_batch_sise": 8},
            "max_batch_sise is not a field of Triton's ModelConfig; did you mean max_batch_size",
        ),
        ({"dynamicBatching": {"maxDelay": 5}}, "dynamicBatching.maxDelay is not a field"),
        (
            {"versionPolicy": {"zzz": 1}},
            "versionPolicy.zzz is not a field of Triton's ModelConfig; use latest, all and",
        ),
        (
            {"instanceGroup": [{"kind": "KIND_GPUS"}]},
            "instanceGroup[0].kind has the value 'KIND_GPUS', which Triton does not support; did you mean KIND_GPU",
        ),
        ({"instanceGroup": [{"kind": True}]}, "instanceGroup[0].kind has the value true"),
        ({"instanceGroup": {"count": 1}}, "instanceGroup must be a list, not an object"),
        ({"instanceGroup": [None]}, "instanceGroup[0] must not be null"),
        ({"dynamicBatching": []}, "dynamicBatching must be an object with fields, not a list"),
        ({"maxBatchSize": "many"}, "maxBatchSize must be a whole number, not 'many'"),
        ({"maxBatchSize": 1.5}, "maxBatchSize must be a whole number, not 1.5"),
        ({"maxBatchSize": True}, "maxBatchSize must be a whole number, not true"),
        ({"maxBatchSize": 1 << 40}, "maxBatchSize must be from -2147483648 to 2147483647"),
        ({"dynamicBatching": {"maxQueueDelayMicroseconds": -1}}, "maxQueueDelayMicroseconds must be from 0 to"),
        ({"responseCache": {"enable": "yes"}}, "responseCache.enable must be true or false, not 'yes'"),
        (
            {"parameters": {"threads": {"stringValue": 4}}},
            "parameters.threads.stringValue must be text, not 4: put it in quotes",
        ),
        ({"parameters": {"threads": None}}, "parameters.threads must not be null"),
        ({"dynamicBatching": {"priorityQueuePolicy": {"high": {}}}}, "priorityQueuePolicy.high must be a whole number"),
        (
            {"dynamicBatching": {}, "sequenceBatching": {}},
            "sequenceBatching and dynamicBatching exclude each other: keep one",
        ),
        ({"maxBatchSize": 1, "max_batch_size": 2}, "max_batch_size and maxBatchSize exclude each other"),
        ({"name": "other"}, "name is set by spec.model.name: remove it"),
        (warm_up(zeroData=None), "modelWarmup[0].inputs.x does not define its data: set zeroData: true"),
        (warm_up(dims=[-1, 4]), "modelWarmup[0].inputs.x.dims must be the sizes of a real tensor"),
        (warm_up(dataType=None), "modelWarmup[0].inputs.x.dataType is missing"),
    ],
)
def test_what_triton_does_not_know_is_named(config: dict[str, Any], sentence: str) -> None:
    found = problem(config, "triton")
    assert found is not None
    assert sentence in found
    assert found.startswith("spec.model.config: ")


@pytest.mark.parametrize(
    ("config", "model_format", "sentence"),
    [
        (
            {"backend": "pytorch"},
            "onnx",
            "backend pytorch cannot read the format onnx: remove it, or use onnxruntime",
        ),
        ({"platform": "tensorrt_plan"}, "onnx", "platform tensorrt_plan cannot read the format onnx"),
        ({"backend": "fil"}, "sklearn", "backend fil cannot read the format sklearn"),
        ({"versionPolicy": {"latest": {}}}, "onnx", "versionPolicy is set by the layout"),
        (warm_up(zeroData=None, inputDataFile="rows"), "onnx", "inputDataFile names a file in a repository's folder"),
        (None, "torchscript", "input is missing; a TorchScript file does not describe its tensors"),
        ({"input": [{"name": "INPUT__0"}], "output": []}, "torchscript", "input[0] needs name, dataType and dims"),
    ],
)
def test_what_a_format_cannot_have_is_rejected(config: dict[str, Any], model_format: str, sentence: str) -> None:
    assert sentence in (problem(config, model_format) or "")


@pytest.mark.parametrize(
    ("config", "model_format"),
    [
        (None, "onnx"),
        ({}, "xgboost"),
        ({"backend": "python"}, "xgboost"),
        ({"backend": "fil"}, "lightgbm"),
        ({"backend": "mine"}, "python"),
        ({"backend": "openvino"}, "onnx"),
        (warm_up(zeroData=None, inputDataFile="rows"), "triton"),
        (warm_up(), "onnx"),
        ({"dynamicBatching": QUEUES}, "onnx"),
        ({"optimization": ACCELERATED}, "onnx"),
        ({"modelMetrics": {"metricControl": [{"histogramOptions": {"buckets": [1, 2.5, "Infinity"]}}]}}, "onnx"),
        ({"instanceGroup": [{"kind": 1, "count": 2.0, "gpus": [0]}], "maxBatchSize": None}, "tensorrt"),
    ],
)
def test_what_triton_knows_passes(config: dict[str, Any] | None, model_format: str) -> None:
    assert problem(config, model_format) is None


BASE = """
platform: "onnxruntime_onnx" max_batch_size: 8
dynamic_batching { preferred_batch_size: [1, 2] max_queue_delay_microseconds: 3 }
parameters { key: "a" value { string_value: "1" } }
instance_group { count: 3 }
"""


def test_messages_merge_by_field_maps_by_key_and_lists_as_a_whole() -> None:
    text = merged(
        BASE,
        {
            "dynamicBatching": {"preferredBatchSize": [4]},
            "parameters": {"b": {"stringValue": "2"}},
            "instanceGroup": [{"kind": "KIND_CPU"}],
        },
    )
    assert "preferred_batch_size: 4\n  max_queue_delay_microseconds: 3" in text
    assert 'key: "a"' in text
    assert 'key: "b"' in text
    assert "instance_group {\n  kind: KIND_CPU\n}" in text


def test_zero_wins_over_what_was_there() -> None:
    assert "max_batch_size" not in merged(BASE, {"maxBatchSize": 0})


def test_null_changes_nothing_and_an_empty_message_switches_on() -> None:
    text = merged(BASE, {"maxBatchSize": None, "responseCache": {}})
    assert "max_batch_size: 8" in text
    assert "response_cache {\n}" in text


def test_one_scheduler_replaces_the_other() -> None:
    text = merged(BASE, {"sequenceBatching": {"oldest": {}}})
    assert "sequence_batching" in text
    assert "dynamic_batching" not in text


def test_a_backend_replaces_the_platform() -> None:
    text = merged(BASE, {"backend": "openvino"})
    assert 'backend: "openvino"' in text
    assert "platform" not in text


def test_merging_twice_is_merging_once() -> None:
    config = {"maxBatchSize": 4, "input": [{"name": "x", "dims": [-1]}]}
    assert merged(merged(BASE, config), config) == merged(BASE, config)


def test_a_base_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="not a valid Triton model configuration"):
        merged("max_batch_sise: 1", {})


def test_it_loads_neither_grpc_nor_numpy() -> None:
    program = "import sys, nereid.contract.triton_config; print({'grpc', 'numpy', 'tritonclient'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def definition_of_tritonclient() -> FileDescriptorProto:
    """Read it in a process of its own: tritonclient and KServe's SDK cannot be imported into the same one."""
    program = "import sys; from tritonclient.grpc import model_config_pb2 as published; "
    program += "sys.stdout.buffer.write(published.DESCRIPTOR.serialized_pb)"
    serialized = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    return FileDescriptorProto.FromString(serialized)


def test_the_vendored_definition_is_the_one_that_tritonclient_ships() -> None:
    ours, theirs = FileDescriptorProto.FromString(vendored.DESCRIPTOR.serialized_pb), definition_of_tritonclient()
    in_its_package = str(ours).replace('".triton.', '".inference.')
    theirs.name, theirs.package = ours.name, ours.package
    assert in_its_package == str(theirs)

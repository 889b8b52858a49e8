"""What the ONNX backend of the local Triton image tells Triton about a graph."""

import importlib.util
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "local" / "images" / "triton" / "onnxruntime" / "signature.py"


def load_signature():
    specification = importlib.util.spec_from_file_location("onnx_signature", SOURCE)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


signature = load_signature()
Tensor = signature.Tensor

CLASSIFIER_INPUT = [Tensor("X", "tensor(float)", (None, 64))]
CLASSIFIER_OUTPUTS = [Tensor("label", "tensor(int64)", ("N",)), Tensor("probabilities", "tensor(float)", (None, 10))]


def test_a_bare_graph_with_a_free_first_dimension_takes_batches():
    completion = signature.complete({}, CLASSIFIER_INPUT, CLASSIFIER_OUTPUTS)

    assert completion.max_batch_size == signature.DEFAULT_MAX_BATCH_SIZE
    assert completion.inputs == ({"name": "X", "data_type": "TYPE_FP32", "dims": [64]},)
    assert completion.outputs == (
        {"name": "label", "data_type": "TYPE_INT64", "dims": [1]},
        {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]},
    )


def test_a_graph_with_a_fixed_first_dimension_takes_none():
    completion = signature.complete({}, [Tensor("a", "tensor(string)", (1, "n"))], [Tensor("b", "tensor(bool)", ())])

    assert completion.max_batch_size == 0
    assert completion.inputs[0]["dims"] == [1, -1]
    assert completion.outputs[0]["dims"] == [1]


def test_the_configured_batch_size_wins():
    assert signature.complete({"max_batch_size": 32}, CLASSIFIER_INPUT, CLASSIFIER_OUTPUTS).max_batch_size == 32


def test_full_shapes_in_the_configuration_mean_no_batching():
    entry = {"name": "X", "data_type": "TYPE_FP32", "dims": [-1, 64]}

    completion = signature.complete({"input": [entry]}, CLASSIFIER_INPUT, CLASSIFIER_OUTPUTS)

    assert completion.max_batch_size == 0
    assert completion.inputs == ()
    assert completion.outputs[1]["dims"] == [-1, 10]


def test_an_entry_without_shape_is_completed():
    entry = {"name": "X", "data_type": "TYPE_INVALID", "dims": []}

    completion = signature.complete({"input": [entry]}, CLASSIFIER_INPUT, CLASSIFIER_OUTPUTS)

    assert completion.inputs == ({"name": "X", "data_type": "TYPE_FP32", "dims": [64]},)


@pytest.mark.parametrize(
    ("config", "tensor", "sentence"),
    [
        ({"max_batch_size": 8}, Tensor("a", "tensor(float)", (1, 3)), "max_batch_size is 8, but the first dimension"),
        ({"input": [{"name": "z"}]}, Tensor("a", "tensor(float)", (None, 3)), "names the input 'z'"),
        ({}, Tensor("a", "seq(map(int64,tensor(float)))", ()), "zipmap=False"),
    ],
)
def test_contradictions_say_what_to_change(config, tensor, sentence):
    with pytest.raises(ValueError, match=sentence):
        signature.complete(config, [tensor], [])

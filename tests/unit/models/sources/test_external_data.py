"""Which files beside a graph are its weights."""

import pytest

from nereid.models.sources.external_data import is_external_data


@pytest.mark.parametrize(
    "name", ["m.onnx_data", "m.onnx.data", "m.onnx_data_1", "m.onnx_data2", "m.onnx.data-00001-of-00002"]
)
def test_weights_are_named_after_their_graph(name: str) -> None:
    assert is_external_data(name, "m.onnx")


@pytest.mark.parametrize(
    ("name", "graph"),
    [
        ("m.onnx.data.md5", "m.onnx"),
        ("m.onnx_database", "m.onnx"),
        ("m.onnx", "m.onnx"),
        ("n.onnx_data", "m.onnx"),
        ("model_data.csv", "model"),
        ("model_data", "model"),
    ],
)
def test_other_files_are_none(name: str, graph: str) -> None:
    assert not is_external_data(name, graph)

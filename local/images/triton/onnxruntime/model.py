"""The backend `onnxruntime` of a Triton build that has no compiled one.

A stand-in for the backend in NVIDIA's image: onnxruntime's Python package behind Triton's Python backend. A bare
`<model>/1/model.onnx` loads in both alike.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from signature import Tensor, complete


def model_file() -> Path:
    """Return the .onnx file that this process serves.

    Triton tells a model its folder only when an instance starts, which is too late to complete the configuration; the
    first argument of the backend's own process is the file.
    """
    return Path(Path("/proc/self/cmdline").read_bytes().split(b"\0")[1].decode())


def open_session(options: ort.SessionOptions) -> ort.InferenceSession:
    """Load the model; a malformed file raises onnxruntime's own error, which Triton logs as the reason."""
    return ort.InferenceSession(str(model_file()), options, providers=["CPUExecutionProvider"])


def tensors(nodes: list[Any]) -> list[Tensor]:
    """Turn onnxruntime's description of inputs or outputs into this backend's own."""
    return [Tensor(node.name, node.type, tuple(node.shape)) for node in nodes]


def thread_count(config: dict[str, Any], parameter: str) -> int:
    """Return a thread count from the configuration's parameters, named as for Triton's own backend; else one."""
    return int(config.get("parameters", {}).get(parameter, {}).get("string_value", "1"))


def to_onnx(tensor: Any) -> np.ndarray:
    """Convert a request's tensor to what onnxruntime takes: text is str there."""
    array = tensor.as_numpy()
    return np.vectorize(lambda text: text.decode(), otypes=[object])(array) if array.dtype == object else array


def to_triton(name: str, array: np.ndarray, *, batched: bool) -> Any:
    """Convert a result to what Triton takes: text as bytes, and at least one dimension beside the batch."""
    if array.dtype == object:
        array = np.vectorize(lambda text: text.encode(), otypes=[object])(array)
    if array.ndim == (1 if batched else 0):
        array = array.reshape(*array.shape, 1)
    return pb_utils.Tensor(name, array)


class TritonPythonModel:
    """One instance of an ONNX model."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """Fill in what the model's configuration leaves out from the graph."""
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = open_session(options)
        config = auto_complete_model_config.as_dict()
        completion = complete(config, tensors(session.get_inputs()), tensors(session.get_outputs()))
        if completion.max_batch_size != config["max_batch_size"]:
            auto_complete_model_config.set_max_batch_size(completion.max_batch_size)
            if "sequence_batching" not in config:
                auto_complete_model_config.set_dynamic_batching()
        for entry in completion.inputs:
            auto_complete_model_config.add_input(entry)
        for entry in completion.outputs:
            auto_complete_model_config.add_output(entry)
        return auto_complete_model_config

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model for serving."""
        config = json.loads(args["model_config"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = thread_count(config, "intra_op_thread_count")
        options.inter_op_num_threads = thread_count(config, "inter_op_thread_count")
        self.session = open_session(options)
        self.batched = config["max_batch_size"] > 0
        self.output_names = [node.name for node in self.session.get_outputs()]
        self.input_ranks = {node.name: len(node.shape) for node in self.session.get_inputs()}

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer every request; those that Triton batched and whose shapes agree go through the graph together."""
        feeds = [{tensor.name(): self.shaped(tensor) for tensor in request.inputs()} for request in requests]
        shapes = {tuple(sorted((name, array.shape[1:]) for name, array in feed.items())) for feed in feeds}
        if self.batched and len(requests) > 1 and len(shapes) == 1:
            return self.answer_together(requests, feeds)
        return [self.answer(request, feed) for request, feed in zip(requests, feeds, strict=True)]

    def shaped(self, tensor: Any) -> np.ndarray:
        """Return a request's tensor without the dimension that Triton adds to one which has none beside the batch."""
        array = to_onnx(tensor)
        return array.reshape(array.shape[:-1]) if array.ndim == self.input_ranks[tensor.name()] + 1 else array

    def requested(self, request: Any) -> list[str]:
        """List the outputs that the request asks for, in the graph's order."""
        return [name for name in self.output_names if name in request.requested_output_names()]

    def answer(self, request: Any, feed: dict[str, np.ndarray]) -> Any:
        """Run the graph for one request."""
        names = self.requested(request)
        try:
            results = self.session.run(names, feed)
        except Exception as error:  # noqa: BLE001 - whatever it is, this request fails by it and the server goes on
            kinds = pb_utils.TritonError
            code = kinds.INVALID_ARG if isinstance(error, InvalidArgument) else kinds.INTERNAL
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), code))
        return pb_utils.InferenceResponse(
            [to_triton(name, array, batched=self.batched) for name, array in zip(names, results, strict=True)]
        )

    def answer_together(self, requests: list[Any], feeds: list[dict[str, np.ndarray]]) -> list[Any]:
        """Run the graph once for several requests; when that fails, one by one, so that only the guilty one fails."""
        sizes = [len(next(iter(feed.values()))) for feed in feeds]
        merged = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        try:
            results = dict(zip(self.output_names, self.session.run(self.output_names, merged), strict=True))
        except Exception:  # noqa: BLE001 - answering one by one finds the request that caused it
            return [self.answer(request, feed) for request, feed in zip(requests, feeds, strict=True)]
        ends = np.cumsum(sizes)
        return [
            pb_utils.InferenceResponse(
                [to_triton(name, results[name][end - size : end], batched=True) for name in self.requested(request)]
            )
            for request, size, end in zip(requests, sizes, ends, strict=True)
        ]

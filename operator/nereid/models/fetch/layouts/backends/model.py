"""A model of a training library in Triton's Python backend; `predictor.py` beside it has the code for the library.

The one input has a row of features for each prediction. Names, types and shapes of inputs and outputs that are not in
the model's configuration are taken from the model itself.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

DISTRIBUTIONS = {"sklearn": "scikit-learn"}
TEXT_KINDS = "OUS"


def load_predictor(config: dict[str, Any]) -> Any:
    """Load the model beside this file; raise RuntimeError with a cause in one line, which Triton shows to the user."""
    parameters = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
    try:
        # Imported here, as the module needs the library, which an image may not have.
        from predictor import load  # noqa: PLC0415

        return load(Path(__file__).parent, parameters)
    except ModuleNotFoundError as error:
        missing = DISTRIBUTIONS.get(str(error.name), error.name)
        raise RuntimeError(
            f"the Triton image has no {missing}, which this model needs: set spec.runtime.image to an image that has "
            "it, or the parameter EXECUTION_ENV_PATH of spec.model.config to a packed environment"
        ) from error
    except Exception as error:
        raise RuntimeError(f"the model cannot be loaded: {' '.join(str(error).split())}") from error


def triton_type(array: np.ndarray) -> str:
    """Return Triton's name for an array's type."""
    if array.dtype.kind in TEXT_KINDS:
        return "TYPE_STRING"
    kind = {"f": "FP", "i": "INT", "u": "UINT"}.get(array.dtype.kind)
    return f"TYPE_{kind}{array.dtype.itemsize * 8}" if kind else "TYPE_BOOL"


def as_column(array: np.ndarray) -> np.ndarray:
    """Return an array with a dimension beside that of the rows."""
    return array.reshape(-1, 1) if array.ndim == 1 else array


def to_triton(name: str, array: np.ndarray, data_type: str) -> Any:
    """Convert a result to a tensor of the configured type."""
    if data_type == "TYPE_STRING":
        array = np.vectorize(lambda text: str(text).encode(), otypes=[object])(array)
    else:
        array = array.astype(pb_utils.triton_string_to_numpy(data_type), copy=False)
    return pb_utils.Tensor(name, array)


def from_triton(tensor: Any) -> np.ndarray:
    """Convert a request's tensor to rows; text becomes str."""
    array: np.ndarray = tensor.as_numpy()
    if array.dtype == object:
        array = np.vectorize(lambda text: text.decode(), otypes=[object])(array)
    return array


def has_type(entry: dict[str, Any]) -> bool:
    """Whether the configuration has a tensor's type."""
    return bool(entry.get("data_type", "TYPE_INVALID") != "TYPE_INVALID")


def is_complete(entries: list[dict[str, Any]] | None) -> bool:
    """Whether the configuration has types and shapes of all inputs, or all outputs."""
    return bool(entries) and all(has_type(entry) and entry.get("dims") for entry in entries or ())


def complete(entry: dict[str, Any], data_type: str, dims: list[int]) -> dict[str, Any]:
    """Return a tensor's configuration, with what it lacks filled in."""
    return {
        "name": entry["name"],
        "data_type": entry["data_type"] if has_type(entry) else data_type,
        "dims": entry.get("dims") or dims,
    }


def trial_row(tensor: dict[str, Any], features: int) -> np.ndarray:
    """Return one row of zeros, or of empty strings, of the input's type."""
    width = features if features > 0 else max(1, int(tensor["dims"][-1]))
    if tensor["data_type"] == "TYPE_STRING":
        return np.full((1, width), "", dtype=object)
    row: np.ndarray = np.zeros((1, width), dtype=pb_utils.triton_string_to_numpy(tensor["data_type"]))
    return row


def trial_outputs(predictor: Any, tensor: dict[str, Any]) -> dict[str, np.ndarray]:
    """Predict one row, and return the outputs, which have the types and shapes that the configuration lacks."""
    try:
        answer = predictor.predict(trial_row(tensor, predictor.features), predictor.outputs)
    except Exception as error:
        raise RuntimeError(
            f"the model does not take a row of {tensor['data_type']} ({' '.join(str(error).split())}): "
            "describe input and output in spec.model.config"
        ) from error
    return {name: as_column(array) for name, array in answer.items()}


class TritonPythonModel:
    """One instance of the model."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """Fill in what the model's configuration lacks; if that is nothing, the model is not loaded."""
        config = auto_complete_model_config.as_dict()
        if is_complete(config.get("input")) and is_complete(config.get("output")):
            return auto_complete_model_config
        predictor = load_predictor(config)
        rows = [] if config["max_batch_size"] > 0 else [-1]
        written = (config.get("input") or [{"name": "input"}])[0]
        tensor = complete(written, predictor.input_type, [*rows, predictor.features])
        auto_complete_model_config.add_input(tensor)
        outputs = {entry["name"]: entry for entry in config.get("output", ())}
        for name, array in trial_outputs(predictor, tensor).items():
            if not outputs or name in outputs:
                dims = [*rows, *array.shape[1:]]
                entry = complete(outputs.get(name, {"name": name}), triton_type(array), dims)
                auto_complete_model_config.add_output(entry)
        return auto_complete_model_config

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model for serving."""
        config = json.loads(args["model_config"])
        self.predictor = load_predictor(config)
        self.input_name = config["input"][0]["name"]
        self.types = {output["name"]: output["data_type"] for output in config["output"]}

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer every request; those that Triton has batched are predicted together if they have the same width."""
        rows = [from_triton(pb_utils.get_input_tensor_by_name(request, self.input_name)) for request in requests]
        output_names = {name for request in requests for name in request.requested_output_names()}
        if len({part.shape[1:] for part in rows}) == 1:
            try:
                return self.answer_together(requests, rows, output_names)
            except Exception as error:  # noqa: BLE001 - whatever it is, only the request that caused it may fail
                if len(requests) == 1:
                    return [self.failure(error)]
        return [answer for request in requests for answer in self.execute([request])]

    def answer_together(self, requests: list[Any], rows: list[np.ndarray], output_names: set[str]) -> list[Any]:
        """Predict the rows of all requests at once."""
        answer = self.predictor.predict(np.concatenate(rows), output_names)
        ends = np.cumsum([len(part) for part in rows])
        columns = {name: as_column(array) for name, array in answer.items()}
        return [
            pb_utils.InferenceResponse(
                [
                    to_triton(name, columns[name][end - len(part) : end], self.types[name])
                    for name in self.types
                    if name in request.requested_output_names()
                ]
            )
            for request, part, end in zip(requests, rows, ends, strict=True)
        ]

    @staticmethod
    def failure(error: Exception) -> Any:
        """Answer a request that the library rejects: an invalid value is the client's fault."""
        kinds = pb_utils.TritonError
        code = kinds.INVALID_ARG if isinstance(error, ValueError | TypeError) else kinds.INTERNAL
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), code))

"""The part of `triton_python_backend_utils` that Nereid's programs use, as plain Python."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

TYPES = {"TYPE_FP32": np.float32, "TYPE_FP64": np.float64, "TYPE_INT64": np.int64, "TYPE_STRING": np.object_}


@dataclass
class Tensor:
    label: str
    array: np.ndarray

    def name(self) -> str:
        return self.label

    def as_numpy(self) -> np.ndarray:
        return self.array


class TritonError(Exception):
    INVALID_ARG = "INVALID_ARG"
    INTERNAL = "INTERNAL"

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class InferenceResponse:
    output_tensors: list[Tensor] | None = None
    error: TritonError | None = None


@dataclass
class Request:
    tensor: Tensor
    wanted: tuple[str, ...]

    def requested_output_names(self) -> tuple[str, ...]:
        return self.wanted


class ModelConfig:
    """A configuration that is being completed."""

    def __init__(self, **given: Any) -> None:
        self.config = {"max_batch_size": 32, "input": [], "output": [], "parameters": {}, **given}

    def as_dict(self) -> dict[str, Any]:
        return self.config

    def add_input(self, entry: dict[str, Any]) -> None:
        self._add("input", entry)

    def add_output(self, entry: dict[str, Any]) -> None:
        self._add("output", entry)

    def _add(self, side: str, entry: dict[str, Any]) -> None:
        others = [known for known in self.config[side] if known["name"] != entry["name"]]
        self.config[side] = [*others, entry]


def module() -> ModuleType:
    stub = ModuleType("triton_python_backend_utils")
    stub.__dict__.update(
        Tensor=Tensor,
        TritonError=TritonError,
        InferenceResponse=InferenceResponse,
        triton_string_to_numpy=TYPES.__getitem__,
        get_input_tensor_by_name=lambda request, _: request.tensor,
    )
    return stub

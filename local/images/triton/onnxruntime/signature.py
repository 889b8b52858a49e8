"""What Triton has to know about an ONNX graph: names, types and shapes of its tensors, and whether it takes batches.

Pure: this module knows neither onnxruntime nor Triton, so that it can be tested without them. The rules are those of
Triton's own ONNX Runtime backend.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TRITON_TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32",
    "tensor(uint64)": "TYPE_UINT64",
    "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(string)": "TYPE_STRING",
}
# What --backend-config=default-max-batch-size is when nobody sets it.
DEFAULT_MAX_BATCH_SIZE = 4


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph; a dimension that is not fixed is a name or nothing."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model's configuration lacks, in the form of Triton's model configuration."""

    max_batch_size: int
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]


def complete(config: Mapping[str, Any], inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> Completion:
    """Say what the graph adds to `config`, where that is silent; raise ValueError where the two contradict."""
    inputs, outputs = tuple(inputs), tuple(outputs)
    check_names(config, "input", inputs)
    check_names(config, "output", outputs)
    max_batch_size = batch_size(config, inputs + outputs)
    return Completion(
        max_batch_size,
        tuple(lacking(config, "input", inputs, batched=max_batch_size > 0)),
        tuple(lacking(config, "output", outputs, batched=max_batch_size > 0)),
    )


def check_names(config: Mapping[str, Any], side: str, tensors: tuple[Tensor, ...]) -> None:
    """Raise ValueError where the configuration speaks of a tensor that the graph has not got."""
    known = [tensor.name for tensor in tensors]
    for entry in config.get(side, ()):
        if entry["name"] not in known:
            raise ValueError(
                f"the model configuration names the {side} '{entry['name']}', but the ONNX graph has {', '.join(known)}"
            )


def batch_size(config: Mapping[str, Any], tensors: tuple[Tensor, ...]) -> int:
    """Return the configured maximum batch size, or Triton's default where every tensor's first dimension is free."""
    takes_batches = all(tensor.shape and not isinstance(tensor.shape[0], int) for tensor in tensors)
    configured = int(config.get("max_batch_size", 0))
    if configured and not takes_batches:
        fixed = next(tensor for tensor in tensors if not tensor.shape or isinstance(tensor.shape[0], int))
        raise ValueError(
            f"max_batch_size is {configured}, but the first dimension of '{fixed.name}' {list(fixed.shape)} is fixed: "
            "set max_batch_size to 0, or export the model with a free batch dimension"
        )
    if configured or not takes_batches or states_full_shapes(config, tensors):
        return configured
    return DEFAULT_MAX_BATCH_SIZE


def states_full_shapes(config: Mapping[str, Any], tensors: tuple[Tensor, ...]) -> bool:
    """Whether the configuration counts the batch dimension among `dims`, which means that it wants no batching."""
    ranks = {tensor.name: len(tensor.shape) for tensor in tensors}
    entries = [*config.get("input", ()), *config.get("output", ())]
    return any(entry.get("dims") and len(entry["dims"]) == ranks[entry["name"]] > 1 for entry in entries)


def lacking(
    config: Mapping[str, Any], side: str, tensors: tuple[Tensor, ...], *, batched: bool
) -> Iterable[dict[str, Any]]:
    """Describe in full the tensors that the configuration leaves out or describes in part."""
    written = {entry["name"]: entry for entry in config.get(side, ())}
    for tensor in tensors:
        entry = written.get(tensor.name, {})
        type_known = entry.get("data_type", "TYPE_INVALID") != "TYPE_INVALID"
        if not (type_known and entry.get("dims")):
            data_type = entry["data_type"] if type_known else triton_type(side, tensor)
            yield {
                "name": tensor.name,
                "data_type": data_type,
                "dims": entry.get("dims") or dimensions(tensor, batched=batched),
            }


def triton_type(side: str, tensor: Tensor) -> str:
    """Return Triton's name of the tensor's type; raises ValueError for what is not a plain tensor."""
    if tensor.type not in TRITON_TYPES:
        raise ValueError(
            f"the {side} '{tensor.name}' has the type {tensor.type}, which Triton cannot carry: export the model with "
            "plain tensors (for scikit-learn classifiers, with the converter's option zipmap=False)"
        )
    return TRITON_TYPES[tensor.type]


def dimensions(tensor: Tensor, *, batched: bool) -> list[int]:
    """Return the tensor's `dims`: without the batch dimension, -1 for a free one, and never empty."""
    shape = tensor.shape[1:] if batched else tensor.shape
    return [size if isinstance(size, int) else -1 for size in shape] or [1]

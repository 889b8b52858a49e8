"""Why a `spec.model.config` cannot be served, as one sentence: first Triton's own rules, then those of the format."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nereid.contract.triton_config.fields import ConfigError
from nereid.contract.triton_config.merge import overlay
from nereid.contract.triton_config.model_config_pb2 import ModelConfig

_FIELD: Final = "spec.model.config"
_REPOSITORY: Final = "triton"
# Backends and platforms that can read a format's file; a format that is not listed may use any.
_BACKENDS: Final = {
    "onnx": ("onnxruntime", "openvino"),
    "tensorrt": ("tensorrt",),
    "torchscript": ("pytorch",),
    "savedmodel": ("tensorflow",),
    "sklearn": ("python",),
    "xgboost": ("fil", "python"),
    "lightgbm": ("fil", "python"),
}
_PLATFORMS: Final = {
    "onnx": "onnxruntime_onnx",
    "tensorrt": "tensorrt_plan",
    "torchscript": "pytorch_libtorch",
    "savedmodel": "tensorflow_savedmodel",
}
# Nereid arranges the one version and its file, so these fields leave nothing to choose.
_LAID_OUT: Final = {
    "version_policy": "versionPolicy",
    "default_model_filename": "defaultModelFilename",
    "cc_model_filenames": "ccModelFilenames",
    "ensemble_scheduling": "ensembleScheduling",
}
_TENSOR_EXAMPLE: Final = "for instance {name: INPUT__0, dataType: TYPE_FP32, dims: [4]}"


def problem(config: Mapping[str, Any] | None, model_format: str = _REPOSITORY) -> str | None:
    """Return what is wrong with a model configuration for a format, and what to change; None if nothing is.

    Call it for a model without a configuration too: some formats need one.
    """
    message = ModelConfig()
    try:
        overlay(message, config or {})
    except ConfigError as error:
        return f"{_FIELD}: {error}"
    first_problem = next(_problems(message, model_format), None)
    return f"{_FIELD}: {first_problem}" if first_problem else None


def _problems(message: Any, model_format: str) -> Iterator[str]:
    if message.name:
        yield "name is set by spec.model.name: remove it"
    yield from _warmup_problems(message, model_format)
    if model_format == _REPOSITORY:
        return
    yield from _backend_problems(message, model_format)
    for field in message.ListFields():
        if field[0].name in _LAID_OUT:
            yield (
                f"{_LAID_OUT[field[0].name]} is set by the layout that is generated for format {model_format}: "
                "remove it, or use format triton with a repository of your own"
            )
    if model_format == "torchscript":
        yield from _tensor_problems(message)


def _backend_problems(message: Any, model_format: str) -> Iterator[str]:
    backends = _BACKENDS.get(model_format, ())
    if message.backend and backends and message.backend not in backends:
        yield (
            f"backend {message.backend} cannot read the format {model_format}: remove it, or use "
            f"{' or '.join(backends)}"
        )
    platform = _PLATFORMS.get(model_format)
    if message.platform and message.platform != platform:
        yield f"platform {message.platform} cannot read the format {model_format}: remove it"


def _warmup_problems(message: Any, model_format: str) -> Iterator[str]:
    for index, sample in enumerate(message.model_warmup):
        for name, tensor in sample.inputs.items():
            yield from _sample_problems(tensor, model_format, f"modelWarmup[{index}].inputs.{name}")


def _sample_problems(tensor: Any, model_format: str, path: str) -> Iterator[str]:
    if tensor.WhichOneof("input_data_type") is None:
        yield f"{path} does not define its data: set zeroData: true or randomData: true"
    if tensor.input_data_file and model_format != _REPOSITORY:
        yield (
            f"{path}.inputDataFile names a file in a repository's folder warmup, and format {model_format} has no "
            "repository: set zeroData: true or randomData: true"
        )
    if not tensor.data_type:
        yield f"{path}.dataType is missing, for instance TYPE_FP32"
    if not tensor.dims or min(tensor.dims) < 1:
        yield f"{path}.dims must be the sizes of a real tensor without the batch, each at least 1, for instance [4]"


def _tensor_problems(message: Any) -> Iterator[str]:
    for side in ("input", "output"):
        tensors = getattr(message, side)
        if not tensors:
            yield f"{side} is missing; a TorchScript file does not describe its tensors: list them, {_TENSOR_EXAMPLE}"
        for index, tensor in enumerate(tensors):
            if not (tensor.name and tensor.data_type and tensor.dims):
                yield f"{side}[{index}] needs name, dataType and dims, {_TENSOR_EXAMPLE}"

"""Triton's published definition of a model configuration: the one that its client library ships.

The module is read from its file, as its package would load gRPC and NumPy with it: 31 MiB of memory and half a second,
of which the operator needs 1 MiB and some milliseconds.
"""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final


def _definition() -> ModuleType:
    package = find_spec("tritonclient")
    if package is None or not package.submodule_search_locations:
        raise ImportError("tritonclient is missing, which has Triton's definition of a model configuration")
    file = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = spec_from_file_location("nereid.contract.triton_config.model_config_pb2", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is missing, which has Triton's definition of a model configuration")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ModelConfig: Final[Any] = _definition().ModelConfig

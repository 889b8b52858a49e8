"""Models that Triton has backends of its own for: ONNX, TensorRT, TorchScript, TensorFlow's SavedModel, and Python."""

import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from nereid.contract.sentence import listing
from nereid.models.fetch.layouts.placement import Placement
from nereid.models.fetch.layouts.search import MLMODEL, find, is_zipped_model
from nereid.models.sources.external_data import external_data
from nereid.models.sources.repository import content

CONFIG: Final = "config.pbtxt"
_PROGRAM: Final = "model.py"
_TENSORRT_ENDINGS: Final = frozenset({".plan", ".engine", ".trt"})
_TORCHSCRIPT_ENDINGS: Final = frozenset({".pt", ".pth", ".ts", ".torchscript"})


def stage_onnx(placement: Placement) -> dict[str, Any]:
    """Place an ONNX file, with what lies beside it: a large model has its weights in further files."""
    path = find(placement, lambda path: path.suffix == ".onnx" and path.is_file(), "the files .onnx")
    beside = external_data(path) if path == placement.artifact else _beside(path)
    placement.put_all({**{one: placement.version / one.name for one in beside}, path: placement.version / "model.onnx"})
    return {"backend": "onnxruntime"}


def _beside(path: Path) -> list[Path]:
    """Return what a folder with a graph holds for it: weights may have any name."""
    others = (one for one in content(path.parent) if one.name not in {path.name, MLMODEL, CONFIG})
    return [one for one in others if one.is_file() and one.suffix != ".onnx"]


def stage_tensorrt(placement: Placement) -> dict[str, Any]:
    """Place a TensorRT engine."""
    path = find(placement, lambda path: path.suffix in _TENSORRT_ENDINGS, "the files .plan, .engine or .trt")
    placement.put(path, placement.version / "model.plan")
    return {"platform": "tensorrt_plan"}


def stage_torchscript(placement: Placement) -> dict[str, Any]:
    """Place a TorchScript file; its tensors are told by the user's configuration."""
    path = find(
        placement,
        lambda path: path.suffix in _TORCHSCRIPT_ENDINGS,
        "the files .pt, .pth, .ts or .torchscript",
        # What torch.jit.save writes is a zip file, of any name.
        is_whole=lambda path: is_zipped_model(path, "*/constants.pkl", _TORCHSCRIPT_ENDINGS),
    )
    placement.put(path, placement.version / "model.pt")
    return {"platform": "pytorch_libtorch"}


def stage_savedmodel(placement: Placement) -> dict[str, Any]:
    """Place the folder of a SavedModel, or the one that an archive holds."""
    if placement.artifact.name == "saved_model.pb":
        # A folder that holds nothing else counts as that file.
        placement = replace(placement, artifact=placement.artifact.parent)
    placement = _opened(placement)
    path = find(placement, lambda path: (path / "saved_model.pb").is_file(), "the folders with a saved_model.pb")
    placement.put(path, placement.version / "model.savedmodel")
    return {"platform": "tensorflow_savedmodel"}


def stage_python(placement: Placement) -> dict[str, Any]:
    """Place a program for the Python backend: one file, or a folder (or archive) with model.py and what it needs."""
    if placement.artifact.is_dir() or _is_archive(placement.artifact):
        placement = _opened(placement)
        _stage_program_folder(placement)
    else:
        placement.put(placement.artifact, placement.version / _PROGRAM)
    return {"backend": "python"}


def _stage_program_folder(placement: Placement) -> None:
    folder = placement.artifact
    if not (folder / _PROGRAM).is_file():
        held = listing(entry.name for entry in content(folder))
        raise placement.invalid(
            f"holds {held}, but no {_PROGRAM}: put one there with a class TritonPythonModel, or set spec.model.path"
        )
    entries = content(folder)
    places = {entry: placement.model if entry.name == CONFIG else placement.version for entry in entries}
    placement.put_all({entry: place / entry.name for entry, place in places.items()})


def _opened(placement: Placement) -> Placement:
    return replace(placement, artifact=placement.unpacked())


def _is_archive(path: Path) -> bool:
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)

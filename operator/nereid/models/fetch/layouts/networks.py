"""Formats that have a backend of their own in Triton: ONNX, TensorRT, TorchScript, TensorFlow's SavedModel, Python."""

import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from nereid.contract.sentence import listing
from nereid.models.fetch.layouts.search import MLMODEL, find, is_zipped_model
from nereid.models.fetch.layouts.staged_model import StagedModel
from nereid.models.sources.external_data import external_data
from nereid.models.sources.repository import content

CONFIG: Final = "config.pbtxt"
_PROGRAM: Final = "model.py"
_TENSORRT_ENDINGS: Final = frozenset({".plan", ".engine", ".trt"})
_TORCHSCRIPT_ENDINGS: Final = frozenset({".pt", ".pth", ".ts", ".torchscript"})


def stage_onnx(staged: StagedModel) -> dict[str, Any]:
    """Place an ONNX file and the files beside it: a large model has its weights in files of their own."""
    path = find(staged, lambda path: path.suffix == ".onnx" and path.is_file(), "the files .onnx")
    beside = external_data(path) if path == staged.artifact else _beside(path)
    weights = {file: staged.version / file.name for file in beside}
    staged.put_all({**weights, path: staged.version / "model.onnx"})
    return {"backend": "onnxruntime"}


def _beside(path: Path) -> list[Path]:
    """Return the other files of a graph's folder, as its weights may have any name."""
    others = (file for file in content(path.parent) if file.name not in {path.name, MLMODEL, CONFIG})
    return [file for file in others if file.is_file() and file.suffix != ".onnx"]


def stage_tensorrt(staged: StagedModel) -> dict[str, Any]:
    """Place a TensorRT engine."""
    path = find(staged, lambda path: path.suffix in _TENSORRT_ENDINGS, "the files .plan, .engine or .trt")
    staged.put(path, staged.version / "model.plan")
    return {"platform": "tensorrt_plan"}


def stage_torchscript(staged: StagedModel) -> dict[str, Any]:
    """Place a TorchScript file; the user's configuration describes its tensors."""
    path = find(
        staged,
        lambda path: path.suffix in _TORCHSCRIPT_ENDINGS,
        "the files .pt, .pth, .ts or .torchscript",
        # torch.jit.save writes a zip file, of any name.
        is_whole=lambda path: is_zipped_model(path, "*/constants.pkl", _TORCHSCRIPT_ENDINGS),
    )
    staged.put(path, staged.version / "model.pt")
    return {"platform": "pytorch_libtorch"}


def stage_savedmodel(staged: StagedModel) -> dict[str, Any]:
    """Place the folder of a SavedModel, which may be in an archive."""
    if staged.artifact.name == "saved_model.pb":
        # The source was a folder with this file alone, which counts as a file.
        staged = replace(staged, artifact=staged.artifact.parent)
    staged = _opened(staged)
    path = find(staged, lambda path: (path / "saved_model.pb").is_file(), "the folders with a saved_model.pb")
    staged.put(path, staged.version / "model.savedmodel")
    return {"platform": "tensorflow_savedmodel"}


def stage_python(staged: StagedModel) -> dict[str, Any]:
    """Place a program for the Python backend: one file, or a folder or archive with model.py and the files it needs."""
    if staged.artifact.is_dir() or _is_archive(staged.artifact):
        staged = _opened(staged)
        _stage_program_folder(staged)
    else:
        staged.put(staged.artifact, staged.version / _PROGRAM)
    return {"backend": "python"}


def _stage_program_folder(staged: StagedModel) -> None:
    folder = staged.artifact
    if not (folder / _PROGRAM).is_file():
        names = listing(entry.name for entry in content(folder))
        raise staged.invalid(
            f"holds {names}, but no {_PROGRAM}: add one with a class TritonPythonModel, or set spec.model.path"
        )
    entries = content(folder)
    places = {entry: staged.model if entry.name == CONFIG else staged.version for entry in entries}
    staged.put_all({entry: place / entry.name for entry, place in places.items()})


def _opened(staged: StagedModel) -> StagedModel:
    return replace(staged, artifact=staged.unpacked())


def _is_archive(path: Path) -> bool:
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)

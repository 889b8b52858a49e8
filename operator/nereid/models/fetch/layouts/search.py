"""Finds the model's file in a folder or archive: by MLflow's `MLmodel`, or as the only file of its kind."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from nereid.api.model import Format
from nereid.contract.sentence import listing
from nereid.models.fetch.layouts.staged_model import StagedModel
from nereid.models.sources.archive import ZIP_MAGICS
from nereid.models.sources.digest import MOST_LINKED
from nereid.models.sources.repository import content
from nereid.models.sources.walking import below

MLMODEL: Final = "MLmodel"
_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar", ".zip")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MAGIC_BYTES: Final = 4
# Formats whose files may be zip files themselves (TorchScript, skops), or compressed with gzip (by joblib).
_ZIPPED: Final = frozenset({Format.TORCHSCRIPT, Format.SKLEARN})
_GZIPPED: Final = frozenset({Format.SKLEARN})
# The keys of MLflow's flavours that name the model's file, the library's own flavour first.
_FLAVOUR_KEYS: Final = {
    "onnx": (("onnx", "data"),),
    "savedmodel": (("tensorflow", "saved_model_dir"), ("tensorflow", "data")),
    "sklearn": (("sklearn", "pickled_model"),),
    "xgboost": (("xgboost", "data"),),
    "lightgbm": (("lightgbm", "data"),),
}


def find(
    staged: StagedModel, fits: Callable[[Path], bool], kind: str, is_whole: Callable[[Path], bool] = lambda _: False
) -> Path:
    """Return the artifact, or the one file or folder in its folder or archive that `fits`.

    `is_whole` decides whether an artifact that could be an archive is a model itself. Raise FetchError if none or more
    than one fits; `kind` names in its message what was searched for.
    """
    is_packed = _is_archive(staged, lambda path: fits(path) or is_whole(path))
    if is_packed:
        staged = replace(staged, artifact=staged.unpacked())
    folder = staged.artifact
    if not folder.is_dir() or fits(folder):
        return folder
    path_of_mlflow = _path_of_mlflow(staged)
    if path_of_mlflow is not None:
        folder = path_of_mlflow
        if fits(path_of_mlflow) or not path_of_mlflow.is_dir():
            return path_of_mlflow
    matches = _matches(staged, folder, fits)
    if len(matches) == 1:
        return matches[0]
    names = listing(str(path.relative_to(staged.artifact)) for path in matches)
    if matches:
        # spec.model.path cannot name a file in an archive.
        remedy = "pack only one of them" if is_packed else "set spec.model.path to one of them"
        raise staged.invalid(f"holds {len(matches)} of {kind}: {names}; {remedy}")
    raise staged.invalid(_no_match(staged, kind))


def is_zipped_model(path: Path, mark: str, endings: Collection[str]) -> bool:
    """Whether a zip file is a model itself: one of its entries matches `mark`, and none has a model's ending."""
    if not zipfile.is_zipfile(path) or not _start(path).startswith(ZIP_MAGICS):
        return False
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
    except zipfile.BadZipFile:
        return False
    holds_model = any(PurePosixPath(name).suffix in endings for name in names)
    return not holds_model and any(fnmatchcase(name, mark) for name in names)


def _is_archive(staged: StagedModel, is_model: Callable[[Path], bool]) -> bool:
    """Whether the artifact is an archive that holds the model, by its name or its first bytes."""
    path = staged.artifact
    if not path.is_file() or is_model(path):
        return False
    if path.name.lower().endswith(_ARCHIVES):
        return True
    start = _start(path)
    if start.startswith(_GZIP_MAGIC):
        return staged.request.format not in _GZIPPED and _is_tar(path)
    return staged.request.format not in _ZIPPED and start.startswith(ZIP_MAGICS)


def _is_tar(path: Path) -> bool:
    """Whether a compressed file is an archive; other files may be compressed too."""
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error):
        return False


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES)


def _matches(staged: StagedModel, folder: Path, fits: Callable[[Path], bool]) -> list[Path]:
    matches, linked = [], 0
    for entry, by_link in below(folder, _entries):
        linked += by_link
        if linked > MOST_LINKED:
            raise staged.invalid(
                f"holds links to more than {MOST_LINKED} files and folders: remove links, or set spec.model.path"
            )
        if fits(entry):
            matches.append(entry)
    return sorted(matches)


def _entries(folder: Path) -> list[Path]:
    try:
        return content(folder)
    except PermissionError:
        # Such as a volume's lost+found, or another user's folder.
        return []


def _no_match(staged: StagedModel, kind: str) -> str:
    flavours = sorted(set(_flavours(staged.artifact)) - {"python_function"})
    if flavours:
        return (
            f"is an MLflow model of the flavour {', '.join(flavours)} and holds none of {kind}: "
            "correct spec.model.format"
        )
    names = listing(entry.name for entry in content(staged.artifact))
    return (
        f"holds {names}, but none of {kind}, which spec.model.format {staged.request.format} needs: "
        "set spec.model.path, or correct spec.model.format"
    )


def _path_of_mlflow(staged: StagedModel) -> Path | None:
    flavours = _flavours(staged.artifact)
    for flavour, key in _FLAVOUR_KEYS.get(staged.request.format, ()):
        name = _entry(flavours, flavour).get(key)
        if not isinstance(name, str):
            continue
        path = staged.artifact / name
        if ".." in path.parts or not path.is_relative_to(staged.artifact) or not path.exists():
            raise staged.invalid(f"has no {name}, which its {MLMODEL} names as the model: log the model again")
        return path
    return None


def _flavours(folder: Path) -> Mapping[str, Any]:
    try:
        described = yaml.safe_load((folder / MLMODEL).read_text())
    except (OSError, ValueError, yaml.YAMLError):
        # Without it, the folder is searched, and a missing model is reported then.
        return {}
    return _entry(described, "flavors")


def _entry(described: Any, key: str) -> Mapping[str, Any]:
    value = described.get(key) if isinstance(described, Mapping) else None
    return value if isinstance(value, Mapping) else {}

"""The model's file in a folder or archive that holds more: named by MLflow's `MLmodel`, or the only one of its kind."""

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
from nereid.models.fetch.layouts.placement import Placement
from nereid.models.sources.archive import ZIP_MAGICS
from nereid.models.sources.digest import MOST_LINKED
from nereid.models.sources.repository import content
from nereid.models.sources.walking import below

MLMODEL: Final = "MLmodel"
_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar", ".zip")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MAGIC_BYTES: Final = 4
# Models that are zip files themselves (a script, a skops file), or may be compressed with gzip (by joblib).
_ZIPPED: Final = frozenset({Format.TORCHSCRIPT, Format.SKLEARN})
_GZIPPED: Final = frozenset({Format.SKLEARN})
# Which keys of MLflow's flavours name the model's file, the library's own flavour first.
_FLAVOUR_KEYS: Final = {
    "onnx": (("onnx", "data"),),
    "savedmodel": (("tensorflow", "saved_model_dir"), ("tensorflow", "data")),
    "sklearn": (("sklearn", "pickled_model"),),
    "xgboost": (("xgboost", "data"),),
    "lightgbm": (("lightgbm", "data"),),
}


def find(
    placement: Placement, fits: Callable[[Path], bool], kind: str, is_whole: Callable[[Path], bool] = lambda _: False
) -> Path:
    """Return the artifact, or what in its folder or archive is the model: a file, or folder, that `fits`.

    `is_whole` tells whether an artifact that could be an archive is a model itself. Raise FetchError when there is none
    or more than one; `kind` says in its message what was looked for.
    """
    is_packed = _is_archive(placement, lambda path: fits(path) or is_whole(path))
    if is_packed:
        placement = replace(placement, artifact=placement.unpacked())
    folder = placement.artifact
    if not folder.is_dir() or fits(folder):
        return folder
    named = _named_by_mlflow(placement)
    if named is not None:
        folder = named
        if fits(named) or not named.is_dir():
            return named
    found = _fitting(placement, folder, fits)
    if len(found) == 1:
        return found[0]
    names = listing(str(path.relative_to(placement.artifact)) for path in found)
    if found:
        # No path leads into an archive.
        remedy = "pack only the one that is meant" if is_packed else "set spec.model.path to the one that is meant"
        raise placement.invalid(f"holds {len(found)} of {kind}: {names}; {remedy}")
    raise placement.invalid(_nothing_found(placement, kind))


def is_zipped_model(path: Path, mark: str, endings: Collection[str]) -> bool:
    """Tell by its entries whether a zip file is a model itself: one has that mark, and holds no model's file."""
    if not zipfile.is_zipfile(path) or not _start(path).startswith(ZIP_MAGICS):
        return False
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
    except zipfile.BadZipFile:
        return False
    holds_model = any(PurePosixPath(name).suffix in endings for name in names)
    return not holds_model and any(fnmatchcase(name, mark) for name in names)


def _is_archive(placement: Placement, is_model: Callable[[Path], bool]) -> bool:
    """Tell whether the artifact is an archive that holds the model, by its name or how it begins."""
    path = placement.artifact
    if not path.is_file() or is_model(path):
        return False
    if path.name.lower().endswith(_ARCHIVES):
        return True
    start = _start(path)
    if start.startswith(_GZIP_MAGIC):
        return placement.request.format not in _GZIPPED and _is_tar(path)
    return placement.request.format not in _ZIPPED and start.startswith(ZIP_MAGICS)


def _is_tar(path: Path) -> bool:
    """Tell whether a compressed file is an archive, as other files are compressed too."""
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error):
        return False


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES)


def _fitting(placement: Placement, folder: Path, fits: Callable[[Path], bool]) -> list[Path]:
    found, linked = [], 0
    for entry, by_link in below(folder, _entries):
        linked += by_link
        if linked > MOST_LINKED:
            raise placement.invalid(
                f"holds links to more than {MOST_LINKED} files and folders: remove links, or set spec.model.path"
            )
        if fits(entry):
            found.append(entry)
    return sorted(found)


def _entries(folder: Path) -> list[Path]:
    try:
        return content(folder)
    except PermissionError:
        # A volume's lost+found, or what belongs to somebody else.
        return []


def _nothing_found(placement: Placement, kind: str) -> str:
    flavours = sorted(set(_flavours(placement.artifact)) - {"python_function"})
    if flavours:
        return (
            f"is an MLflow model of the flavour {', '.join(flavours)} and holds none of {kind}: "
            "set spec.model.format to what it is"
        )
    held = listing(entry.name for entry in content(placement.artifact))
    return (
        f"holds {held}, but none of {kind}, which spec.model.format {placement.request.format} needs: "
        "set spec.model.path, or correct spec.model.format"
    )


def _named_by_mlflow(placement: Placement) -> Path | None:
    flavours = _flavours(placement.artifact)
    for flavour, key in _FLAVOUR_KEYS.get(placement.request.format, ()):
        name = _entry(flavours, flavour).get(key)
        if not isinstance(name, str):
            continue
        path = placement.artifact / name
        if ".." in path.parts or not path.is_relative_to(placement.artifact) or not path.exists():
            raise placement.invalid(f"has no {name}, which its {MLMODEL} names as the model: log the model again")
        return path
    return None


def _flavours(folder: Path) -> Mapping[str, Any]:
    try:
        described = yaml.safe_load((folder / MLMODEL).read_text())
    except (OSError, ValueError, yaml.YAMLError):
        # Without it the folder is searched, and what is missing is said then.
        return {}
    return _entry(described, "flavors")


def _entry(described: Any, key: str) -> Mapping[str, Any]:
    value = described.get(key) if isinstance(described, Mapping) else None
    return value if isinstance(value, Mapping) else {}

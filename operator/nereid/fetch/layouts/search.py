"""The model's file in a folder or archive that holds more: named by MLflow's `MLmodel`, or the only one of its kind."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

from nereid.fetch.archive import ZIP_MAGICS
from nereid.fetch.layouts.placement import Placement
from nereid.fetch.repository import content, listing
from nereid.fetch.request import Format

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


def find(placement: Placement, fits: Callable[[Path], bool], kind: str) -> Path:
    """Return the artifact, or what in its folder or archive is the model: a file, or folder, that `fits`.

    Raise FetchError when there is none or more than one; `kind` says in its message what was looked for.
    """
    if _is_archive(placement, fits):
        placement = replace(placement, artifact=placement.unpacked())
    folder = placement.artifact
    if not folder.is_dir() or fits(folder):
        return folder
    named = _named_by_mlflow(placement)
    if named is not None:
        folder = named
        if fits(named) or not named.is_dir():
            return named
    found = sorted(path for path in _entries(folder) if fits(path))
    if len(found) == 1:
        return found[0]
    names = listing(str(path.relative_to(placement.artifact)) for path in found)
    if found:
        raise placement.invalid(f"holds {len(found)} of {kind}: {names}; set spec.model.path to the one that is meant")
    raise placement.invalid(_nothing_found(placement, kind))


def zip_holds(path: Path, pattern: str) -> bool:
    """Tell whether a file named .zip has an entry of that pattern, by which it is a model rather than holds one."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as packed:
            return any(fnmatchcase(name, pattern) for name in packed.namelist())
    except zipfile.BadZipFile:
        return False


def _is_archive(placement: Placement, fits: Callable[[Path], bool]) -> bool:
    """Tell whether the artifact is an archive that holds the model, by its name or how it begins."""
    path = placement.artifact
    if not path.is_file() or fits(path):
        return False
    if path.name.lower().endswith(_ARCHIVES):
        return True
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES).startswith(_magics(placement.request.format))


def _magics(model_format: Format) -> tuple[bytes, ...]:
    """Return how an archive begins, but no model of that format."""
    return (*(() if model_format in _ZIPPED else ZIP_MAGICS), *(() if model_format in _GZIPPED else (_GZIP_MAGIC,)))


def _entries(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Everything below a folder but what is hidden; a link that leads back up is not followed."""
    real = folder.resolve()
    if real in above:
        return
    try:
        entries = content(folder)
    except PermissionError:
        # A volume's lost+found, or what belongs to somebody else.
        return
    for entry in entries:
        yield entry
        if entry.is_dir():
            yield from _entries(entry, above | {real})


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

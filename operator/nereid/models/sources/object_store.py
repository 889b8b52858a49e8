"""The files that a key names in an object store, which has no folders: one object, or all objects below the key.

The stores differ only in their clients; each client is an `ObjectStore`, and this module turns its objects into files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, Protocol

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.external_data import is_external_data
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.remote import RemoteFile

MOST_FILES: Final = 100_000
"""Limit that lets a list fit into the memory of an init container; no model has as many files."""

_SHOWN: Final = 10
_NO_FOLDERS: Final = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as its store lists it."""

    name: str
    size: int
    version: str
    sha256: str | None = None


class ObjectStore(Protocol):
    """A bucket or container; it raises the errors of its client as FetchErrors and InterruptionErrors."""

    def find(self, name: str) -> StoredObject | None:
        """Return the object of exactly this name; None if there is none."""

    def below(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose names begin with the prefix."""

    def beside(self, prefix: str) -> Iterator[str]:
        """Yield the names below the prefix up to their next slash, and that slash."""

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        """Yield the object's bytes from `offset` on; raise ChangedError if it has another version now."""


class StoredFiles:
    """The files at or below one key of a store; with a path, only those that the path can select are listed."""

    def __init__(self, store: ObjectStore, source: object, key: str, path: PurePosixPath | None = None) -> None:
        self._store = store
        self._source = source
        self._key = key
        self._path = path if path and path.parts else None
        self._objects: dict[PurePosixPath, StoredObject] = {}

    def files(self) -> Sequence[RemoteFile]:
        """Return the files at or below the key now."""
        self._objects = self._single() or self._folder()
        return [RemoteFile(path, of.size, of.version, of.sha256) for path, of in self._objects.items()]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the bytes of a file that was listed, from `offset` on."""
        return self._store.stream(self._objects[file.path], offset)

    def _single(self) -> dict[PurePosixPath, StoredObject]:
        try:
            stored = self._store.find(self._key) if self._key else None
        except FetchError as error:
            # Some permissions cover the objects below a folder, but not an object with the folder's own name.
            if error.reason is Reason.MODEL_ACCESS_DENIED and self._is_folder():
                return {}
            raise
        # Some tools create an empty object for a folder.
        if stored is None or (not stored.size and self._is_folder()):
            return {}
        return {PurePosixPath(PurePosixPath(stored.name).name): stored}

    def _is_folder(self) -> bool:
        return next(self._store.below(f"{self._key}/"), None) is not None

    def _folder(self) -> dict[PurePosixPath, StoredObject]:
        prefix = f"{self._key}/" if self._key else ""
        files = self._selected(prefix, self._path) if self._path else {}
        if not files:
            # The first ones are enough for a message about a path that does not exist.
            objects = islice(self._store.below(prefix), MOST_FILES if self._path else None)
            files = _files(objects, prefix, self._source)
        if not files:
            raise self._missing()
        return files

    def _selected(self, prefix: str, path: PurePosixPath) -> dict[PurePosixPath, StoredObject]:
        """Return the files at or below the path, and for an ONNX graph those of its weights.

        Empty, if there is nothing at the path itself.
        """
        key = f"{prefix}{path}"
        objects = (
            stored for stored in self._store.below(key) if _is_selected(stored.name.removeprefix(key), path.name)
        )
        files = _files(objects, prefix, self._source)
        return files if any(path in {file, *file.parents} for file in files) else {}

    def _missing(self) -> FetchError:
        """Return the error for a missing key, with the content of the nearest folder that exists."""
        for folder in PurePosixPath(self._key).parents:
            prefix = "" if folder == PurePosixPath() else f"{folder}/"
            if names := self._beside(prefix):
                listed = ", ".join(names[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
                return self._nothing(f"does not exist; {prefix or 'the top'} holds {listed}: correct {Field.URI}")
        return self._nothing(f"holds nothing: upload it, or correct {Field.URI}")

    def _nothing(self, sentence: str) -> FetchError:
        return FetchError(Reason.MODEL_NOT_FOUND, f"{self._source} {sentence}")

    def _beside(self, prefix: str) -> list[str]:
        try:
            return [name.removeprefix(prefix) for name in islice(self._store.beside(prefix), _SHOWN + 1)]
        except (FetchError, InterruptionError):
            # The names only add to the message; credentials may allow to list a single folder.
            return []


def _files(objects: Iterable[StoredObject], prefix: str, source: object) -> dict[PurePosixPath, StoredObject]:
    """Return the objects that are files by their paths below the prefix, without the markers of folders."""
    files: dict[PurePosixPath, StoredObject] = {}
    for stored in objects:
        path = _path(stored.name.removeprefix(prefix), source)
        if path is not None:
            files[path] = stored
        if len(files) > MOST_FILES:
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{source} holds more than {MOST_FILES} objects: name a folder nearer to the model in {Field.URI} "
                f"or {Field.PATH}",
            )
    return _without_markers(files, source)


def _path(below: str, source: object) -> PurePosixPath | None:
    """Return the path of an object; None if it only marks a folder."""
    # Tools that show folders create empty objects for them, with a slash at the end.
    if below.endswith("/") or not below:
        return None
    if _NO_FOLDERS & set(below.split("/")) or "\0" in below:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{source} holds an object {below!r}, which is not a valid path of a file: rename or remove it",
        )
    return PurePosixPath(below)


def _without_markers(files: dict[PurePosixPath, StoredObject], source: object) -> dict[PurePosixPath, StoredObject]:
    folders = {folder for path in files for folder in path.parents}
    for path in folders & files.keys():
        # Other tools create them without the slash.
        if files.pop(path).size:
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{source} holds both an object {path} and objects below it, so it would be a file and a folder: "
                "rename or remove one",
            )
    return files


def _is_selected(rest: str, name: str) -> bool:
    """Whether an object is at the path, below it, or a graph's weights, by the `rest` of its name after the path."""
    return not rest or rest.startswith("/") or is_external_data(name + rest, name)

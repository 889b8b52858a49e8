"""What a key means in a store of objects, which knows no folders: one object, or all objects below it.

The stores differ in their clients alone; each is an `ObjectStore`, and this module makes files of what it holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, Protocol

from yarl import URL

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import Request
from nereid.models.sources.credentials import Credentials, denied
from nereid.models.sources.external_data import is_external_data
from nereid.models.sources.failures import ChangedError, InterruptionError, failed
from nereid.models.sources.remote import CHUNK_BYTES, RemoteFile

CONNECT_SECONDS: Final = 15
READ_SECONDS: Final = 50
PIECE_BYTES: Final = 8 * CHUNK_BYTES
"""What a client that hands over a whole answer is asked for at once."""

MOST_FILES: Final = 100_000
"""So that a list fits into the memory of an init container, and as no model has as many."""

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
    """A bucket or container; what its client raises leaves it as a FetchError or an InterruptionError."""

    def find(self, name: str) -> StoredObject | None:
        """Return the object of exactly this name; None where there is none."""

    def below(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose names begin with the prefix."""

    def beside(self, prefix: str) -> Iterator[str]:
        """Yield the names below the prefix up to their next slash, and that slash."""

    def stream(self, stored: StoredObject, offset: int) -> Iterator[bytes]:
        """Yield the object's bytes from `offset` on, and raise ChangedError where it is another by now."""


class StoredFiles:
    """The files at or below one key of a store; of many, those are listed that the path can select."""

    def __init__(self, store: ObjectStore, source: object, key: str, path: PurePosixPath | None = None) -> None:
        self._store = store
        self._source = source
        self._key = key
        self._path = path if path and path.parts else None
        self._objects: dict[PurePosixPath, StoredObject] = {}

    def files(self) -> Sequence[RemoteFile]:
        """Return what the key names, as it is now."""
        self._objects = self._single() or self._folder()
        return [RemoteFile(path, of.size, of.version, of.sha256) for path, of in self._objects.items()]

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the bytes of a file that was listed, from `offset` on."""
        return self._store.stream(self._objects[file.path], offset)

    def _single(self) -> dict[PurePosixPath, StoredObject]:
        try:
            found = self._store.find(self._key) if self._key else None
        except FetchError as error:
            # A folder's own name may be refused to those who may read what is in it.
            if error.reason is Reason.MODEL_ACCESS_DENIED and self._is_folder():
                return {}
            raise
        # Some tools make an empty object for a folder.
        if found is None or (not found.size and self._is_folder()):
            return {}
        return {PurePosixPath(PurePosixPath(found.name).name): found}

    def _is_folder(self) -> bool:
        return next(self._store.below(f"{self._key}/"), None) is not None

    def _folder(self) -> dict[PurePosixPath, StoredObject]:
        prefix = f"{self._key}/" if self._key else ""
        files = self._selected(prefix, self._path) if self._path else {}
        if not files:
            # What is there in place of the path is told from the first ones.
            objects = islice(self._store.below(prefix), MOST_FILES if self._path else None)
            files = _files(objects, prefix, self._source)
        if not files:
            raise self._missing()
        return files

    def _selected(self, prefix: str, path: PurePosixPath) -> dict[PurePosixPath, StoredObject]:
        """Return what is at or below the path, and the weights beside it where it is a graph's.

        Nothing, when there is nothing at the path itself.
        """
        wanted = f"{prefix}{path}"
        objects = (one for one in self._store.below(wanted) if _is_meant(one.name.removeprefix(wanted), path.name))
        files = _files(objects, prefix, self._source)
        return files if any(path in {one, *one.parents} for one in files) else {}

    def _missing(self) -> FetchError:
        """Return the error that tells what is in the nearest folder that there is."""
        for folder in PurePosixPath(self._key).parents:
            prefix = "" if folder == PurePosixPath() else f"{folder}/"
            if names := self._beside(prefix):
                listed = ", ".join(names[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
                return self._nothing(f"does not exist; {prefix or 'the top'} holds {listed}: correct {Field.URI}")
        return self._nothing(f"holds nothing: upload the model, or correct {Field.URI}")

    def _nothing(self, sentence: str) -> FetchError:
        return FetchError(Reason.MODEL_NOT_FOUND, f"{self._source} {sentence}")

    def _beside(self, prefix: str) -> list[str]:
        try:
            return [name.removeprefix(prefix) for name in islice(self._store.beside(prefix), _SHOWN + 1)]
        except (FetchError, InterruptionError):
            # It only makes the message richer; one may be allowed to list a single folder.
            return []


def endpoint_of(request: Request, public: str) -> str:
    """Return the URL of the server, without a slash at its end."""
    endpoint = (request.endpoint or public).rstrip("/")
    try:
        is_complete = URL(endpoint).scheme in {"http", "https"} and URL(endpoint).host
    except ValueError:
        is_complete = None
    if not is_complete:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{Field.ENDPOINT} is no URL of a server: write it as https://host or http://host:port",
        )
    return endpoint


def server_of(endpoint: str) -> str:
    """Return the host of a URL, and its port where it is not the usual one."""
    return URL(endpoint).host_port_subcomponent or ""


def in_chunks(piece: bytes) -> Iterator[bytes]:
    """Yield a larger piece in chunks."""
    for start in range(0, len(piece), CHUNK_BYTES):
        yield piece[start : start + CHUNK_BYTES]


def changed(shown: object) -> ChangedError:
    """Return the error of an object that was replaced after it was listed."""
    return ChangedError(failed(f"{shown} changed while it was downloaded: write each version to a place of its own"))


def refused(server: str, shown: object, credentials: Credentials, needed: str, *, as_pod: bool) -> FetchError:
    """Return the error of a server that refuses access to a Secret's credentials, the pod's own identity, or nobody."""
    if not as_pod:
        return denied(server, shown, credentials, needed)
    return FetchError(
        Reason.MODEL_ACCESS_DENIED,
        f"{server} refuses {shown} to the identity of the pod's service account: grant it read access, "
        f"or let {Field.CREDENTIALS} name a Secret of this namespace with {needed}",
    )


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
    """Return the path of an object; None where it only marks a folder."""
    # Tools that show folders make empty objects for them, with a slash at the end.
    if below.endswith("/") or not below:
        return None
    if _NO_FOLDERS & set(below.split("/")) or "\0" in below:
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{source} holds an object {below!r}, and no file can have that path: rename or remove it",
        )
    return PurePosixPath(below)


def _without_markers(files: dict[PurePosixPath, StoredObject], source: object) -> dict[PurePosixPath, StoredObject]:
    folders = {folder for path in files for folder in path.parents}
    for path in folders & files.keys():
        # Other tools make them without the slash.
        if files.pop(path).size:
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{source} holds both an object {path} and objects below it, which no folder can: rename or remove one",
            )
    return files


def _is_meant(rest: str, name: str) -> bool:
    """Tell by what follows a path in a name whether that is the path itself, below it, or a graph's weights."""
    return not rest or rest.startswith("/") or is_external_data(name + rest, name)

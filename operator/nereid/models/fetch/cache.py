"""A cache on a volume: files that one pod has downloaded are kept for the others.

Each entry is a directory named by a hash of the URI, and of the version and size of each file as its server lists them
now. So a changed object is another entry, and a pod only gets what its own credentials let it list. Pods copy from an
entry, so it may be evicted at any time. If the cache fails, the model is fetched without it.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nereid.contract.fetch_errors import WORTH_CONTINUING, FetchError
from nereid.contract.fetch_request import Request
from nereid.models.fetch.arrival import Arrival, DamagedError
from nereid.models.fetch.lock import LostLockError, VolumeLock, is_stale
from nereid.models.sources.selection import Selection
from nereid.models.sources.transfer import DownloadFolder

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

# Room for locks and lists of files.
_SPARE_BYTES: Final = 1 << 20
_EVICTED: Final = ".evicted-"
_LOCK: Final = ".lock"
_KEY_LENGTH: Final = 40

logger = logging.getLogger(__name__)


class UncachedError(Exception):
    """The cache cannot serve this request; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory of the cache; it is complete once its list of files exists."""

    root: Path

    @property
    def folder(self) -> DownloadFolder:
        """The folder of the files, also while they are downloaded."""
        return DownloadFolder(self.root)

    @property
    def listed(self) -> Path:
        """The list of files; it is written last, and touched whenever a pod copies the entry."""
        return self.root / "complete.json"

    @property
    def lock(self) -> Path:
        """The file that exists while a pod downloads into the entry; it is beside the entry, to outlive it."""
        return self.root.with_name(f".{self.root.name}{_LOCK}")

    @property
    def reserved(self) -> int:
        """Bytes that the complete entry will have."""
        try:
            return int((self.root / "size").read_text())
        except (OSError, ValueError):
            return 0

    def reserve(self, size: int) -> None:
        """Record how many bytes the complete entry will have."""
        self.root.mkdir(exist_ok=True)
        (self.root / "size").write_text(str(size))

    @property
    def last_used(self) -> float:
        """When a pod last copied the entry, or downloaded into it."""
        for path in (self.listed, self.root):
            with suppress(OSError):
                return path.stat().st_mtime
        return 0.0

    @property
    def is_at_work(self) -> bool:
        """Whether a live pod is downloading into it."""
        return self.lock.exists() and not is_stale(self.lock)

    def served(self, into: Path) -> Arrival | None:
        """Return a copy of the entry; None if it is not complete. A damaged entry is removed."""
        if not self.listed.exists():
            return None
        try:
            # Touched before it is read, so that no pod evicts it meanwhile as the oldest one.
            with suppress(OSError):
                os.utime(self.listed)
            return Arrival.read(self.listed, self.folder.content).copy(into)
        except DamagedError as error:
            logger.warning("The cached copy in %s is not used: %s", self.root, error)
            self.remove()
            shutil.rmtree(into, ignore_errors=True)
            return None

    def remove(self) -> None:
        """Remove the entry; the rename makes it incomplete for all pods at once."""
        aside = self.root.with_name(f"{_EVICTED}{uuid.uuid4().hex}")
        with suppress(FileNotFoundError):
            self.root.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


class Cache:
    """The cache on a volume; `limit` is how many bytes it may hold."""

    def __init__(self, root: Path, limit: int | None) -> None:
        self._root = root
        self._limit = limit

    def entry(self, request: Request, selection: Selection) -> Entry:
        """Return the entry for a selection; raise UncachedError if its files have no versions to compare."""
        if not selection.is_provable:
            raise UncachedError("its server does not return a version of the file, so a cached copy could be outdated")
        files = [(str(path), file.size, file.version, file.sha256) for path, file in selection.files]
        key = [request.uri, str(request.path or ""), request.endpoint, request.digest, files, selection.is_file]
        return Entry(self._root / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:_KEY_LENGTH])

    def copy(
        self,
        entry: Entry,
        size: int | None,
        download: Callable[[DownloadFolder, Callable[[], None]], Arrival],
        into: Path,
        while_waiting: Callable[[], None],
    ) -> Arrival:
        """Return a copy of the entry's files; download them into the entry first if no pod has done so.

        Raise UncachedError if the cache has no room or cannot be used, and whatever `download` raises.
        """
        served = entry.served(into)
        if served:
            return replace(served, cached=True)
        if size is None:
            raise UncachedError("its server does not return its size")
        lock = VolumeLock(entry.lock)
        with lock.held(while_waiting):
            served = entry.served(into)
            if served:
                return replace(served, cached=True)
            self._make_room(entry, size, while_waiting)
            self._complete(entry, lock, download)
        served = entry.served(into)
        if served is None:
            raise UncachedError("it was evicted or damaged right after it was complete")
        return served

    def _complete(
        self, entry: Entry, lock: VolumeLock, download: Callable[[DownloadFolder, Callable[[], None]], Arrival]
    ) -> None:
        try:
            arrival = download(entry.folder, lock.require_held)
            lock.require_held()
        except LostLockError as error:
            raise UncachedError("another pod has taken over the download, as this one was too slow") from error
        except FetchError as error:
            if error.reason not in WORTH_CONTINUING:
                entry.remove()
            raise
        except OSError as error:
            if error.errno in DISK_FULL:
                # Half a model would only take room from others.
                entry.remove()
            raise
        unfinished = entry.listed.with_suffix(".unfinished")
        arrival.write(unfinished)
        unfinished.rename(entry.listed)

    def _make_room(self, entry: Entry, size: int, while_waiting: Callable[[], None]) -> None:
        """Evict the least recently used entries until the entry fits; raise UncachedError if it cannot fit."""
        if self._limit is not None and size > self._limit:
            raise UncachedError(f"its {size} bytes are more than the {self._limit} bytes of spec.model.cache.limit")
        with VolumeLock(self._root / ".room.lock").held(while_waiting):
            self._sweep()
            entry.reserve(size)
            victims = self._victims(entry)
            while not self._fits(entry, size):
                victim = next(victims, None)
                if victim is None:
                    entry.remove()
                    raise UncachedError("the volume is full, or other pods are using the room within the limit")
                logger.info("Evicting %s from the cache", victim.root.name)
                victim.remove()

    def _fits(self, entry: Entry, size: int) -> bool:
        missing = size - entry.folder.size()
        reserved = sum(entry.reserved for entry in self._entries())
        is_below_limit = self._limit is None or reserved <= self._limit
        return is_below_limit and missing + _SPARE_BYTES <= shutil.disk_usage(self._root).free

    def _victims(self, entry: Entry) -> Iterator[Entry]:
        others = [other for other in self._entries() if other.root != entry.root]
        for other in sorted(others, key=lambda other: other.last_used):
            if not other.is_at_work:
                yield other

    def _entries(self) -> list[Entry]:
        return [Entry(path) for path in self._root.iterdir() if path.name[0] != "." and path.is_dir()]

    def _sweep(self) -> None:
        """Remove entries whose eviction was interrupted, and files of the locks of evicted entries."""
        for folder in self._root.glob(f"{_EVICTED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for file in self._root.glob(f".*{_LOCK}.*"):
            name = file.name[1:].partition(_LOCK)[0]
            if len(name) == _KEY_LENGTH and not Entry(self._root / name).root.exists():
                file.unlink(missing_ok=True)

"""Files that one pod has downloaded, kept on a volume for the others.

Each entry is a directory named by a hash of what it holds: the URI, and the version and size of each file as its server
tells them now. So a changed object is another entry, and a pod is only served what its own credentials let it list.
Pods copy from an entry, so that it may be evicted at any time. Whatever goes wrong here, the model is fetched.
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

# Locks and lists of files are small, but need some room too.
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
        """Where the files are, or arrive."""
        return DownloadFolder(self.root)

    @property
    def listed(self) -> Path:
        """The list of files; it is written last, and touched whenever a pod is served."""
        return self.root / "complete.json"

    @property
    def lock(self) -> Path:
        """Exists while a pod downloads into the entry; it lies beside it, to outlive it."""
        return self.root.with_name(f".{self.root.name}{_LOCK}")

    @property
    def reserved(self) -> int:
        """Bytes that the entry has when it is complete."""
        try:
            return int((self.root / "size").read_text())
        except (OSError, ValueError):
            return 0

    def reserve(self, size: int) -> None:
        """Announce the bytes that the entry will have."""
        self.root.mkdir(exist_ok=True)
        (self.root / "size").write_text(str(size))

    @property
    def last_used(self) -> float:
        """When a pod was last served, or something last arrived."""
        for path in (self.listed, self.root):
            with suppress(OSError):
                return path.stat().st_mtime
        return 0.0

    @property
    def is_at_work(self) -> bool:
        """Whether a live pod downloads into it."""
        return self.lock.exists() and not is_stale(self.lock)

    def served(self, into: Path) -> Arrival | None:
        """Copy the complete entry; None when it is not complete. An entry that is damaged is removed."""
        if not self.listed.exists():
            return None
        try:
            # Touched before it is read, so that nobody evicts it meanwhile for being old.
            with suppress(OSError):
                os.utime(self.listed)
            return Arrival.read(self.listed, self.folder.content).copy(into)
        except DamagedError as error:
            logger.warning("The cached copy in %s is not used: %s", self.root, error)
            self.remove()
            shutil.rmtree(into, ignore_errors=True)
            return None

    def remove(self) -> None:
        """Remove the entry; from the first moment on nobody takes it for complete."""
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
        """Return the entry for what is selected; raise UncachedError when nothing proves that it is still the same."""
        if not selection.is_provable:
            raise UncachedError("its server tells no version of the file, so that nothing proves that it is the same")
        files = [(str(path), file.size, file.version, file.sha256) for path, file in selection.files]
        wanted = [request.uri, str(request.path or ""), request.endpoint, request.digest, files, selection.is_file]
        return Entry(self._root / hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:_KEY_LENGTH])

    def obtain(
        self,
        entry: Entry,
        size: int | None,
        download: Callable[[DownloadFolder, Callable[[], None]], Arrival],
        into: Path,
        while_waiting: Callable[[], None],
    ) -> Arrival:
        """Copy the entry's files, downloading them into it first when no pod has done so.

        Raise UncachedError when the cache has no room or cannot be used, and whatever `download` raises.
        """
        served = entry.served(into)
        if served:
            return replace(served, cached=True)
        if size is None:
            raise UncachedError("its server does not tell its size")
        lock = VolumeLock(entry.lock)
        with lock.held(while_waiting):
            served = entry.served(into)
            if served:
                return replace(served, cached=True)
            self._make_room(entry, size, while_waiting)
            self._complete(entry, lock, download)
        served = entry.served(into)
        if served is None:
            raise UncachedError("it was evicted, or damaged, as soon as it was complete")
        return served

    def _complete(
        self, entry: Entry, lock: VolumeLock, download: Callable[[DownloadFolder, Callable[[], None]], Arrival]
    ) -> None:
        try:
            arrival = download(entry.folder, lock.require_held)
            lock.require_held()
        except LostLockError as error:
            raise UncachedError("another pod has taken over the download, as this one was held up") from error
        except FetchError as error:
            if error.reason not in WORTH_CONTINUING:
                entry.remove()
            raise
        except OSError as error:
            if error.errno in DISK_FULL:
                # Others need what is left of it more than half a model.
                entry.remove()
            raise
        unfinished = entry.listed.with_suffix(".unfinished")
        arrival.write(unfinished)
        unfinished.rename(entry.listed)

    def _make_room(self, entry: Entry, size: int, while_waiting: Callable[[], None]) -> None:
        """Evict what was not used for longest until the entry fits; raise UncachedError when it cannot."""
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
                    raise UncachedError("the volume is full, or other pods are filling what the limit leaves")
                logger.info("Evicting %s from the cache", victim.root.name)
                victim.remove()

    def _fits(self, entry: Entry, size: int) -> bool:
        missing = size - entry.folder.size()
        reserved = sum(one.reserved for one in self._entries())
        is_below_limit = self._limit is None or reserved <= self._limit
        return is_below_limit and missing + _SPARE_BYTES <= shutil.disk_usage(self._root).free

    def _victims(self, entry: Entry) -> Iterator[Entry]:
        others = [one for one in self._entries() if one.root != entry.root]
        for one in sorted(others, key=lambda one: one.last_used):
            if not one.is_at_work:
                yield one

    def _entries(self) -> list[Entry]:
        return [Entry(found) for found in self._root.iterdir() if found.name[0] != "." and found.is_dir()]

    def _sweep(self) -> None:
        """Remove what a pod that was killed while it evicted has left, and what is left of locks of evicted entries."""
        for left in self._root.glob(f"{_EVICTED}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self._root.glob(f".*{_LOCK}.*"):
            name = left.name[1:].partition(_LOCK)[0]
            if len(name) == _KEY_LENGTH and not Entry(self._root / name).root.exists():
                left.unlink(missing_ok=True)

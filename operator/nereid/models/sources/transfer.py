"""The download loop: any source's files to disk, in constant memory, through interruptions and restarts.

A file is complete when it has all its bytes, and the hash that its server has returned, if it has.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nereid.contract.fetch_errors import FetchError
from nereid.models.sources.attempts import Attempts, OutOfTimeError
from nereid.models.sources.bounds import Bound
from nereid.models.sources.digest import files_below
from nereid.models.sources.failures import ChangedError, CorruptedError, InterruptionError, failed
from nereid.models.sources.partial import PartialFile
from nereid.models.sources.remote import RemoteFile, RemoteFiles
from nereid.models.sources.selection import Selection

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadFolder:
    """The folder of a download: `content` has the files, `records` how much of each was downloaded."""

    root: Path

    @property
    def content(self) -> Path:
        """The files, each at its path."""
        return self.root / "content"

    def part(self, path: PurePosixPath) -> PartialFile:
        """Return the partial download of one file."""
        record = hashlib.sha256(path.as_posix().encode()).hexdigest()
        return PartialFile(self.content / path, self.root / "records" / record)

    def prepare(self, selection: Selection) -> None:
        """Create the folder, and remove files of an earlier listing that this one does not have."""
        self.content.mkdir(parents=True, exist_ok=True)
        paths = {path for path, _ in selection.files}
        needed = {parent for path in paths for parent in path.parents}
        # Not all at once: their list might not fit into memory.
        for name, folders, files in os.walk(self.content):
            here = PurePosixPath(name).relative_to(self.content)
            for folder in (folder for folder in list(folders) if here / folder not in needed):
                shutil.rmtree(Path(name, folder))
                folders.remove(folder)
            for file in (file for file in files if here / file not in paths):
                Path(name, file).unlink()

    def size(self) -> int:
        """Bytes downloaded so far."""
        return sum(file.stat().st_size for file in files_below(self.content))


@dataclass(frozen=True, slots=True)
class Transfer:
    """A download of selected files into a folder, which ends with an error before it has more bytes than the bound.

    `keep_alive` is called between chunks and may raise to end it.
    """

    shown: str
    remote: RemoteFiles
    attempts: Attempts
    bound: Bound
    keep_alive: Callable[[], None] = lambda: None

    def run(self, selection: Selection, into: DownloadFolder) -> Mapping[PurePosixPath, str]:
        """Download what is missing and return the SHA-256 of each file in hex.

        Raise FetchError if that fails, ChangedError if the files have to be listed again, and OSError of the disk.
        """
        self.bound.require_bytes(selection.total)
        self.bound.require_paths(path for path, _ in selection.files)
        into.prepare(selection)
        _require_room(into, selection, self.shown)
        try:
            return self._files(selection, into)
        except OutOfTimeError as error:
            raise failed(
                f"{self.shown} was not complete after {self.attempts.limits.total:.0f} s, {into.size()} bytes were "
                "received: serve it from a faster server; the next start of the pod's init container continues"
            ) from error

    def _files(self, selection: Selection, into: DownloadFolder) -> Mapping[PurePosixPath, str]:
        hashes: dict[PurePosixPath, str] = {}
        room = self.bound.most_bytes
        for path, file in selection.files:
            part = into.part(path)
            hashes[path] = self.file(file, part, room)
            room -= part.size
        return hashes

    def file(self, file: RemoteFile, part: PartialFile, room: int) -> str:
        """Download what is missing of one file and return its SHA-256 in hex; raise as `run`, and OutOfTimeError.

        `room` is how many bytes the file may have.
        """
        arrived = part.complete_sha256(file)
        if arrived:
            return arrived
        furthest = part.begin(file)
        while True:
            try:
                sha256 = self._attempt(file, part, room)
            except ChangedError:
                part.drop()
                raise
            except CorruptedError as corruption:
                part.drop()
                self.attempts.interrupted(corruption)
            except InterruptionError as interruption:
                self.attempts.interrupted(interruption, progressed=part.durable > furthest)
                furthest = max(furthest, part.durable)
            else:
                self.attempts.succeeded()
                return sha256

    def _attempt(self, file: RemoteFile, part: PartialFile, room: int) -> str:
        offset = part.begin(file)
        if offset:
            logger.info("Continuing %s at %d bytes", self._name(file), offset)
        running = part.hashed(offset)
        with part.open(file, offset) as out:
            for chunk in self._rest(file, offset):
                self.keep_alive()
                if out.end + len(chunk) > room:
                    raise self.bound.too_large()
                out.write(chunk)
                running.update(chunk)
                self.attempts.goes_on()
            self._require_whole(file, out.end)
        self._require_sha256(file, running.hexdigest())
        part.complete(file, out.end, running.hexdigest())
        return running.hexdigest()

    def _rest(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the missing bytes; there may be none, if the process ended before it recorded the last one."""
        arrived = offset
        if arrived == file.size:
            return
        try:
            for chunk in self.remote.read(file, offset):
                arrived += len(chunk)
                yield chunk
                if file.size is not None and arrived > file.size:
                    # It is not the file that was listed, and may have no end.
                    return
        except (ChangedError, CorruptedError):
            raise
        except InterruptionError as interruption:
            if file.size is None or not arrived:
                raise
            if arrived >= file.size:
                # All bytes were received, so the interruption does not matter; size and hash are checked later.
                return
            # The place is shown, as the cause is not the network if it is always the same.
            place = f"{self._name(file)} breaks off after {arrived} of {file.size} bytes"
            raise InterruptionError(failed(f"{place}: {interruption.failure.marked}")) from interruption

    def _require_whole(self, file: RemoteFile, arrived: int) -> None:
        if file.size is None or arrived == file.size:
            return
        sentence = f"{self._name(file)} should have {file.size} bytes, but {arrived} were received"
        if arrived > file.size:
            raise ChangedError(failed(f"{sentence}: do not change published files"))
        raise InterruptionError(failed(f"{sentence}, as it was cut off: upload the whole file, or check the server"))

    def _require_sha256(self, file: RemoteFile, actual: str) -> None:
        if file.sha256 is not None and actual != file.sha256.lower():
            raise CorruptedError(
                failed(
                    f"{self._name(file)} is damaged: its SHA-256 is {actual}, but its server says {file.sha256}: "
                    "upload the file again"
                )
            )

    def _name(self, file: RemoteFile) -> str:
        return self.shown if self.shown.endswith(f"/{file.path}") else f"{file.path} of {self.shown}"


def _require_room(into: DownloadFolder, selection: Selection, shown: str) -> None:
    """Raise FetchError if the disk has no room for the missing bytes, before they are downloaded."""
    missing = missing_bytes(into, selection)
    if missing is not None:
        require_room(into.root, missing, shown)


def missing_bytes(into: DownloadFolder, selection: Selection) -> int | None:
    """Return how many bytes are missing; None if the server did not return the size."""
    return None if selection.total is None else max(0, selection.total - into.size())


def require_room(folder: Path, needed: int, shown: str) -> None:
    """Raise FetchError if the folder's disk has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise no_room(shown, needed, free)


def no_room(shown: str, needed: int, free: int) -> FetchError:
    """Return the error of a disk that is too small."""
    return failed(
        f"the pod's disk is full: {shown} needs {needed} bytes more, and {free} are free: "
        "use nodes with more ephemeral storage, or put it on a PersistentVolumeClaim"
    )

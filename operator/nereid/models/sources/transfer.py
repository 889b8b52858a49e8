"""The loop that downloads: any source's files to disk, in constant memory, through interruptions and restarts.

A file counts as arrived when all its bytes are there, with the hash that its server told where it told one.
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
from nereid.models.sources.digest import files_below
from nereid.models.sources.failures import ChangedError, CorruptedError, InterruptionError, failed
from nereid.models.sources.partial import PartialFile
from nereid.models.sources.remote import RemoteFile, RemoteFiles
from nereid.models.sources.selection import Selection

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadFolder:
    """Where files arrive: `content` is what the model is made of, `records` is how far each of them has come."""

    root: Path

    @property
    def content(self) -> Path:
        """The files, each at its path."""
        return self.root / "content"

    def part(self, path: PurePosixPath) -> PartialFile:
        """Return one file, as far as it has arrived."""
        record = hashlib.sha256(path.as_posix().encode()).hexdigest()
        return PartialFile(self.content / path, self.root / "records" / record)

    def prepare(self, selection: Selection) -> None:
        """Make the folder, without what an earlier listing had in it and this one has not."""
        self.content.mkdir(parents=True, exist_ok=True)
        wanted = {path for path, _ in selection.files}
        needed = {parent for path in wanted for parent in path.parents}
        # Not all at once: there may be more than this process has memory for.
        for name, folders, files in os.walk(self.content):
            here = PurePosixPath(name).relative_to(self.content)
            for folder in (folder for folder in list(folders) if here / folder not in needed):
                shutil.rmtree(Path(name, folder))
                folders.remove(folder)
            for file in (file for file in files if here / file not in wanted):
                Path(name, file).unlink()

    def size(self) -> int:
        """Bytes that have arrived."""
        return sum(found.stat().st_size for found in files_below(self.content))


@dataclass(frozen=True, slots=True)
class Transfer:
    """A download of selected files into a folder; `keep_alive` is called between chunks and may raise to end it."""

    shown: str
    remote: RemoteFiles
    attempts: Attempts
    keep_alive: Callable[[], None] = lambda: None

    def run(self, selection: Selection, into: DownloadFolder) -> Mapping[PurePosixPath, str]:
        """Download what is missing and return the SHA-256 of each file in hex.

        Raise FetchError when it cannot be had, ChangedError when it is to be listed again, and OSError of the disk.
        """
        into.prepare(selection)
        _require_room(into, selection, self.shown)
        try:
            return {path: self.file(file, into.part(path)) for path, file in selection.files}
        except OutOfTimeError as error:
            raise failed(
                f"{self.shown} was not complete after {self.attempts.limits.total:.0f} s, {into.size()} bytes have "
                "arrived: serve it from a faster server; the next start of the pod's init container continues"
            ) from error

    def file(self, file: RemoteFile, part: PartialFile) -> str:
        """Download what is missing of one file and return its SHA-256 in hex; raise as `run`, and OutOfTimeError."""
        arrived = part.complete_sha256(file)
        if arrived:
            return arrived
        furthest = part.begin(file)
        while True:
            try:
                sha256 = self._attempt(file, part)
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

    def _attempt(self, file: RemoteFile, part: PartialFile) -> str:
        offset = part.begin(file)
        if offset:
            logger.info("Continuing %s at %d bytes", self._name(file), offset)
        running = part.hashed(offset)
        with part.open(file, offset) as out:
            for chunk in self._rest(file, offset):
                self.keep_alive()
                out.write(chunk)
                running.update(chunk)
                self.attempts.goes_on()
            self._require_whole(file, out.end)
        self._require_sha256(file, running.hexdigest())
        part.complete(file, out.end, running.hexdigest())
        return running.hexdigest()

    def _rest(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield what is missing, which is nothing when the process ended just before it took note of the last byte."""
        arrived = offset
        if arrived == file.size:
            return
        try:
            for chunk in self.remote.read(file, offset):
                arrived += len(chunk)
                yield chunk
        except (ChangedError, CorruptedError):
            raise
        except InterruptionError as interruption:
            if file.size is None or not arrived:
                raise
            if arrived >= file.size:
                # However its server ended, the bytes are there; whether they are the file's, size and hash decide.
                return
            # Where it is the same place each time, it is not the network.
            place = f"{self._name(file)} breaks off after {arrived} of {file.size} bytes"
            raise InterruptionError(failed(f"{place}: {interruption.failure.marked}")) from interruption

    def _require_whole(self, file: RemoteFile, arrived: int) -> None:
        if file.size is None or arrived == file.size:
            return
        told = f"{self._name(file)} should have {file.size} bytes, but {arrived} came"
        if arrived > file.size:
            raise ChangedError(failed(f"{told}: let its server keep it as it is while it is downloaded"))
        raise InterruptionError(failed(f"{told}, as it was cut off: put the whole file there, or look at the server"))

    def _require_sha256(self, file: RemoteFile, actual: str) -> None:
        if file.sha256 is not None and actual != file.sha256.lower():
            raise CorruptedError(
                failed(
                    f"{self._name(file)} came damaged: its SHA-256 is {actual}, but its server says {file.sha256}: "
                    "put the file there again"
                )
            )

    def _name(self, file: RemoteFile) -> str:
        return self.shown if self.shown.endswith(f"/{file.path}") else f"{file.path} of {self.shown}"


def _require_room(into: DownloadFolder, selection: Selection, shown: str) -> None:
    """Raise FetchError when the disk cannot take what is still to come, which is better known now than at its end."""
    missing = missing_bytes(into, selection)
    if missing is not None:
        require_room(into.root, missing, shown)


def missing_bytes(into: DownloadFolder, selection: Selection) -> int | None:
    """Return how much is still to come; None when the server did not tell."""
    return None if selection.total is None else max(0, selection.total - into.size())


def require_room(folder: Path, needed: int, shown: str) -> None:
    """Raise FetchError when the folder's disk has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise no_room(shown, needed, free)


def no_room(shown: str, needed: int, free: int) -> FetchError:
    """Return the error of a disk for models that is too small."""
    return failed(
        f"the disk for models is full: {shown} needs {needed} bytes more, and {free} are free: "
        "use nodes with more ephemeral storage, or put the model on a PersistentVolumeClaim"
    )

"""A partial download of a file, which this process or the next one continues.

The downloaded bytes are in the file itself; beside it is a record of the version that they belong to. Without a version
nothing proves that two parts belong together, and the download starts again.

Written bytes are not immediately on the disk: a node that crashes may leave zeros in their place. So the record also
has the number of bytes that were flushed to the disk, and the rest is downloaded again.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from nereid.models.sources.attempts import OutOfTimeError
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.remote import CHUNK_BYTES, RemoteFile

CHECKPOINT_BYTES: Final = 64 * CHUNK_BYTES
"""How much is downloaded again after a node crashes; flushing more often would be slow."""


class GrowingFile:
    """A file that is being downloaded; `keep` records how many of its bytes are on the disk."""

    def __init__(self, file: BinaryIO, offset: int, size: int | None, keep: Callable[[int], None]) -> None:
        self._file = file
        self._size = size
        self._keep = keep
        self._kept = offset
        self.end = offset
        """Bytes in the file: those before the offset, and those written since."""

    def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        # Before it is written: the last bytes are only recorded after their source has verified the whole.
        if self.end - self._kept >= CHECKPOINT_BYTES:
            self._checkpoint()
        self._file.write(chunk)
        self.end += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            # Not if a lock was lost: the record belongs to another process then.
            is_kept = kind is not None and issubclass(kind, InterruptionError | OutOfTimeError | SystemExit)
            # Nor if the file is complete, as its source would not verify the whole again.
            if is_kept and self.end != self._size:
                self._checkpoint()

    def _checkpoint(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._kept = self.end
        self._keep(self.end)


class PartialFile:
    """The partial download at `path`, and its record."""

    def __init__(self, path: Path, record: Path) -> None:
        self.path = path
        self._record = record

    @property
    def size(self) -> int:
        """Bytes downloaded so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def durable(self) -> int:
        """Bytes from the beginning that are certainly on the disk."""
        recorded = self._recorded().get("durable")
        return recorded if isinstance(recorded, int) and 0 <= recorded <= self.size else 0

    def complete_sha256(self, file: RemoteFile) -> str | None:
        """Return the digest of the file if this version of it is complete; None otherwise."""
        record = self._recorded()
        if not file.version or record.get("version") != file.version or record.get("size") != self.size:
            return None
        sha256 = record.get("sha256")
        return sha256 if isinstance(sha256, str) else None

    def begin(self, file: RemoteFile) -> int:
        """Prepare for this version and return the byte at which it continues: 0 unless a part of it exists."""
        has_same_version = file.version and self._recorded().get("version") == file.version
        if not has_same_version or (file.size is not None and self.size > file.size):
            self.drop()
            self._write({"version": file.version})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        return self.durable

    def open(self, file: RemoteFile, offset: int) -> GrowingFile:
        """Open the file to write from `offset` on; an interruption leaves a record of the bytes on the disk.

        The file is not truncated at `offset`: on a shared volume two processes may write for a moment, if one of them
        seemed to be dead, and then both write the same bytes to the same place.
        """
        opened = self.path.open("r+b")
        opened.seek(offset)
        return GrowingFile(
            opened, offset, file.size, lambda end: self._write({"version": file.version, "durable": end})
        )

    def hashed(self, offset: int) -> "hashlib._Hash":
        """Return the running digest of the first `offset` bytes."""
        running = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(min(CHUNK_BYTES, offset - file.tell())):
                running.update(chunk)
        return running

    def complete(self, file: RemoteFile, size: int, sha256: str) -> None:
        """Record that the file is complete, after it was flushed to the disk."""
        with self.path.open("r+b") as written:
            # An earlier run may have written more.
            written.truncate(size)
            os.fsync(written.fileno())
        self._write({"version": file.version, "size": size, "sha256": sha256})

    def forget(self) -> None:
        """Remove the record, and keep the file."""
        self._record.unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove the record and the file."""
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _recorded(self) -> dict[str, Any]:
        try:
            record = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            # A record that was cut off by a power failure is not valid.
            return {}
        return record if isinstance(record, dict) else {}

    def _write(self, record: dict[str, Any]) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        # Replaced atomically, as the download would be lost if a process were killed here.
        unfinished = self._record.with_name(f"{self._record.name}.new")
        unfinished.write_text(json.dumps(record))
        # If two processes write for a moment, the other one may have moved it.
        with suppress(FileNotFoundError):
            unfinished.replace(self._record)

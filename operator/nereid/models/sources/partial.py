"""A file that may stop half way and be continued, by this process or by the next one.

What has arrived lies in the file itself; beside it lies a record of the version that it is a part of. Without a version
nothing can prove that two halves belong together, and the download begins again.

What was written is not yet on the disk: a node that dies may leave zeros in its place. So the record also tells how
much was there for certain, and the rest is asked for again.
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
"""How much a node that dies may cost; to wait for the disk more often would cost speed."""


class GrowingFile:
    """A file while more of it arrives; `keep` records how many of its bytes are on the disk."""

    def __init__(self, file: BinaryIO, offset: int, size: int | None, keep: Callable[[int], None]) -> None:
        self._file = file
        self._size = size
        self._keep = keep
        self._kept = offset
        self.end = offset
        """Bytes that are there, of those before the offset and those that were written since."""

    def write(self, chunk: bytes) -> None:
        """Add what comes next."""
        # Before it is written: the last bytes are only kept once their source has had its say on the whole.
        if self.end - self._kept >= CHECKPOINT_BYTES:
            self._checkpoint()
        self._file.write(chunk)
        self.end += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            # Not when a lock was lost: the record is somebody else's by then.
            is_kept = kind is not None and issubclass(kind, InterruptionError | OutOfTimeError | SystemExit)
            # Nor the last bytes, as nobody would ask their source for its say on the whole any more.
            if is_kept and self.end != self._size:
                self._checkpoint()

    def _checkpoint(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._kept = self.end
        self._keep(self.end)


class PartialFile:
    """The file at `path`, as far as it has arrived, and its record."""

    def __init__(self, path: Path, record: Path) -> None:
        self.path = path
        self._record = record

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def durable(self) -> int:
        """Bytes that are on the disk for certain, from the first one on."""
        recorded = self._recorded().get("durable")
        return recorded if isinstance(recorded, int) and 0 <= recorded <= self.size else 0

    def complete_sha256(self, file: RemoteFile) -> str | None:
        """Return the digest of what has arrived when that is the whole of this very version; None otherwise."""
        record = self._recorded()
        if not file.version or record.get("version") != file.version or record.get("size") != self.size:
            return None
        sha256 = record.get("sha256")
        return sha256 if isinstance(sha256, str) else None

    def begin(self, file: RemoteFile) -> int:
        """Make ready for this version and return the byte at which it continues: 0 unless its first part is here."""
        known = file.version and self._recorded().get("version") == file.version
        if not known or (file.size is not None and self.size > file.size):
            self.drop()
            self._write({"version": file.version})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        return self.durable

    def open(self, file: RemoteFile, offset: int) -> GrowingFile:
        """Open the file for what comes at `offset`; an interruption leaves a record of how far it came.

        It is written at its place, and neither appended nor cut off there: on a shared volume two may write for a
        moment, one of them taken for dead, and then both write the same.
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
        """Record that the whole has arrived, once it is on the disk."""
        with self.path.open("r+b") as written:
            # An earlier run may have left more behind.
            written.truncate(size)
            os.fsync(written.fileno())
        self._write({"version": file.version, "size": size, "sha256": sha256})

    def forget(self) -> None:
        """Keep the file alone, as nobody will continue it."""
        self._record.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget what has arrived."""
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _recorded(self) -> dict[str, Any]:
        try:
            record = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            # Cut off by a power failure, it proves nothing.
            return {}
        return record if isinstance(record, dict) else {}

    def _write(self, record: dict[str, Any]) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        # Written whole or not at all, as a process that is killed here would lose all that has arrived.
        unfinished = self._record.with_name(f"{self._record.name}.new")
        unfinished.write_text(json.dumps(record))
        # Where two write for a moment, the other one may have moved it.
        with suppress(FileNotFoundError):
            unfinished.replace(self._record)

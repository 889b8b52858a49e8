"""A file that may stop half way and be continued, by this process or by the next one.

What has arrived lies in the file itself; beside it lies a record of the version that it is a part of. Without a version
nothing can prove that two halves belong together, and the download begins again.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from nereid.fetch.remote import CHUNK_BYTES, RemoteFile


class PartialFile:
    """The file at `path`, as far as it has arrived, and its record."""

    def __init__(self, path: Path, record: Path) -> None:
        self.path = path
        self._record = record

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

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
        return self.size

    def open(self, offset: int) -> BinaryIO:
        """Open the file for what comes at `offset`.

        It is written at its place and never appended: on a shared volume two may write for a moment, one of them taken
        for dead, and then both write the same.
        """
        file = self.path.open("r+b")
        file.seek(offset)
        return file

    def hashed(self, offset: int) -> "hashlib._Hash":
        """Return the running digest of the first `offset` bytes."""
        running = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(min(CHUNK_BYTES, offset - file.tell())):
                running.update(chunk)
        return running

    def complete(self, file: RemoteFile, sha256: str) -> None:
        """Record that the whole has arrived, once it is on the disk."""
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        self._write({"version": file.version, "size": self.size, "sha256": sha256})

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
        self._record.write_text(json.dumps(record))

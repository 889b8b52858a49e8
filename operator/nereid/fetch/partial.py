"""A download that may stop half way and be continued, by this process or by the next one.

What has arrived lies in the file itself; beside it lies the ETag of the version that it is a part of. Without an ETag
nothing can prove that two halves belong together, and the download begins again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class PartialFile:
    """The file at `path`, as far as it has arrived."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._etag = path.with_name(f"{path.name}.etag")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self._path.stat().st_size if self._path.exists() else 0

    def resume_headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest alone, provided that the file on the server is still the same."""
        etag = self._etag.read_text() if self._etag.exists() else ""
        return {"Range": f"bytes={self.size}-", "If-Range": etag} if etag and self.size else {}

    def begin(self, etag: str | None) -> None:
        """Drop what has arrived; what comes now is the version of this ETag, from its beginning."""
        self._etag.unlink(missing_ok=True)
        self._path.write_bytes(b"")
        # A weak ETag promises the same meaning, not the same bytes.
        if etag and not etag.startswith("W/"):
            self._etag.write_text(etag)

    @contextmanager
    def appending(self) -> Iterator[BinaryIO]:
        """Open the file for what comes next."""
        with self._path.open("ab") as file:
            yield file

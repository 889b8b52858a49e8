"""The interface that every source on a network offers to the download loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, runtime_checkable

CHUNK_BYTES: Final = 1 << 20
CONNECT_SECONDS: Final = 15
READ_SECONDS: Final = 50
"""How long a client waits for a server's next bytes."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a source, as its server describes it before it is downloaded."""

    path: PurePosixPath
    """Relative to the source; a single file has its own name."""
    size: int | None
    """Bytes; None if the server does not return it."""
    version: str
    """Identifies the content: an ETag, generation, commit or digest; empty if the server has none."""
    sha256: str | None = None
    """In hex; None if the server does not return it."""


class RemoteFiles(Protocol):
    """An opened source."""

    def files(self) -> Sequence[RemoteFile]:
        """Return all files that the source has now, with paths relative to the source.

        The files at `spec.model.path` are selected from this list (selection.py); a source may omit files that the path
        cannot select.

        Raise FetchError if it has no files or may not be listed, and InterruptionError if another attempt may help.
        """

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the file's bytes from `offset` on in chunks of at most CHUNK_BYTES.

        Raise InterruptionError if another attempt may help, ChangedError if the file no longer has its version, and
        FetchError otherwise. An iterator that ends early counts as an interruption if the size is known.
        """


@runtime_checkable
class PackedFiles(RemoteFiles, Protocol):
    """A source whose files may be in packages, such as the layers of an image."""

    @property
    def is_packed(self) -> bool:
        """Whether the listed files are packages: all of them are downloaded, and then unpacked."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        """Fill `into` with the model's files from the downloaded packages; raise FetchError if they are damaged."""


@runtime_checkable
class HeldOpen(RemoteFiles, Protocol):
    """A source that keeps the answer to the listing open for the download, which may not follow soon."""

    def close(self) -> None:
        """Close the answer; a later read sends a new request."""

"""What every source behind a network looks like to the one loop that downloads from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, runtime_checkable

CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a source, as its server describes it before it is downloaded."""

    path: PurePosixPath
    """Relative to the source; a single file has its own name."""
    size: int | None
    """Bytes; None where the server does not tell."""
    version: str
    """What proves that two halves belong together: an ETag, generation, commit or digest; empty: nothing does."""
    sha256: str | None = None
    """Hex, where the server knows it."""


class RemoteFiles(Protocol):
    """An opened source."""

    def files(self) -> Sequence[RemoteFile]:
        """Return all that the source holds, as it is now, with paths relative to the source.

        What `spec.model.path` names is selected from this list (selection.py); a source may leave out what it cannot
        select.

        Raise FetchError when it holds nothing or may not be listed, and InterruptionError when another try may help.
        """

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the file's bytes from `offset` on in chunks of at most CHUNK_BYTES.

        Raise InterruptionError when another try may help, ChangedError when the file is no longer of its version, and
        FetchError otherwise. An iterator that ends early is taken for an interruption where the size is known.
        """


@runtime_checkable
class PackedFiles(RemoteFiles, Protocol):
    """A source whose files may come in packages, such as the layers of an image."""

    @property
    def is_packed(self) -> bool:
        """Whether what was listed are packages: all of them are downloaded, and then unpacked."""

    def unpack(self, downloaded: Path, into: Path) -> None:
        """Fill `into` with the model's files from the downloaded packages; raise FetchError when they are unsound."""


@runtime_checkable
class HeldOpen(RemoteFiles, Protocol):
    """A source whose answer to the listing is kept open to be read, and is given up when it will not be read soon."""

    def close(self) -> None:
        """Give the answer up; what is read later is asked for again."""

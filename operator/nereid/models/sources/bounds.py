"""How much one source may put on the pod's disk: bytes, and files, folders and links.

Everything is counted before it is written: a small archive may unpack to more than any disk holds, and a server may
send without end. A full disk would take the node from others, whose pods the kubelet then evicts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from nereid.api.quantity import as_size
from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.contract.fetch_request import DEFAULT_MAX_BYTES, Request

MOST_ENTRIES: Final = 100_000
"""Files, folders and links of one model; no model has as many, and each takes room on a disk though it is empty."""

MOST_TIMES: Final = 100
"""How many times its packed size an archive may have unpacked; weights of models hardly get smaller when packed."""

ANY_RATIO_BYTES: Final = 1 << 30
"""What an archive may unpack to, however small it is."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that one source may bring; `shown` is the source in messages."""

    shown: str
    most_bytes: int = DEFAULT_MAX_BYTES
    most_entries: int = MOST_ENTRIES

    @classmethod
    def of(cls, request: Request, shown: str) -> "Bound":
        """Return the bound of a request."""
        return cls(shown, request.max_bytes)

    def too_large(self, size: int | None = None) -> FetchError:
        """Return the error of a source with too many bytes; `size` is its size, if it is known."""
        has = f"has {size} bytes, which is more than" if size is not None else "is larger than"
        return FetchError(
            Reason.MODEL_TOO_LARGE,
            f"{self.shown} {has} the limit of {as_size(self.most_bytes)}: if it is meant to be so large, raise "
            f"{Field.MAX_SIZE}, for which the operator's Helm value models.maxSize is the maximum and the default",
        )

    def too_many(self) -> FetchError:
        """Return the error of a source with too many entries."""
        return FetchError(
            Reason.MODEL_TOO_LARGE,
            f"{self.shown} holds more than {self.most_entries} files, folders and links: leave out what is not part "
            "of the model, or pack folders of small files into one file",
        )

    def require_bytes(self, size: int | None) -> None:
        """Raise FetchError if a size that is known is too large."""
        if size is not None and size > self.most_bytes:
            raise self.too_large(size)

    def require_paths(self, paths: Iterable[PurePosixPath]) -> None:
        """Raise FetchError if there are too many files, together with the folders that they are in."""
        entries: set[PurePosixPath] = set()
        for path in paths:
            entries.update((path, *path.parents))
            if len(entries) - 1 > self.most_entries:
                raise self.too_many()

    def require_ratio(self, unpacked: int, packed: int) -> None:
        """Raise FetchError if an archive of `packed` bytes has more content than archives of models have."""
        if unpacked > max(ANY_RATIO_BYTES, MOST_TIMES * packed):
            raise FetchError(
                Reason.MODEL_TOO_LARGE,
                f"{self.shown} unpacks to more than {MOST_TIMES} times its {packed} bytes, as no model does: check "
                "what was packed, or pack it without compression",
            )


class Tally:
    """Counts what is written for a source; it raises FetchError before that is more than the bound."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self._bytes = 0
        self._entries = 0

    def bytes(self, size: int) -> None:
        """Count bytes that are about to be written."""
        self._bytes += size
        if self._bytes > self.bound.most_bytes:
            raise self.bound.too_large()

    def entries(self, count: int = 1) -> None:
        """Count files, folders or links that are about to be made."""
        self._entries += count
        if self._entries > self.bound.most_entries:
            raise self.bound.too_many()

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, and count those that did not exist."""
        for above in (folder, *folder.parents):
            if above.exists():
                break
            self.entries()
        folder.mkdir(parents=True, exist_ok=True)

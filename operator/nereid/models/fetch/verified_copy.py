"""Copies files of a claim while it computes their hashes, so that what was verified is what is served."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.bounds import Bound, Tally
from nereid.models.sources.digest import entries_below
from nereid.models.sources.remote import CHUNK_BYTES

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_OPEN_FILES: Final = Path("/proc/self/fd")


def verified_copy(
    folder: Path, files: Iterable[Path] | None, mount: Path, into: Path, bound: Bound
) -> Mapping[PurePosixPath, tuple[int, str]]:
    """Copy files of a folder, or all below it, and return the bytes and the SHA-256 in hex of each, by its path.

    Links are followed within `mount`, as the digest of a folder does. Raise FetchError if one leads out of it, if the
    files are more than the bound, or if the disk has no room.
    """
    copying = _Copying(folder, mount.resolve(), into, Tally(bound))
    into.mkdir(parents=True)
    try:
        return dict(copying.run(entries_below(folder) if files is None else files))
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _no_room(into, bound.shown) from error
        raise


class _Copying:
    def __init__(self, folder: Path, mount: Path, into: Path, tally: Tally) -> None:
        self._folder = folder
        self._mount = mount
        self._into = into
        self._tally = tally

    def run(self, entries: Iterable[Path]) -> Iterator[tuple[PurePosixPath, tuple[int, str]]]:
        for entry in entries:
            path = PurePosixPath(entry.relative_to(self._folder).as_posix())
            if entry.is_dir():
                self._tally.make_folder(self._into / path)
            elif entry.is_file():
                self._tally.make_folder((self._into / path).parent)
                yield path, self._copied(entry, self._into / path)

    def _copied(self, source: Path, target: Path) -> tuple[int, str]:
        running, size = hashlib.sha256(), 0
        self._tally.entries()
        with source.open("rb") as file, target.open("wb") as out:
            self._require_on_claim(file, source)
            while chunk := file.read(CHUNK_BYTES):
                # As they are read, not as the file had them before: it may grow.
                self._tally.bytes(len(chunk))
                running.update(chunk)
                out.write(chunk)
                size += len(chunk)
            if os.fstat(file.fileno()).st_mode & stat.S_IXUSR:
                # A model may contain its own program, such as a stub of Triton's Python backend.
                target.chmod(0o755)
        return size, running.hexdigest()

    def _require_on_claim(self, file: BinaryIO, path: Path) -> None:
        """Raise FetchError for a file outside the claim, such as a Secret of this container, which Triton must not get.

        The opened file itself is looked at: its path may be replaced by a link at any moment.
        """
        opened = _OPEN_FILES / str(file.fileno())
        real = opened.readlink() if _OPEN_FILES.is_dir() else path.resolve()
        if not real.is_relative_to(self._mount):
            raise FetchError(
                Reason.MODEL_INVALID,
                f"{self._tally.bound.shown} has {path.name}, a link that points outside its volume: put the model "
                "itself on the volume",
            )


def _no_room(folder: Path, shown: str) -> FetchError:
    usage = shutil.disk_usage(folder)
    return FetchError(
        Reason.MODEL_FETCH_FAILED,
        f"the pod's disk is full ({usage.free} of {usage.total} bytes are free), to which {shown} is copied as it is "
        f"verified: use nodes with more ephemeral storage, or remove {Field.DIGEST} to serve it from the claim itself",
    )

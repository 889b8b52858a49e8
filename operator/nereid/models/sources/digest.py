"""Verifies files: the digest of a file, and that of a tree of files.

The digest of a tree is the output of this command in its folder, so that a user can compute it anywhere:

    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

Links are followed, as by `find -L`.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.sources.walking import below

MOST_LINKED: Final = 100_000
"""Limit of files and folders that are reached by links, as a few folders of links to each other make billions."""


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hex; reads in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(hashes: Mapping[PurePosixPath, str]) -> str:
    """Return `sha256:<hex>` of a tree whose files have these SHA-256 hashes in hex."""
    running = hashlib.sha256()
    for path in sorted(hashes, key=_as_listed):
        running.update(b"%s  %s\n" % (hashes[path].encode(), _as_listed(path)))
    return f"sha256:{running.hexdigest()}"


def _as_listed(path: PurePosixPath) -> bytes:
    return os.fsencode(f"./{path}")


def digest_of(hashes: Mapping[PurePosixPath, str], *, is_file: bool) -> str:
    """Return `sha256:<hex>` of the one file, or of the tree, whose files have these SHA-256 hashes in hex."""
    return f"sha256:{next(iter(hashes.values()))}" if is_file else tree_digest(hashes)


def folder_hashes(folder: Path) -> Mapping[PurePosixPath, str]:
    """Return the SHA-256 in hex of each file in a folder."""
    return {PurePosixPath(path.relative_to(folder).as_posix()): file_hash(path) for path in files_below(folder)}


def files_below(folder: Path, *, once: bool = False) -> Iterator[Path]:
    """Yield all files of a folder, following links except those to a folder above, as `find -L` does.

    `once`: no folder is entered a second time by a link. Raise FetchError if links lead to too many files.
    """
    return (entry for entry in entries_below(folder, once=once) if entry.is_file())


def entries_below(folder: Path, *, once: bool = False) -> Iterator[Path]:
    """Yield the folders below a folder too, each before what is in it; else as `files_below`."""
    linked = 0
    for entry, by_link in below(folder, _entries, once=once):
        linked += by_link and not once
        if linked > MOST_LINKED:
            raise _too_many_linked(folder)
        yield entry


def _too_many_linked(folder: Path) -> FetchError:
    return FetchError(
        Reason.MODEL_INVALID,
        f"the links in the folder {folder.name} lead to more than {MOST_LINKED} files and folders: "
        f"remove links, or name a folder nearer to the model in {Field.PATH}",
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        # Such as a volume's lost+found, or another user's folder.
        return []


def require_digest(
    actual: str, expected: str | None, shown: str, hashes: Mapping[PurePosixPath, str] | None = None
) -> None:
    """Raise FetchError if a digest is expected and the actual one differs.

    If `hashes` has a single file, both its own digest and that of a folder with the file are accepted: which of them a
    user has depends on whether the source counted as a file or as a folder, and the file is the same.
    """
    if hashes and len(hashes) == 1 and expected in {digest_of(hashes, is_file=is_file) for is_file in (True, False)}:
        return
    if expected is not None and actual != expected.lower():
        raise FetchError(
            Reason.MODEL_DIGEST_MISMATCH,
            f"{shown} has the digest {actual}, but {expected} is expected: "
            f"correct {Field.DIGEST}, or restore the files with that digest",
        )


def require_not_empty(size: int, shown: str) -> None:
    """Raise FetchError if a single file is empty."""
    if size == 0:
        raise FetchError(Reason.MODEL_INVALID, f"{shown} is empty: upload the file again")

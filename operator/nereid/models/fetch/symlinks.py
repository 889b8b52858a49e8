"""Moves a part of unpacked files to another place; links to files outside that part are replaced by those files.

Everything is in one file system, so that hard links are used instead of copies.
"""

import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.archive import links_out
from nereid.models.sources.bounds import Bound, Tally
from nereid.models.sources.digest import files_below


def move(places: Mapping[Path, Path], shown: str) -> None:
    """Move files and folders to their targets; a link is replaced by the file or folder that it points to.

    Raise FetchError for links in a circle, and for links that together lead to too many files.
    """
    tally = Tally(Bound(shown))
    links = [path for path in places if path.is_symlink() and path.exists()]
    # First, as what links point to may be moved away below.
    for path in places:
        if path.is_dir() and path not in links:
            _keep_what_links_leave(path, tally)
    for link in links:
        linked = link.resolve()
        _require_an_end(linked, link.name, shown)
        _appear(linked, places[link], tally)
    for path in places.keys() - links:
        path.rename(places[path])


def keep_what_links_leave(folder: Path, shown: str) -> None:
    """Replace links that point outside a folder by the files they point to, as only that folder is kept."""
    _keep_what_links_leave(folder, Tally(Bound(shown)))


def _keep_what_links_leave(folder: Path, tally: Tally) -> None:
    for link in links_out(folder):
        linked = link.resolve()
        _require_an_end(linked, link.name, tally.bound.shown)
        link.unlink()
        _appear(linked, link, tally)


def _appear(linked: Path, target: Path, tally: Tally) -> None:
    def count(_: str, entries: list[str]) -> list[str]:
        """Count a folder's entries before they appear, and leave none out."""
        tally.entries(len(entries))
        return []

    tally.entries()
    if linked.is_dir():
        shutil.copytree(linked, target, copy_function=_link_file, ignore=count)
    else:
        _link_file(linked, target)


def _link_file(source: Path | str, target: Path | str) -> None:
    """Make a hard link to a file; a broken link is skipped."""
    # A hard link to a symbolic link would be the same symbolic link, which points elsewhere from its new place.
    linked = Path(source).resolve()
    if linked.is_file():
        Path(target).hardlink_to(linked)


def _require_an_end(linked: Path, name: str, shown: str) -> None:
    """Raise FetchError if links below a folder lead in a circle, or to too many files."""
    if linked.is_dir():
        _require_no_circle(linked, name, shown, frozenset(), set())
        deque(files_below(linked), maxlen=0)


def _require_no_circle(folder: Path, name: str, shown: str, above: frozenset[Path], passed: set[Path]) -> None:
    real = folder.resolve()
    if real in above:
        raise FetchError(
            Reason.MODEL_INVALID, f"{shown} holds a link, {name}, that leads back to itself: remove the link"
        )
    if real in passed:
        return
    passed.add(real)
    for entry in folder.iterdir():
        if entry.is_dir():
            _require_no_circle(entry, entry.name if entry.is_symlink() else name, shown, above | {real}, passed)

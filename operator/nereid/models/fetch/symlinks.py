"""Parts of what was unpacked are moved to where they are kept; links to what is not kept become what they lead to.

Everything stays in one file system, so that a file may have a second name instead of a copy.
"""

import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.archive import links_out
from nereid.models.sources.digest import files_below


def move(places: Mapping[Path, Path], shown: str) -> None:
    """Let files and folders appear at their targets, and in the place of a link what it leads to.

    Raise FetchError where that would never end.
    """
    links = [path for path in places if path.is_symlink() and path.exists()]
    # First, as what they lead to may be among what is moved away.
    for path in places:
        if path.is_dir() and path not in links:
            keep_what_links_leave(path, shown)
    for link in links:
        linked = link.resolve()
        _require_an_end(linked, link.name, shown)
        _appear(linked, places[link])
    for path in places.keys() - links:
        path.rename(places[path])


def keep_what_links_leave(folder: Path, shown: str) -> None:
    """Put files in the place of links out of a folder, as nothing but that folder is kept."""
    for link in links_out(folder):
        linked = link.resolve()
        _require_an_end(linked, link.name, shown)
        link.unlink()
        _appear(linked, link)


def _appear(linked: Path, target: Path) -> None:
    if linked.is_dir():
        shutil.copytree(linked, target, copy_function=_link_file)
    else:
        _link_file(linked, target)


def _link_file(source: Path | str, target: Path | str) -> None:
    """Let a file appear at another place; what is a link to nothing does not."""
    # A hard link to a symbolic one would be that link again, at a place from which it leads elsewhere.
    linked = Path(source).resolve()
    if linked.is_file():
        Path(target).hardlink_to(linked)


def _require_an_end(linked: Path, name: str, shown: str) -> None:
    """Raise FetchError where following links below a folder would never end, or not soon."""
    if linked.is_dir():
        _require_no_circle(linked, name, shown, frozenset(), set())
        deque(files_below(linked), maxlen=0)


def _require_no_circle(folder: Path, name: str, shown: str, above: frozenset[Path], passed: set[Path]) -> None:
    real = folder.resolve()
    if real in above:
        raise FetchError(
            Reason.MODEL_INVALID, f"{shown} holds a link, {name}, that leads back to itself: build it without that"
        )
    if real in passed:
        return
    passed.add(real)
    for entry in folder.iterdir():
        if entry.is_dir():
            _require_no_circle(entry, entry.name if entry.is_symlink() else name, shown, above | {real}, passed)

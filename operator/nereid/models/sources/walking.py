"""Walks through folders and the links in them, as `find -L` does."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def below(
    folder: Path, entries_of: Callable[[Path], Iterable[Path]], *, once: bool = False
) -> Iterator[tuple[Path, bool]]:
    """Yield each entry below a folder, and whether a link leads there; a link to a folder above is not followed.

    `entries_of` returns the entries of one folder. `once`: no folder is entered a second time by a link. Without it, a
    few folders of links to each other have billions of entries: the caller has to stop.
    """
    entered: set[Path] = set()
    pending = [(folder, folder.resolve(), frozenset[Path](), False)]
    while pending:
        here, real, above, by_link = pending.pop()
        if real in (entered if once else above):
            continue
        entered.add(real)
        for entry in entries_of(here):
            yield entry, by_link
            if entry.is_dir():
                is_link = entry.is_symlink()
                beyond = (real / entry.name).resolve() if is_link else real / entry.name
                pending.append((entry, beyond, above | {real}, by_link or is_link))

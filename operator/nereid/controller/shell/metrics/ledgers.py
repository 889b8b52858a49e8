"""Remembers from one sample to the next what has been counted, so that samples which come late are counted too.

It is lost with the operator. What comes late at that moment then is lost as well, and nothing is counted twice.
"""

from collections.abc import Iterable, Mapping, Sequence

from nereid.controller.observed.counters import NoData
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import Ledger, Steps, Window, growth
from nereid.controller.shell.metrics.tracks import Track

Key = tuple[str, str]
_Ledgers = Mapping[str, Ledger]


class Book:
    """What one sample counts in its window, by the selectors of its series, after what the one before has counted."""

    def __init__(self, window: Window, earlier: _Ledgers | None = None) -> None:
        self.window = window
        self.earlier: _Ledgers = earlier or {}
        self.later: dict[str, Ledger] = {}

    def count(self, selector: str, tracks: Iterable[Track]) -> Sequence[tuple[Track, Steps]]:
        """Return the tracks that count, each with its growth; raises ProviderError for an implausible value."""
        grown = growth(tracks, self.window, self.earlier.get(selector))
        if isinstance(grown, NoData):
            raise ProviderError(f"Prometheus returned samples that cannot be counted: {grown.reason}")
        self.later[selector] = grown.ledger
        return grown.steps


class Ledgers:
    """The ledgers of each ModelDeployment after its last sample and before: that one may be asked for once more."""

    def __init__(self) -> None:
        self._kept: dict[Key, dict[float, _Ledgers]] = {}

    def open(self, key: Key, window: Window) -> Book:
        """Return the book for a window; it begins anew unless it is known what was counted until then."""
        return Book(window, self._kept.get(key, {}).get(window.since))

    def keep(self, key: Key, book: Book) -> None:
        """Remember what a sample has counted."""
        self._kept[key] = {book.window.since: book.earlier, book.window.until: book.later}

    def forget(self, key: Key) -> None:
        """Forget a ModelDeployment."""
        self._kept.pop(key, None)

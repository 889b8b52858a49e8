"""Remembers from one window to the next what has been counted, so that samples which come late are counted too.

It is kept in memory only: after a restart, late samples of earlier windows are lost, and nothing is counted twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nereid.controller.observed.counters import NoData
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import CounterHistory, Steps, Window, growth
from nereid.controller.shell.metrics.sources import Source, Split
from nereid.controller.shell.metrics.tracks import SeriesGroup

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Histories:
    """What is remembered at the end of a window: of counters by their selector, and of callers by the route.

    route: the candidate and its share; what callers did at another route says nothing about this one.
    """

    counters: Mapping[str, CounterHistory] = field(default_factory=dict)
    route: tuple[str, int] | None = None
    callers: Mapping[Source, Split] = field(default_factory=dict)


class WindowCount:
    """Counts the series of one window, by their selectors, beyond what the window before has counted."""

    def __init__(self, window: Window, earlier: Histories | None = None) -> None:
        self.window = window
        self.earlier = earlier or Histories()
        self._counters: dict[str, CounterHistory] = {}
        self._route = self.earlier.route
        self._callers = self.earlier.callers

    @property
    def later(self) -> Histories:
        """What is to be remembered when the window has been counted."""
        return Histories(self._counters, self._route, self._callers)

    def callers_by(self, route: tuple[str, int]) -> Mapping[Source, Split]:
        """Return what callers have sent to either revision by a route, before this window."""
        return self.earlier.callers if self.earlier.route == route else {}

    def remember_callers(self, route: tuple[str, int], callers: Mapping[Source, Split]) -> None:
        """Remember what callers have sent by a route, this window included."""
        self._route, self._callers = route, callers

    def count(self, selector: str, groups: Iterable[SeriesGroup]) -> Sequence[tuple[SeriesGroup, Steps]]:
        """Return the series groups that count, each with its growth; raises ProviderError for an implausible value."""
        result = growth(groups, self.window, self.earlier.counters.get(selector))
        if isinstance(result, NoData):
            raise ProviderError(f"Prometheus returned samples that cannot be counted: {result.reason}")
        self._counters[selector] = result.history
        return result.steps


class CounterHistories:
    """The histories of each ModelDeployment at the end of its last window and at its start: it may be counted again."""

    def __init__(self) -> None:
        self._by_key: dict[Key, dict[float, Histories]] = {}

    def open(self, key: Key, window: Window) -> WindowCount:
        """Return the count of a window; it starts without a history unless one ends where the window begins."""
        return WindowCount(window, self._by_key.get(key, {}).get(window.since))

    def keep(self, key: Key, window_count: WindowCount) -> None:
        """Remember what a window has counted."""
        window = window_count.window
        self._by_key[key] = {window.since: window_count.earlier, window.until: window_count.later}

    def forget(self, key: Key) -> None:
        """Forget a ModelDeployment."""
        self._by_key.pop(key, None)

"""Whether what callers report of a revision is what its own pods have counted. Pure.

A caller's proxy, or whoever exports the same series, writes itself which revision it called. What a revision's own
sidecars count cannot be written from another namespace, as the label `namespace` is the scraper's. So callers must not
report more requests than the pods have counted, nor more failures that the pods have answered.

Both are known by scrapes at different moments. What a caller's scrape shows by the last scrape of all pods, a pod's
scrape shows too; so callers are counted up to that, over some scrapes, and the pods over one scrape more before.
However the traffic changes, the callers' count is then at most the pods', but for requests whose pod ended before its
next scrape: for these there are TOLERANCE and SLACK. Fewer requests than the pods have counted are no contradiction:
requests of callers without a proxy, or with one that is not scraped, are in no caller's count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from nereid.controller.observed.counters import NoData
from nereid.controller.shell.metrics.growth import LOOK_BACK_SECONDS, Window, growth
from nereid.controller.shell.metrics.outcomes import Outcome, outcome
from nereid.controller.shell.metrics.tracks import SeriesGroup

TOLERANCE: Final = 1.25
SLACK: Final = 20
# The more scrapes, the less the one more counts; the fewer, the sooner a contradiction shows.
_SCRAPES: Final = 3
_MOMENT: Final = 0.001
# The proxy of a caller says so where no pod has answered.
_NO_FLAGS: Final = frozenset({"", "-"})

Labels = Mapping[str, str]


def disagreement(
    revision: str, callers: Sequence[SeriesGroup], own: Sequence[SeriesGroup], window: Window
) -> str | None:
    """Return how the counts of a revision contradict each other, with both figures; None if they do not.

    Nothing can be said where the pods' own sidecars are not scraped.
    """
    ends = [group.samples[-1][0] for group in own if group.samples]
    if not ends:
        return None
    scrape = _scrape_seconds([*callers, *own])
    until = min(window.until, *(end for end in ends if end > max(ends) - scrape - 1))
    seconds = min(max(window.until - window.since, _SCRAPES * scrape), LOOK_BACK_SECONDS - scrape)
    begun = [_from_its_beginning(group, window, scrape) for group in own]
    for what, counts in (("requests to", _is_any), ("failed requests to", _is_answered_error)):
        reported = _total(callers, Window(until - seconds, until), counts)
        counted = _total(begun, Window(until - seconds - scrape, until), counts)
        if reported > TOLERANCE * counted + SLACK:
            return (
                f"the counts disagree: callers report {reported} {what} revision {revision} in {seconds:.0f} s, and "
                f"its own pods have counted {counted} in {seconds + scrape:.0f} s. Does anything else export "
                "istio_requests_total, or is a proxy scraped twice without the labels namespace and pod?"
            )
    return None


def _is_any(_labels: Labels) -> bool:
    return True


def _from_its_beginning(group: SeriesGroup, window: Window, scrape: float) -> SeriesGroup:
    """Return the samples of a pod with its beginning at zero, if that can be seen.

    Its proxy has no series before its first request, and what came before its first scrape was counted by the callers.
    """
    first = group.samples[0][0] if group.samples else 0.0
    if first <= window.until - LOOK_BACK_SECONDS + scrape:
        return group
    return replace(group, samples=[(first - _MOMENT, (0,) * len(group.samples[0][1])), *group.samples])


def _is_answered_error(labels: Labels) -> bool:
    return labels.get("response_flags", "") in _NO_FLAGS and outcome(labels) is Outcome.ERROR


def _total(groups: Sequence[SeriesGroup], window: Window, counts: Callable[[Labels], bool]) -> int:
    grown = growth(groups, window)
    if isinstance(grown, NoData):
        return 0  # Counting them has failed already.
    return sum(steps[0] for group, steps in grown.steps if counts(group.labels))


def _scrape_seconds(groups: Sequence[SeriesGroup]) -> float:
    """Return the longest usual time between two scrapes: the median of each series, and the largest of these."""
    medians = []
    for group in groups:
        gaps = sorted(later - earlier for (earlier, _), (later, _) in pairwise(group.samples))
        medians += gaps[len(gaps) // 2 : len(gaps) // 2 + 1]
    return max(medians, default=0.0)

"""By how much counters grew from one window to the next, by the raw samples that Prometheus holds. Pure.

Prometheus' own increase() extrapolates and so counts fractions of requests. Here each step between two samples of a
series is counted once, when the later one is seen. A history holds what earlier windows have counted, so that a sample
which comes late, by remote write or through Thanos, is counted when it comes. Without a history, a window counts the
steps whose later samples were taken in it, so that consecutive windows count the same unless samples come late.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nereid.controller.observed.counters import NoData, reading, why_too_many
from nereid.controller.shell.metrics.scrapes import Process, Scrape
from nereid.controller.shell.metrics.tracks import SeriesGroup

# Prometheus scrapes at least every two minutes, or its own queries would see gaps; so there is a sample in this time.
# A sample may also come this much late.
LOOK_BACK_SECONDS: Final = 300
# How long a counter is remembered after its last sample.
KEPT_SECONDS: Final = 3600

Steps = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The time after `since` up to `until`, in seconds of Unix time."""

    since: float
    until: float

    @property
    def range_seconds(self) -> int:
        """How far back from `until` samples are needed: the window, and before it the last sample of each series."""
        return math.ceil(self.until - self.since) + LOOK_BACK_SECONDS


@dataclass(frozen=True, slots=True)
class LastSample:
    """The last sample of a series group that has been counted."""

    time: float
    values: Steps


@dataclass(frozen=True, slots=True)
class LastScrape:
    """The scrape by which a process was counted, and the time of its last sample."""

    scrape: Scrape
    time: float


@dataclass(frozen=True, slots=True)
class CounterHistory:
    """What has been counted since `origin`: the last sample of each series group, by its key, and of each process."""

    origin: float
    last_samples: Mapping[bytes, LastSample] = field(default_factory=dict)
    last_scrapes: Mapping[Process, LastScrape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Growth:
    """The series groups that count, each with the growth of its counters, and the history for the next window."""

    steps: Sequence[tuple[SeriesGroup, Steps]]
    history: CounterHistory


def growth(groups: Iterable[SeriesGroup], window: Window, earlier: CounterHistory | None = None) -> Growth | NoData:
    """Return by how much the counters of each group grew in the window, late samples from before it included.

    A group that appears while its process was scraped already began at zero: Istio makes a series for each response
    code when the first such response occurs. If the process itself appears, it is unknown which of its counts are old,
    so that they begin with their first sample. If a process is scraped twice, one scrape counts. One implausible value
    makes the whole result NoData.
    """
    history = earlier or CounterHistory(window.since)
    counted_groups = _of_one_scrape([group for group in groups if group.samples], history)
    first_scrapes = _first_scrapes(counted_groups, history)
    steps: list[tuple[SeriesGroup, Steps]] = []
    last_samples: dict[bytes, LastSample] = {}
    for group in counted_groups:
        began_at_zero = first_scrapes[group.process] < group.samples[0][0]
        total = _total(group, _uncounted(group, window, history, began_at_zero=began_at_zero))
        if isinstance(total, NoData):
            return total
        growth_of_group, last_sample = total
        steps.append((group, growth_of_group))
        if last_sample:
            last_samples[group.key] = last_sample
    return Growth(steps, _next_history(history, counted_groups, last_samples, window))


def _of_one_scrape(groups: Sequence[SeriesGroup], history: CounterHistory) -> list[SeriesGroup]:
    """Return the groups of one scrape of each process.

    It is the scrape by which the process was counted last as long as that has new samples, since two scrapes are never
    of the same moments; otherwise the one with most new samples, and of several such the first by its labels.
    """
    new_samples: dict[Process, dict[Scrape, int]] = {}
    for group in groups:
        scrapes = new_samples.setdefault(group.process, {})
        before = history.last_scrapes.get(group.process)
        counted_until = max(before.time, history.origin) if before else history.origin
        count = sum(time > counted_until for time, _ in group.samples)
        scrapes[group.scrape] = scrapes.get(group.scrape, 0) + count
    chosen = {
        process: _chosen_scrape(scrapes, history.last_scrapes.get(process)) for process, scrapes in new_samples.items()
    }
    return [group for group in groups if group.scrape == chosen[group.process]]


def _chosen_scrape(new_samples: Mapping[Scrape, int], before: LastScrape | None) -> Scrape:
    if before and before.scrape in new_samples and (new_samples[before.scrape] or not any(new_samples.values())):
        return before.scrape
    return min(new_samples, key=lambda scrape: (-new_samples[scrape], scrape))


def _first_scrapes(groups: Iterable[SeriesGroup], history: CounterHistory) -> dict[Process, float]:
    first: dict[Process, float] = {}
    for group in groups:
        last_scrape = history.last_scrapes.get(group.process)
        time = last_scrape.time if last_scrape and last_scrape.scrape == group.scrape else math.inf
        first[group.process] = min(group.samples[0][0], time, first.get(group.process, math.inf))
    return first


def _uncounted(
    group: SeriesGroup, window: Window, history: CounterHistory, *, began_at_zero: bool
) -> Sequence[tuple[float, tuple[float, ...]]]:
    """Return the samples that have not been counted yet, after the one from which they are counted."""
    last_sample, counted_until = _counted_until(group, history)
    after = last_sample.time if last_sample else -math.inf
    samples: list[tuple[float, tuple[float, ...]]] = [(last_sample.time, last_sample.values)] if last_sample else []
    samples += [sample for sample in group.samples if after < sample[0] <= window.until]
    before = [sample for sample in samples if sample[0] <= counted_until]
    inside = samples[len(before) :]
    if began_at_zero and inside and not before:
        return [(counted_until, (0,) * len(inside[0][1])), *inside]
    return before[-1:] + inside


def _counted_until(group: SeriesGroup, history: CounterHistory) -> tuple[LastSample | None, float]:
    """Return the group's last sample, and until when it has been counted, perhaps by another scrape of its process."""
    last_scrape = history.last_scrapes.get(group.process)
    if last_scrape and last_scrape.scrape != group.scrape:
        return None, max(last_scrape.time, history.origin)
    last_sample = history.last_samples.get(group.key)
    return last_sample, max(last_sample.time, history.origin) if last_sample else history.origin


def _total(
    group: SeriesGroup, samples: Sequence[tuple[float, tuple[float, ...]]]
) -> tuple[Steps, LastSample | None] | NoData:
    total: Steps = (0,) * len(group.samples[0][1])
    last: LastSample | None = None
    for time, values in samples:
        readings = _readings(group, values)
        if isinstance(readings, NoData):
            return readings
        if last is not None:
            total = tuple(map(sum, zip(total, _step(last.values, readings), strict=True)))
        last = LastSample(time, readings)
    if reason := why_too_many(max(total, default=0)):
        return NoData(f"{_name(group)}: {reason}")
    return total, last


def _next_history(
    history: CounterHistory, groups: Iterable[SeriesGroup], new: Mapping[bytes, LastSample], window: Window
) -> CounterHistory:
    last_scrapes = dict(history.last_scrapes)
    for group in groups:
        last_sample = new.get(group.key)
        if last_sample:
            before = last_scrapes.get(group.process)
            time = max(last_sample.time, before.time if before else last_sample.time)
            last_scrapes[group.process] = LastScrape(group.scrape, time)
    oldest = window.until - KEPT_SECONDS
    return CounterHistory(
        history.origin,
        {key: sample for key, sample in {**history.last_samples, **new}.items() if sample.time > oldest},
        {process: scrape for process, scrape in last_scrapes.items() if scrape.time > oldest},
    )


def _readings(group: SeriesGroup, values: Sequence[float]) -> Steps | NoData:
    counts = []
    for value in values:
        count = reading(value)
        if isinstance(count, NoData):
            return NoData(f"{_name(group)}: {count.reason}")
        counts.append(count)
    return tuple(counts)


def _name(group: SeriesGroup) -> str:
    process = "/".join(part for part in group.process if part) or "an unnamed process"
    return f"{group.labels.get('__name__', 'a counter')} of {process}"


def _step(earlier: Steps, later: Steps) -> Steps:
    """Return the growth between two samples; if one counter fell, all of them began again at zero."""
    if any(new < old for old, new in zip(earlier, later, strict=True)):
        return later
    return tuple(new - old for old, new in zip(earlier, later, strict=True))

"""By how much counters grew from one look to the next, by the raw samples that Prometheus holds. Pure.

Prometheus' own increase() extrapolates and so counts fractions of requests. Here each step between two samples of a
series is counted once, when the later one is seen. A ledger tells what the looks before have counted, so that a sample
which comes late, by remote write or through Thanos, is counted when it comes. Without a ledger a look counts the steps
whose later samples were taken in its window, so that windows which follow one another count the same without late ones.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nereid.controller.observed.counters import NoData, reading
from nereid.controller.shell.metrics.scrapes import Process, Scrape
from nereid.controller.shell.metrics.tracks import Track

# Prometheus scrapes at least every two minutes or its own queries would see gaps; so there is a sample in this time.
# A sample may come late by as much.
LOOK_BACK_SECONDS: Final = 300
# How long a counter that is seen no more is remembered.
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
class Stand:
    """Where a track stood at its last sample that was seen."""

    time: float
    values: Steps


@dataclass(frozen=True, slots=True)
class Scraped:
    """By which scrape a process was counted, and the last sample of it that was seen."""

    scrape: Scrape
    time: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """What has been counted since `origin`: where each track stood, by its key, and how each process was read."""

    origin: float
    stands: Mapping[bytes, Stand] = field(default_factory=dict)
    scraped: Mapping[Process, Scraped] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Growth:
    """The tracks that count, each with the growth of its counters, and the ledger for the next look."""

    steps: Sequence[tuple[Track, Steps]]
    ledger: Ledger


def growth(tracks: Iterable[Track], window: Window, earlier: Ledger | None = None) -> Growth | NoData:
    """Return by how much the counters of each track grew in the window, and by what came late of the time before it.

    A track that appears while its process was scraped already began at zero: Istio makes a series for each response
    code when the first such response occurs. Where the process itself appears, nobody knows what of its counts is old,
    so that they begin with their first sample. Of a process that is scraped twice one scrape counts. One implausible
    value makes all of it no data.
    """
    ledger = earlier or Ledger(window.since)
    believed = _believed([track for track in tracks if track.samples], ledger)
    first_scrapes = _first_scrapes(believed, ledger)
    steps: list[tuple[Track, Steps]] = []
    stands: dict[bytes, Stand] = {}
    for track in believed:
        began_at_zero = first_scrapes[track.process] < track.samples[0][0]
        counted = _counted(track, _seen(track, window, ledger, began_at_zero=began_at_zero))
        if isinstance(counted, NoData):
            return counted
        grown, stand = counted
        steps.append((track, grown))
        if stand:
            stands[track.key] = stand
    return Growth(steps, _next(ledger, believed, stands, window))


def _believed(tracks: Sequence[Track], ledger: Ledger) -> list[Track]:
    """Return the tracks of one scrape of each process.

    It is the one by which the process was counted last while that has news, as no two are of quite the same moments;
    or else the one with most news, and of these the first by its labels.
    """
    news: dict[Process, dict[Scrape, int]] = {}
    for track in tracks:
        scrapes = news.setdefault(track.process, {})
        before = ledger.scraped.get(track.process)
        counted_until = max(before.time, ledger.origin) if before else ledger.origin
        new = sum(time > counted_until for time, _ in track.samples)
        scrapes[track.scrape] = scrapes.get(track.scrape, 0) + new
    chosen = {process: _best(scrapes, ledger.scraped.get(process)) for process, scrapes in news.items()}
    return [track for track in tracks if track.scrape == chosen[track.process]]


def _best(news: Mapping[Scrape, int], before: Scraped | None) -> Scrape:
    if before and before.scrape in news and (news[before.scrape] or not any(news.values())):
        return before.scrape
    return min(news, key=lambda scrape: (-news[scrape], scrape))


def _first_scrapes(tracks: Iterable[Track], ledger: Ledger) -> dict[Process, float]:
    first: dict[Process, float] = {}
    for track in tracks:
        known = ledger.scraped.get(track.process)
        seen = known.time if known and known.scrape == track.scrape else math.inf
        first[track.process] = min(track.samples[0][0], seen, first.get(track.process, math.inf))
    return first


def _seen(
    track: Track, window: Window, ledger: Ledger, *, began_at_zero: bool
) -> Sequence[tuple[float, tuple[float, ...]]]:
    """Return the samples that are not counted yet, after the one from which they are counted."""
    stand, counted_until = _known(track, ledger)
    samples: list[tuple[float, tuple[float, ...]]] = [(stand.time, stand.values)] if stand else []
    samples += [one for one in track.samples if one[0] <= window.until and (stand is None or one[0] > stand.time)]
    before = [one for one in samples if one[0] <= counted_until]
    inside = samples[len(before) :]
    if began_at_zero and inside and not before:
        return [(counted_until, (0,) * len(inside[0][1])), *inside]
    return before[-1:] + inside


def _known(track: Track, ledger: Ledger) -> tuple[Stand | None, float]:
    """Return where the track stood, and until when it has been counted: by another scrape of its process, perhaps."""
    scraped = ledger.scraped.get(track.process)
    if scraped and scraped.scrape != track.scrape:
        return None, max(scraped.time, ledger.origin)
    stand = ledger.stands.get(track.key)
    return stand, max(stand.time, ledger.origin) if stand else ledger.origin


def _counted(track: Track, samples: Sequence[tuple[float, tuple[float, ...]]]) -> tuple[Steps, Stand | None] | NoData:
    total: Steps = (0,) * len(track.samples[0][1])
    last: Stand | None = None
    for time, values in samples:
        checked = _readings(track, values)
        if isinstance(checked, NoData):
            return checked
        if last is not None:
            total = tuple(map(sum, zip(total, _step(last.values, checked), strict=True)))
        last = Stand(time, checked)
    return total, last


def _next(ledger: Ledger, believed: Iterable[Track], stands: Mapping[bytes, Stand], window: Window) -> Ledger:
    scraped = dict(ledger.scraped)
    for track in believed:
        stand = stands.get(track.key)
        if stand:
            known = scraped.get(track.process)
            scraped[track.process] = Scraped(track.scrape, max(stand.time, known.time if known else stand.time))
    oldest = window.until - KEPT_SECONDS
    return Ledger(
        ledger.origin,
        {key: stand for key, stand in {**ledger.stands, **stands}.items() if stand.time > oldest},
        {process: one for process, one in scraped.items() if one.time > oldest},
    )


def _readings(track: Track, values: Sequence[float]) -> Steps | NoData:
    checked = []
    for value in values:
        count = reading(value)
        if isinstance(count, NoData):
            told = "/".join(part for part in track.process if part) or "an unnamed process"
            return NoData(f"{track.labels.get('__name__', 'a counter')} of {told}: {count.reason}")
        checked.append(count)
    return tuple(checked)


def _step(earlier: Steps, later: Steps) -> Steps:
    """Return the growth between two samples; when one counter fell, all of them began again at zero."""
    if any(new < old for old, new in zip(earlier, later, strict=True)):
        return later
    return tuple(new - old for old, new in zip(earlier, later, strict=True))

"""Series groups: the samples of counters that begin and are reset together. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nereid.controller.shell.metrics.scrapes import Labels, Process, Scrape, process_of, scrape_of


@dataclass(frozen=True, slots=True)
class SeriesGroup:
    """The samples, by time, of one counter or of buckets of one histogram."""

    labels: Labels
    samples: Sequence[tuple[float, tuple[float, ...]]]

    @property
    def key(self) -> bytes:
        """A short key for the labels, which are long: thousands of groups may be remembered."""
        return hashlib.blake2b(repr(sorted(self.labels.items())).encode(), digest_size=16).digest()

    @property
    def process(self) -> Process:
        """The process that counted."""
        return process_of(self.labels)

    @property
    def scrape(self) -> Scrape:
        """The scrape of the process by which it was read."""
        return scrape_of(self.labels)


def single(labels: Labels, samples: Iterable[tuple[float, float]]) -> SeriesGroup:
    """Return the samples of one counter as a group."""
    return SeriesGroup(labels, [(time, (value,)) for time, value in samples])


def aligned(labels: Labels, members: Iterable[Sequence[tuple[float, float]]]) -> SeriesGroup:
    """Return the samples of several series of one process as one group, from the scrapes that hold all of them."""
    by_time = [dict(samples) for samples in members]
    times = sorted(set.intersection(*(set(samples) for samples in by_time))) if by_time else []
    return SeriesGroup(labels, [(time, tuple(samples[time] for samples in by_time)) for time in times])

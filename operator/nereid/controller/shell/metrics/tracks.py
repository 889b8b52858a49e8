"""A track: the samples of counters that begin and are reset together. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nereid.controller.shell.metrics.scrapes import Labels, Process, Scrape, process_of, scrape_of


@dataclass(frozen=True, slots=True)
class Track:
    """The samples, by time, of one counter or of buckets of one histogram."""

    labels: Labels
    samples: Sequence[tuple[float, tuple[float, ...]]]

    @property
    def key(self) -> bytes:
        """What stands for the labels where they are remembered: they are long, and there may be thousands of tracks."""
        return hashlib.blake2b(repr(sorted(self.labels.items())).encode(), digest_size=16).digest()

    @property
    def process(self) -> Process:
        """The process that counted."""
        return process_of(self.labels)

    @property
    def scrape(self) -> Scrape:
        """By which scrape of the process it was read."""
        return scrape_of(self.labels)


def single(labels: Labels, samples: Iterable[tuple[float, float]]) -> Track:
    """Return the samples of one counter as a track."""
    return Track(labels, [(time, (value,)) for time, value in samples])


def aligned(labels: Labels, members: Iterable[Sequence[tuple[float, float]]]) -> Track:
    """Return the samples of several series of one process as one track, from the scrapes that hold all of them."""
    by_time = [dict(samples) for samples in members]
    times = sorted(set.intersection(*(set(samples) for samples in by_time))) if by_time else []
    return Track(labels, [(time, tuple(samples[time] for samples in by_time)) for time in times])

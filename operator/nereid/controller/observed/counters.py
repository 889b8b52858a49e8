"""Turns the values of a metrics provider into valid counts, or into the reason why there are none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Larger whole numbers are not exact as floats, and no counter of requests reaches this.
LARGEST_COUNT: Final = 2**53
# No revision gets more requests between two samples: even in the longest window, that is 270,000 a second.
MOST_PER_SAMPLE: Final = 10**9


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one revision, and how many of them were bad: failed, or slower than the objective."""

    requests: int = 0
    errors: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.requests:
            raise ValueError(f"{self.errors} errors among {self.requests} requests are impossible")

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.requests + other.requests, self.errors + other.errors)


@dataclass(frozen=True, slots=True)
class NoData:
    """Why a sample has no data. It speaks neither for nor against the candidate."""

    reason: str


@dataclass(frozen=True, slots=True)
class Advance:
    """The increase of counters since the last sample, and their values now, by series."""

    series: Mapping[str, int]
    increase: int


def reading(value: float | None) -> int | NoData:
    """Return the value of a counter; NoData if it is not a valid one."""
    if value is None:
        return NoData("the series is missing")
    if math.isnan(value):
        return NoData("the value is not a number")
    if value < 0:
        return NoData(f"the value {value:g} is negative")
    if value > LARGEST_COUNT:
        return NoData(f"the value {value:g} is larger than any counter of requests")
    if value != int(value):
        return NoData(f"the value {value:g} is not a whole number, so it is not a counter")
    return int(value)


def why_too_many(grown: int) -> str | None:
    """Return why a counter cannot have grown by this much between two samples; None if it can."""
    if grown <= MOST_PER_SAMPLE:
        return None
    return f"it grew by {grown:.3g} in one interval, and more than {MOST_PER_SAMPLE:.0e} requests are not believed"


def increase(earlier: int, later: int) -> int:
    """Return by how much a monotone counter grew.

    A smaller value means that it was reset to zero; what it counted between the last sample and the reset is lost.
    """
    return later - earlier if later >= earlier else later


def advance(earlier: Mapping[str, int] | None, samples: Mapping[str, float | None]) -> Advance | NoData:
    """Return how much all series together grew since `earlier`; None means that this is the first sample.

    A series that did not exist before began at zero: Istio makes one for each response code when the first such
    response occurs. A series that is missing for a while keeps its last value. One implausible value makes the whole
    sample no data, as a sum without it would be wrong; the next good sample then covers the gap.
    """
    values: dict[str, int] = {}
    for name, sample in samples.items():
        value = reading(sample)
        if isinstance(value, NoData):
            return NoData(f"{name}: {value.reason}")
        values[name] = value
    if earlier is None:
        return Advance(values, 0)
    grown = {name: increase(earlier.get(name, 0), value) for name, value in values.items()}
    for name, by in grown.items():
        if reason := why_too_many(by):
            return NoData(f"{name}: {reason}")
    return Advance({**earlier, **values}, sum(grown.values()))


def counts(requests: int | NoData, errors: int | NoData) -> Counts | NoData:
    """Return both increases of one revision as counts, unless either is missing or they contradict each other."""
    if isinstance(requests, NoData):
        return requests
    if isinstance(errors, NoData):
        return errors
    if not 0 <= errors <= requests:
        return NoData(f"{errors} errors among {requests} requests are impossible")
    if reason := why_too_many(requests):
        return NoData(f"all series together: {reason}")
    return Counts(requests, errors)

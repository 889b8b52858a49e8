"""What was measured of traffic: counts of both revisions over the same window, and the values of the user's queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from nereid.controller.observed.counters import Counts

# The metrics that are judged: requests that failed; requests that were refused as the client's fault, which a candidate
# does that has other inputs than stable; requests slower than the objective.
ERRORS: Final = "errors"
REJECTIONS: Final = "rejections"
SLOW: Final = "slow"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of both revisions over the same window; stable's are empty where there is no concurrent control."""

    candidate: Counts
    stable: Counts


@dataclass(frozen=True, slots=True)
class QueryReading:
    """The values of a user's query; None where there is no data, or nothing that is a finite number."""

    candidate: float | None
    stable: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted since the last sample. `until` is the end of its window, where the next one begins.

    `triton` is a second view of errors, for people: what Triton itself counted.
    """

    until: datetime
    metrics: Mapping[str, Comparison]
    queries: Mapping[str, QueryReading] = field(default_factory=dict)
    triton: Comparison | None = None


@dataclass(frozen=True, slots=True)
class SampleFailure:
    """Why there is no sample: the provider was down, slow, or told what cannot be. `at` is when it was tried."""

    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What a revision's pods did at a look: inference requests answered since they began, and requests in flight.

    None where it cannot be told.
    """

    requests: int | None
    in_flight: int | None

"""Measurements of traffic: counts of both revisions over the same window, and the values of the user's queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from nereid.controller.observed.counters import Counts

# The metrics that are judged: requests that failed; requests that were rejected as the client's fault, for instance
# because the candidate has other inputs than stable; requests slower than the objective.
ERRORS: Final = "errors"
REJECTIONS: Final = "rejections"
SLOW: Final = "slow"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of both revisions over the same window; stable's are empty if there is no concurrent control."""

    candidate: Counts
    stable: Counts


@dataclass(frozen=True, slots=True)
class QueryReading:
    """The values of a user's query; None if there is no data, or no finite number."""

    candidate: float | None
    stable: float | None = None


@dataclass(frozen=True, slots=True)
class RoutedRequests:
    """Requests to both revisions over the same window, whether or not they can be compared."""

    candidate: int
    stable: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why requests that somebody reports do not count: one word, and a sentence that says what to change."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The counts since the last sample. `until` is the end of its window, where the next one begins.

    `triton` is a second view of errors, for people: Triton's own counts. `routed` is what the callers sent to either
    revision; None if the provider does not know.
    """

    until: datetime
    metrics: Mapping[str, Comparison]
    queries: Mapping[str, QueryReading] = field(default_factory=dict)
    triton: Comparison | None = None
    routed: RoutedRequests | None = None
    left_out: LeftOut | None = None


@dataclass(frozen=True, slots=True)
class SampleFailure:
    """Why there is no sample: the provider was down, slow, or returned invalid data. `at` is when it was tried.

    `reason` is one word for it where the rollout tells of it by that: CountsDisagree.
    """

    at: datetime
    message: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """The activity of a revision's pods: inference requests answered since they started, and requests in flight.

    None if it cannot be measured.
    """

    requests: int | None
    in_flight: int | None

"""Requests for measurements, which the shell carries out: which traffic, of which revisions, since when."""

from dataclasses import dataclass
from datetime import datetime

from nereid.controller.plan.plan import Analysis


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Count the requests of candidate and stable since a moment.

    is_mirrored: the candidate gets copies of requests, which the callers' proxies do not report. has_control: stable
    gets traffic at the same time, from the same clients, and so is counted too. has_other_clients: stable gets traffic
    at the same time from others, as in an A/B test, which only business metrics are about. attempt: how many times in
    a row this failed before; it makes each further attempt a new request. counts_stable: stable's requests are counted
    also where they cannot be compared, as they say how many errors are usual. gateways: the namespaces of the Gateways
    whose word counts. share: the candidate's percentage of the requests of each caller to both revisions; 0 if the
    route gives it none. is_settled: all that is counted came by this route.
    """

    namespace: str
    name: str
    model: str
    candidate: str
    stable: str
    since: datetime
    attempt: int
    is_mirrored: bool
    has_control: bool
    analysis: Analysis
    has_other_clients: bool = False
    counts_stable: bool = False
    gateways: tuple[str, ...] = ()
    share: int = 0
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class ActivityRequest:
    """Read what a revision's pods do. `last_look` is when that was last done; it makes each reading a new request."""

    namespace: str
    name: str
    model: str
    revision: str
    last_look: datetime

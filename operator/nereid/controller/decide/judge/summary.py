"""The evidence from one metric, in numbers for people."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nereid.controller.decide.judge.eprocess import LATER_BEGINNING, EProcess, log_mean
from nereid.controller.decide.judge.evidence import Evidence, Margins, fail_ratios, pass_ratios, within_ratios
from nereid.controller.decide.judge.intervals import Rate, wilson
from nereid.controller.decide.judge.verdict import Limits
from nereid.controller.observed.counters import Counts

# A decision that needs more further requests than this is reported as out of reach.
FORESEEABLE: Final = 10**9


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the evidence is on its way to a decision: reached and needed, as "so many to one".

    `more_requests` is about how many more requests to the candidate that takes at the present rates; None if it would
    never get there.
    """

    reached: float
    needed: float
    more_requests: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of a rollout, for status, command line and dashboards."""

    candidate: Rate | None
    stable: Rate | None
    failing: Progress
    passing: Progress


def summary(evidence: Evidence, limits: Limits, shares: int, *, alone: bool = False) -> Summary:
    """Return the numbers of a metric that gets one of so many shares of alpha.

    alone: there is nothing to compare with, so that the candidate passes by its own rate.
    """
    candidate, stable = _foreseeable(evidence.candidate, evidence.stable)
    totals, requests = (evidence.margins, candidate, stable), candidate.requests
    passing = (evidence.within, within_ratios(*totals[:2])) if alone else (evidence.passing, pass_ratios(*totals))
    return Summary(
        wilson(evidence.candidate),
        wilson(evidence.stable),
        _progress(evidence.failing, limits.log_fail_at(shares), fail_ratios(*totals), requests),
        _progress(passing[0], limits.log_pass_at, passing[1], requests),
    )


def requests_for_pass(margins: Margins, limits: Limits) -> int | None:
    """Return about how many requests to the candidate a pass takes if none of anybody's fails; None: no number does."""
    flawless = Counts(1, 0)
    return _progress(EProcess(), limits.log_pass_at, pass_ratios(margins, flawless, flawless), 1).more_requests


def _foreseeable(candidate: Counts, stable: Counts) -> tuple[Counts, Counts]:
    """Return the totals, scaled down where they are larger than the likelihoods are accurate for."""
    most = max(candidate.requests, stable.requests)
    if most <= FORESEEABLE:
        return candidate, stable
    scaled = (
        Counts(*(part * FORESEEABLE // most for part in (one.requests, one.errors))) for one in (candidate, stable)
    )
    return next(scaled), next(scaled)


def _progress(process: EProcess, log_needed: float, log_ratios: Sequence[float], requests: int) -> Progress:
    log_reached = process.log_value
    paces = [log_ratio / max(1, requests) for log_ratio in log_ratios]
    log_sums = process.log_sums or (math.log(1 - LATER_BEGINNING),) * len(paces)
    missing = 0 if log_reached >= log_needed else _missing(log_sums, paces, log_needed - process.log_start)
    return Progress(math.exp(log_reached), math.exp(log_needed), missing)


def _missing(log_sums: Sequence[float], paces: Sequence[float], log_needed: float) -> int | None:
    """Return about how many more candidate requests are needed, by bisection.

    All requests so far, taken as one interval, give the average gain per request at each point of the grid. Each point
    is assumed to go on at that pace. Bursts, the cap per interval, later beginnings and a changing split of the traffic
    are ignored, so this is a rough figure.
    """

    def is_enough(requests: int) -> bool:
        grown = [log_sum + requests * pace for log_sum, pace in zip(log_sums, paces, strict=True)]
        return log_mean(grown) >= log_needed

    if max(paces, default=0.0) <= 0 or not is_enough(FORESEEABLE):
        return None
    return bisect_left(range(FORESEEABLE), True, lo=1, key=is_enough)  # noqa: FBT003

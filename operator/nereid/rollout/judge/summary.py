"""What the judge knows about one metric, in numbers for people."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nereid.rollout.judge.eprocess import EProcess
from nereid.rollout.judge.evidence import Evidence, fail_ratios, pass_ratios
from nereid.rollout.judge.intervals import Rate, wilson
from nereid.rollout.judge.verdict import Limits


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


def summary(evidence: Evidence, limits: Limits, metrics: int) -> Summary:
    """Return the numbers of one of so many metrics."""
    totals = (evidence.margins, evidence.candidate, evidence.stable)
    requests = evidence.candidate.requests
    return Summary(
        wilson(evidence.candidate),
        wilson(evidence.stable),
        _progress(evidence.failing, limits.log_fail_at(metrics), fail_ratios(*totals), requests),
        _progress(evidence.passing, limits.log_pass_at, pass_ratios(*totals), requests),
    )


def _progress(process: EProcess, log_needed: float, log_ratios: Sequence[float], requests: int) -> Progress:
    """Estimate what is missing from what all requests so far, seen as one interval, say per candidate request.

    Each point of the grid is taken to grow at that pace from where it is; the first alone to reach its share of what is
    needed counts. Bursts, the cap per interval and a changing split of the traffic are ignored, so this is a rough
    figure, rather too small.
    """
    reached, needed = math.exp(process.log_value), math.exp(log_needed)
    if process.log_value >= log_needed:
        return Progress(reached, needed, 0)
    missing = [
        (log_needed + math.log(len(process.log_sums)) - log_sum) / log_ratio * requests
        for log_sum, log_ratio in zip(process.log_sums, log_ratios, strict=False)
        if log_ratio > 0
    ]
    return Progress(reached, needed, max(1, math.ceil(min(missing))) if missing else None)

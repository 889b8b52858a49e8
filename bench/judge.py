"""Run with `make bench-judge`: simulates rollouts and prints what the judge makes of them, beside two usual ways.

Each revision's requests fail independently. The candidate gets 5, 10, 25 and 50% of them for ten minutes each, and every
minute three judges look: the sequential one, a threshold (at most 1% errors; rolled back at the fifth look that misses
it), and Fisher's exact test of all counts so far, repeated at each look.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product

import numpy as np

from nereid.rollout.judge.counters import Counts
from nereid.rollout.judge.evidence import Evidence, Margins, with_interval
from nereid.rollout.judge.hypergeometric import Table, log_tail
from nereid.rollout.judge.verdict import Limits, Verdict, judge

WEIGHTS = tuple(weight for weight in (0.05, 0.10, 0.25, 0.50) for _ in range(10))
BASELINES = (0.001, 0.005, 0.02)
ODDS_RATIOS = (1.0, 1.5, 3.0, 10.0)
REQUESTS_PER_SECOND = (1, 5, 50, 500)
LIMITS = Limits(alpha=0.01, beta=0.05)
MOST_ERRORS = 0.01
MISSES = 5

Look = tuple[Counts, Counts]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one judge ended one rollout: its verdict, and after how many minutes."""

    verdict: Verdict
    minutes: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A candidate's and stable's error rates, and the requests per second to both together."""

    candidate: float
    stable: float
    requests_per_second: float

    def looks(self, generator: np.random.Generator) -> Iterator[Look]:
        """Draw what each minute brings."""
        for weight in WEIGHTS:
            requests = generator.poisson(60 * self.requests_per_second)
            to_candidate = generator.binomial(requests, weight)
            yield (
                Counts(int(to_candidate), int(generator.binomial(to_candidate, self.candidate))),
                Counts(int(requests - to_candidate), int(generator.binomial(requests - to_candidate, self.stable))),
            )


Judge = Callable[[Sequence[Look]], Outcome]


def sequential(margins: Margins) -> Judge:
    """Return the judge of Nereid."""

    def run(looks: Sequence[Look]) -> Outcome:
        evidence = Evidence(margins)
        for minute, (candidate, stable) in enumerate(looks, 1):
            evidence = with_interval(evidence, candidate, stable)
            verdict = judge({"errors": evidence}, LIMITS, is_deadline=minute == len(looks)).verdict
            if verdict == Verdict.FAIL:
                break
        return Outcome(verdict, minute)

    return run


def threshold(looks: Sequence[Look]) -> Outcome:
    """Roll back at the fifth look with more than 1% errors; a look without requests counts for nothing."""
    misses = accumulate(candidate.errors > MOST_ERRORS * candidate.requests for candidate, _ in looks)
    return _first_to_fail(seen >= MISSES for seen in misses)


def repeated_fisher(looks: Sequence[Look]) -> Outcome:
    """Roll back at the first look at which Fisher's one-sided test of all counts so far gives p < alpha."""
    totals = accumulate(looks, lambda total, look: (total[0] + look[0], total[1] + look[1]))
    return _first_to_fail(
        log_tail(Table(candidate.requests, stable.requests, candidate.errors + stable.errors), candidate.errors)
        < math.log(LIMITS.alpha)
        for candidate, stable in totals
    )


def _first_to_fail(failed: Iterator[bool]) -> Outcome:
    minute = next((minute for minute, has_failed in enumerate(failed, 1) if has_failed), None)
    return Outcome(Verdict.PASS, len(WEIGHTS)) if minute is None else Outcome(Verdict.FAIL, minute)


def worse(rate: float, odds_ratio: float) -> float:
    """Return the error rate that is `odds_ratio` times worse in odds."""
    odds = odds_ratio * rate / (1 - rate)
    return odds / (1 + odds)

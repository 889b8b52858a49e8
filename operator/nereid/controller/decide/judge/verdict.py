"""From evidence to a verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nereid.controller.decide.judge.eprocess import CEILING
from nereid.controller.decide.judge.evidence import Evidence

# Alpha is shared among so many metrics at most: a spec has 13, more can only come from edits.
MOST_SHARES: Final = 50
# At this alpha, MOST_SHARES / alpha is still well below the ceiling of the evidence.
LEAST_PROBABILITY: Final = 0.001


class Verdict(StrEnum):
    """The judge's verdict on a candidate."""

    PASS = "Pass"  # noqa: S105
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    CONTINUE = "Continue"


@dataclass(frozen=True, slots=True)
class Limits:
    """How often the judge may be wrong.

    alpha: the probability, over a whole rollout and all its metrics, to fail a candidate that is within what is
    tolerated. beta: the probability, at one exposure and over all rollouts of a revision, to pass one that is as bad
    there as a pass must rule out. trial: the number of this rollout among those of the revision.
    """

    alpha: float = 0.01
    beta: float = 0.05
    trial: int = 1

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not LEAST_PROBABILITY <= value < 1:
                raise ValueError(f"{name} is {value}; it must be at least {LEAST_PROBABILITY:g} and below 1")

    def log_fail_at(self, shares: int) -> float:
        """Return log(shares / alpha), where a metric fails that gets an equal share of alpha."""
        return math.log(min(shares, MOST_SHARES) / self.alpha)

    @property
    def log_pass_at(self) -> float:
        """Return where a metric passes. All must, so beta need not be shared among them.

        The k-th rollout of a revision gets the part 6 / (pi k)^2 of beta; all parts together are 1. So who retries a
        revision for ever gets a bad one through with probability beta, and the first rollout, which most are, needs 33
        to 1 instead of 20 to 1. No rollout needs more than evidence can reach.
        """
        return self.log_shown_at(1)

    def log_shown_at(self, choices: int) -> float:
        """Return where evidence for a candidate is enough if any one of so many metrics decides: they share beta."""
        part = 6 / (math.pi * self.trial) ** 2 / choices
        return min(-math.log(self.beta * part), math.log(CEILING / 2))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the metrics that led to it: those that failed, or those that still lack evidence."""

    verdict: Verdict
    metrics: tuple[str, ...] = ()


def judge(evidence: Mapping[str, Evidence], limits: Limits, shares: int | None = None) -> Judgement:
    """Judge the metrics of a rollout, by name; alpha is shared among `shares` metrics, by default among these.

    One failing metric fails the candidate, whatever the others are; it passes only when all pass. Without metrics the
    verdict is Continue.
    """
    log_fail_at = limits.log_fail_at(max(shares or 0, len(evidence), 1))
    failing = tuple(name for name, metric in evidence.items() if metric.failing.log_value >= log_fail_at)
    if failing:
        return Judgement(Verdict.FAIL, failing)
    undecided = tuple(name for name, metric in evidence.items() if metric.passing.log_value < limits.log_pass_at)
    if evidence and not undecided:
        return Judgement(Verdict.PASS)
    return Judgement(Verdict.CONTINUE, undecided)

"""From evidence to a verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nereid.controller.decide.judge.evidence import Evidence

MOST_METRICS: Final = 10
# At this alpha, MOST_METRICS / alpha is still well below the ceiling of the evidence.
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
    tolerated. beta: the probability to pass one that is as bad as a pass must rule out.
    """

    alpha: float = 0.01
    beta: float = 0.05

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not LEAST_PROBABILITY <= value < 1:
                raise ValueError(f"{name} is {value}; it must be at least {LEAST_PROBABILITY:g} and below 1")

    def log_fail_at(self, metrics: int) -> float:
        """Return log(metrics / alpha), where one of so many metrics fails: each gets an equal share of alpha."""
        return math.log(metrics / self.alpha)

    @property
    def log_pass_at(self) -> float:
        """Return log(1 / beta), where a metric passes. All must, so beta need not be shared."""
        return -math.log(self.beta)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the metrics that led to it: those that failed, or those that still lack evidence."""

    verdict: Verdict
    metrics: tuple[str, ...] = ()


def judge(evidence: Mapping[str, Evidence], limits: Limits) -> Judgement:
    """Judge the metrics of a rollout, by name, MOST_METRICS at most. They must be the same for the whole rollout.

    One failing metric fails the candidate, whatever the others are; it passes only when all pass. Without metrics the
    verdict is Continue.
    """
    if len(evidence) > MOST_METRICS:
        raise ValueError(
            f"The judge takes {MOST_METRICS} metrics at most, not {len(evidence)}: alpha is shared among them"
        )
    failing = tuple(
        name for name, metric in evidence.items() if metric.failing.log_value >= limits.log_fail_at(len(evidence))
    )
    if failing:
        return Judgement(Verdict.FAIL, failing)
    undecided = tuple(name for name, metric in evidence.items() if metric.passing.log_value < limits.log_pass_at)
    if evidence and not undecided:
        return Judgement(Verdict.PASS)
    return Judgement(Verdict.CONTINUE, undecided)

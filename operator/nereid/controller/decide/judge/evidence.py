"""The evidence that a candidate is worse than is tolerated, and the evidence that it is not much worse.

Per interval both revisions' requests and the sum of their errors are taken as given. The candidate's errors then follow
Fisher's noncentral hypergeometric distribution with the odds ratio OR as parameter, whatever the error rate and the
split of the traffic just were. This is the sequential comparison of counts of M. Lindon and A. Malek, Anytime-Valid
Inference for Multinomial Count Data, NeurIPS 2022, conditioned on the total.

- Fail: P(x; OR) / P(x; tolerated) for a grid of OR above `tolerated`, against the hypothesis OR <= tolerated.
- Pass: P(x; OR) / P(x; against) for a grid of OR below `against`, against the hypothesis OR >= against.
- Beyond: binomial likelihood ratios of the candidate's own errors, against the hypothesis that its error rate is at
  most `ceiling`, whatever stable's is. One interval may decide this, as the ceiling is absolute.

The boundary stands for its whole hypothesis because the family has a monotone likelihood ratio in x: the fail ratio
grows with x, and x is stochastically smallest for the smallest OR, so the mean of the ratio is 1 at the boundary and
less inside. For pass everything is mirrored. OR may change from interval to interval.

Without a single error there is nothing to compare, and two flawless revisions would never pass. `negligible`, if set,
narrows the hypothesis that a pass must reject: OR >= against *and* the candidate's error rate >= negligible. Evidence
against either half is evidence against both together, so binomial likelihood ratios of rates below `negligible` join
the pass grid; they are monotone in x likewise.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from nereid.controller.decide.judge.eprocess import EProcess, is_possible, multiplied
from nereid.controller.decide.judge.hypergeometric import Table, log_likelihood
from nereid.controller.observed.counters import LARGEST_COUNT, Counts

# Multiples of the odds ratio, or rate, at the boundary. Those for failing reach far: a broken model fails everything. A
# third of `against` is, by default, no difference at all.
FAILING_ODDS: Final = (math.sqrt(2), 2.0, 4.0, 8.0, 16.0, 32.0)
PASSING_ODDS: Final = (1 / 2, 1 / 3, 1 / 6)
PASSING_RATES: Final = (1 / 2, 1 / 10)
# Multiples of the odds at the ceiling.
BEYOND_ODDS: Final = (2.0, 4.0, 16.0, 64.0)
LEAST_ODDS: Final = 0.1
MOST_ODDS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse than stable is tolerated, and how bad the evidence must rule out before a candidate passes."""

    tolerated: float = 1.5
    against: float = 3.0
    negligible: float | None = None
    ceiling: float | None = None

    def __post_init__(self) -> None:
        if not LEAST_ODDS <= self.tolerated < self.against <= MOST_ODDS:
            raise ValueError(
                f"The odds ratios tolerated ({self.tolerated}) and against ({self.against}) must rise and lie between "
                f"{LEAST_ODDS} and {MOST_ODDS}"
            )
        if self.negligible is not None and not 0 < self.negligible < 1:
            raise ValueError(f"The negligible rate {self.negligible} must be above 0 and below 1")
        if self.ceiling is not None and not 0 < self.ceiling < 1:
            raise ValueError(f"The ceiling {self.ceiling} must be above 0 and below 1")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence from one metric of one rollout so far."""

    margins: Margins = field(default_factory=Margins)
    candidate: Counts = field(default_factory=Counts)
    stable: Counts = field(default_factory=Counts)
    failing: EProcess = field(default_factory=EProcess)
    passing: EProcess = field(default_factory=EProcess)
    beyond: EProcess = field(default_factory=EProcess)

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as status holds it: about twenty numbers, without rounding."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Evidence":
        """Return the evidence from status; new evidence if it is not one that the operator can have written."""
        return cls._read(document) or cls()

    @classmethod
    def is_readable(cls, document: Mapping[str, Any]) -> bool:
        """Whether the document holds evidence, with values that evidence can have."""
        return cls._read(document) is not None

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> "Evidence | None":
        try:
            return cls._from_valid(document)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            return None

    @classmethod
    def _from_valid(cls, document: Mapping[str, Any]) -> "Evidence":
        margins = Margins(**document["margins"])
        failing, passing, beyond = (_process(document[name]) for name in ("failing", "passing", "beyond"))
        passing_points = len(PASSING_ODDS) + (len(PASSING_RATES) if margins.negligible is not None else 0)
        points = {failing: len(FAILING_ODDS), passing: passing_points, beyond: len(BEYOND_ODDS)}
        if not all(len(process.log_sums) in (0, size) for process, size in points.items()):
            return cls(margins)
        candidate, stable = (_counts(document[name]) for name in ("candidate", "stable"))
        return cls(margins, candidate, stable, failing, passing, beyond)


def with_interval(evidence: Evidence, candidate: Counts, stable: Counts) -> Evidence:
    """Return the evidence after one more interval.

    An interval in which a revision had no requests, or whose numbers leave the candidate's errors only one possible
    value (no errors at all, or nothing else), is counted in the totals and changes no evidence about odds.
    """
    failing = fail_ratios(evidence.margins, candidate, stable)
    passing = pass_ratios(evidence.margins, candidate, stable)
    return replace(
        alone(evidence, candidate),
        stable=evidence.stable + stable,
        failing=multiplied(evidence.failing, failing) if any(failing) else evidence.failing,
        passing=multiplied(evidence.passing, passing) if any(passing) else evidence.passing,
    )


def alone(evidence: Evidence, candidate: Counts) -> Evidence:
    """Return the evidence after one more interval of the candidate alone, with nothing to compare it with."""
    beyond = beyond_ratios(evidence.margins, candidate)
    return replace(
        evidence,
        candidate=evidence.candidate + candidate,
        beyond=multiplied(evidence.beyond, beyond, cap=math.inf) if any(beyond) else evidence.beyond,
    )


def fail_ratios(margins: Margins, candidate: Counts, stable: Counts) -> tuple[float, ...]:
    """Return log P(x; OR) - log P(x; tolerated) for each OR of the fail grid."""
    return _odds_ratios(margins.tolerated, FAILING_ODDS, candidate, stable)


def pass_ratios(margins: Margins, candidate: Counts, stable: Counts) -> tuple[float, ...]:
    """Return log P(x; OR) - log P(x; against) for each OR of the pass grid, then the same for each rate, if any."""
    odds = _odds_ratios(margins.against, PASSING_ODDS, candidate, stable)
    if margins.negligible is None:
        return odds
    return (*odds, *(_rate_ratio(margins.negligible, factor, candidate) for factor in PASSING_RATES))


def beyond_ratios(margins: Margins, candidate: Counts) -> tuple[float, ...]:
    """Return the logarithm of the binomial likelihood ratio of each rate above the ceiling, if there is a ceiling."""
    if margins.ceiling is None:
        return ()
    odds = margins.ceiling / (1 - margins.ceiling)
    factors = (factor * odds / (1 + factor * odds) / margins.ceiling for factor in BEYOND_ODDS)
    return tuple(_rate_ratio(margins.ceiling, factor, candidate) for factor in factors)


def _odds_ratios(boundary: float, factors: tuple[float, ...], candidate: Counts, stable: Counts) -> tuple[float, ...]:
    table = Table(candidate.requests, stable.requests, candidate.errors + stable.errors)
    if not table.is_informative:
        return (0.0,) * len(factors)
    at_boundary = log_likelihood(table, candidate.errors, boundary)
    return tuple(log_likelihood(table, candidate.errors, boundary * factor) - at_boundary for factor in factors)


def _rate_ratio(boundary: float, factor: float, candidate: Counts) -> float:
    """Return the logarithm of (q/p)^x ((1-q)/(1-p))^(n-x) for the rates p at the boundary and q = p * factor."""
    good = candidate.requests - candidate.errors
    log_good = math.log1p(-boundary * factor) - math.log1p(-boundary)
    return candidate.errors * math.log(factor) + good * log_good


def _process(document: Mapping[str, Any]) -> EProcess:
    process = EProcess(document["intervals"], tuple(document["log_sums"]))
    if not is_possible(process):
        raise ValueError("no intervals lead to this process")
    return process


def _counts(document: Mapping[str, Any]) -> Counts:
    counts = Counts(**document)
    if not all(type(count) is int and count <= LARGEST_COUNT for count in (counts.requests, counts.errors)):
        raise ValueError("no counters add up to this")
    return counts

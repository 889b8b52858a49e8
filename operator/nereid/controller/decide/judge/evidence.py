"""The evidence that a candidate is worse than is tolerated, and the evidence that it is not much worse.

Per interval both revisions' requests and the sum of their errors are taken as given. The candidate's errors then follow
Fisher's noncentral hypergeometric distribution with the odds ratio OR as parameter, whatever the error rate and the
split of the traffic just were. This is the sequential comparison of counts of M. Lindon and A. Malek, Anytime-Valid
Inference for Multinomial Count Data, NeurIPS 2022, conditioned on the total.

- Fail: P(x; OR) / P(x; tolerated) for a grid of OR above `tolerated`, against the hypothesis OR <= tolerated.
- Pass: P(x; OR) / P(x; against) for a grid of OR below `against`, against the hypothesis OR >= against.
- Beyond: binomial likelihood ratios of the candidate's own errors, against the hypothesis that its error rate is at
  most `ceiling`, whatever stable's is. One interval decides this only if half of at least 50 requests failed in it.
- Within: the mirror image of beyond, against the hypothesis that its error rate is at least `ceiling`. Where there is
  nothing to compare with, this is what a pass takes.
- Better and worse, of business metrics: as pass and fail, with the odds ratio 1 as the boundary.

The boundary stands for its whole hypothesis because the family has a monotone likelihood ratio in x: the fail ratio
grows with x, and x is stochastically smallest for the smallest OR, so the mean of the ratio is 1 at the boundary and
less inside. For pass everything is mirrored. OR may change from interval to interval.

Without a single error there is nothing to compare, and two flawless revisions would never pass. `negligible`, if set,
narrows the hypothesis that a pass must reject: OR >= against *and* the candidate's error rate >= negligible. Evidence
against either half is evidence against both together, so binomial likelihood ratios of rates below `negligible` join
the pass grid; they are monotone in x likewise.

Errors that come in bursts of about b are b times fewer facts than they look. With `burst` b, each likelihood ratio L is
taken as L^(1/b), which is the likelihood ratio of b times fewer requests and errors (exactly so for a rate, nearly for
odds while errors are rare). As E(L^(1/b)) <= E(L)^(1/b) <= 1, it holds for independent errors just as well.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from nereid.controller.decide.judge.eprocess import CAP, EProcess, begun_anew, is_possible, multiplied
from nereid.controller.decide.judge.hypergeometric import Table, log_likelihood
from nereid.controller.observed.counters import LARGEST_COUNT, Counts

# Multiples of the odds ratio, or rate, at the boundary. Those for failing reach far: a broken model fails everything. A
# third of `against` is, by default, no difference at all.
FAILING_ODDS: Final = (math.sqrt(2), 2.0, 4.0, 8.0, 16.0, 32.0)
PASSING_ODDS: Final = (1 / 2, 1 / 3, 1 / 6)
PASSING_RATES: Final = (1 / 2, 1 / 10)
# Multiples of the odds at the ceiling.
BEYOND_ODDS: Final = (2.0, 4.0, 16.0, 64.0)
# Odds ratios of business metrics, which differ by less: nine tenths as many are a success already.
BETTER_ODDS: Final = (0.9, 0.75, 0.5, 0.25)
WORSE_ODDS: Final = tuple(1 / odds for odds in BETTER_ODDS)
# A single interval may be beyond the ceiling with so many requests, if this share of them was bad.
OUTRIGHT_REQUESTS: Final = 50
OUTRIGHT_SHARE: Final = 0.5
LEAST_ODDS: Final = 0.1
MOST_ODDS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse than stable is tolerated, and how bad the evidence must rule out before a candidate passes.

    `burst`: about how many errors have one cause, so that they come together.
    """

    tolerated: float = 1.5
    against: float = 3.0
    negligible: float | None = None
    ceiling: float | None = None
    burst: int = 1

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
        if self.burst < 1:
            raise ValueError(f"Bursts of {self.burst} errors must be of 1 at least")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence from one metric of one rollout so far.

    failing, beyond and worse are about the whole rollout; passing, within and better about the present exposure.
    `subject` is what counts as bad, where the spec says that; None where it is always the same.
    """

    margins: Margins = field(default_factory=Margins)
    candidate: Counts = field(default_factory=Counts)
    stable: Counts = field(default_factory=Counts)
    failing: EProcess = field(default_factory=EProcess)
    passing: EProcess = field(default_factory=EProcess)
    beyond: EProcess = field(default_factory=EProcess)
    within: EProcess = field(default_factory=EProcess)
    better: EProcess = field(default_factory=EProcess)
    worse: EProcess = field(default_factory=EProcess)
    subject: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as status holds it: about thirty numbers, without rounding."""
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
        processes = {name: _process(document.get(name)) for name in _PROCESSES}
        sizes = _sizes(margins)
        if not all(len(process.log_sums) in (0, sizes[name]) for name, process in processes.items()):
            return cls(margins)
        candidate, stable = (_counts(document[name]) for name in ("candidate", "stable"))
        return cls(margins, candidate, stable, **processes, subject=_subject(document))


def with_interval(
    evidence: Evidence, candidate: Counts, stable: Counts, *, at_exposure: bool = True, decides: bool = False
) -> Evidence:
    """Return the evidence after one more interval.

    An interval in which a revision had no requests, or whose numbers leave the candidate's errors only one possible
    value (no errors at all, or nothing else), is counted in the totals and changes no evidence about odds.

    at_exposure: the whole interval was at the present exposure; otherwise it cannot speak for a pass at it. decides:
    whether the candidate is better or worse than stable is of interest too.
    """
    margins = evidence.margins
    after = replace(
        alone(evidence, candidate, at_exposure=at_exposure),
        stable=evidence.stable + stable,
        failing=_after(evidence.failing, fail_ratios(margins, candidate, stable)),
    )
    if at_exposure:
        after = replace(after, passing=_after(after.passing, pass_ratios(margins, candidate, stable)))
    if decides:
        after = replace(after, worse=_after(after.worse, _odds_ratios(margins, 1.0, WORSE_ODDS, candidate, stable)))
    if decides and at_exposure:
        after = replace(after, better=_after(after.better, _odds_ratios(margins, 1.0, BETTER_ODDS, candidate, stable)))
    return after


def alone(evidence: Evidence, candidate: Counts, *, at_exposure: bool = True) -> Evidence:
    """Return the evidence after one more interval of the candidate alone, with nothing to compare it with."""
    margins = evidence.margins
    is_outright = (
        candidate.requests >= OUTRIGHT_REQUESTS * margins.burst
        and candidate.errors >= OUTRIGHT_SHARE * candidate.requests
    )
    within = within_ratios(margins, candidate) if at_exposure else ()
    return replace(
        evidence,
        candidate=evidence.candidate + candidate,
        beyond=_after(evidence.beyond, beyond_ratios(margins, candidate), math.inf if is_outright else CAP),
        within=_after(evidence.within, within),
    )


def at_another_exposure(evidence: Evidence) -> Evidence:
    """Return the evidence as the candidate gets more traffic: what was shown for a pass was shown of less."""
    return replace(evidence, passing=EProcess(), within=EProcess(), better=EProcess())


def refitted(evidence: Evidence, margins: Margins, subject: str | None) -> Evidence:
    """Return the evidence as the margins, or what counts as bad, were edited.

    Evidence against a hypothesis that is another one now begins anew, and the counts with their subject; what is about
    a hypothesis that still stands goes on.
    """
    before = evidence.margins
    # An older status does not say what counted as bad: the same as now, as far as anybody knows.
    is_same = evidence.subject in {None, subject}
    if not is_same or margins.burst != before.burst:
        return Evidence(
            margins,
            evidence.candidate if is_same else Counts(),
            evidence.stable if is_same else Counts(),
            **{name: begun_anew(getattr(evidence, name)) for name in _PROCESSES},
            subject=subject,
        )
    if margins.tolerated != before.tolerated:
        evidence = replace(evidence, failing=begun_anew(evidence.failing))
    if (margins.against, margins.negligible) != (before.against, before.negligible):
        evidence = replace(evidence, passing=begun_anew(evidence.passing))
    if margins.ceiling != before.ceiling:
        evidence = replace(evidence, beyond=begun_anew(evidence.beyond), within=begun_anew(evidence.within))
    return replace(evidence, margins=margins, subject=subject)


def fail_ratios(margins: Margins, candidate: Counts, stable: Counts) -> tuple[float, ...]:
    """Return log P(x; OR) - log P(x; tolerated) for each OR of the fail grid."""
    return _odds_ratios(margins, margins.tolerated, FAILING_ODDS, candidate, stable)


def pass_ratios(margins: Margins, candidate: Counts, stable: Counts) -> tuple[float, ...]:
    """Return log P(x; OR) - log P(x; against) for each OR of the pass grid, then the same for each rate, if any."""
    odds = _odds_ratios(margins, margins.against, PASSING_ODDS, candidate, stable)
    if margins.negligible is None:
        return odds
    return (*odds, *_rate_ratios(margins, margins.negligible, PASSING_RATES, candidate))


def beyond_ratios(margins: Margins, candidate: Counts) -> tuple[float, ...]:
    """Return the logarithm of the binomial likelihood ratio of each rate above the ceiling, if there is a ceiling."""
    if margins.ceiling is None:
        return ()
    odds = margins.ceiling / (1 - margins.ceiling)
    factors = tuple(factor * odds / (1 + factor * odds) / margins.ceiling for factor in BEYOND_ODDS)
    return _rate_ratios(margins, margins.ceiling, factors, candidate)


def within_ratios(margins: Margins, candidate: Counts) -> tuple[float, ...]:
    """Return the logarithm of the binomial likelihood ratio of each rate below the ceiling, if there is a ceiling."""
    return () if margins.ceiling is None else _rate_ratios(margins, margins.ceiling, PASSING_RATES, candidate)


def _odds_ratios(
    margins: Margins, boundary: float, factors: tuple[float, ...], candidate: Counts, stable: Counts
) -> tuple[float, ...]:
    table = Table(candidate.requests, stable.requests, candidate.errors + stable.errors)
    if not table.is_informative:
        return (0.0,) * len(factors)
    at_boundary = log_likelihood(table, candidate.errors, boundary)
    return tuple(
        (log_likelihood(table, candidate.errors, boundary * factor) - at_boundary) / margins.burst for factor in factors
    )


def _rate_ratios(margins: Margins, boundary: float, factors: tuple[float, ...], candidate: Counts) -> tuple[float, ...]:
    return tuple(_rate_ratio(boundary, factor, candidate) / margins.burst for factor in factors)


def _rate_ratio(boundary: float, factor: float, candidate: Counts) -> float:
    """Return the logarithm of (q/p)^x ((1-q)/(1-p))^(n-x) for the rates p at the boundary and q = p * factor."""
    good = candidate.requests - candidate.errors
    log_good = math.log1p(-boundary * factor) - math.log1p(-boundary)
    return candidate.errors * math.log(factor) + good * log_good


def _after(process: EProcess, ratios: tuple[float, ...], cap: float = CAP) -> EProcess:
    return multiplied(process, ratios, cap) if any(ratios) else process


_PROCESSES: Final = ("failing", "passing", "beyond", "within", "better", "worse")


def _sizes(margins: Margins) -> dict[str, int]:
    rates = len(PASSING_RATES)
    return {
        "failing": len(FAILING_ODDS),
        "passing": len(PASSING_ODDS) + (rates if margins.negligible is not None else 0),
        "beyond": len(BEYOND_ODDS),
        "within": rates,
        "better": len(BETTER_ODDS),
        "worse": len(WORSE_ODDS),
    }


def _process(document: Mapping[str, Any] | None) -> EProcess:
    """Return the process that a status holds; one that an older status does not have begins now."""
    if document is None:
        return EProcess()
    process = EProcess(document["intervals"], tuple(document["log_sums"]), document.get("log_start", 0.0))
    if not is_possible(process):
        raise ValueError("no intervals lead to this process")
    return process


def _counts(document: Mapping[str, Any]) -> Counts:
    counts = Counts(**document)
    if not all(type(count) is int and count <= LARGEST_COUNT for count in (counts.requests, counts.errors)):
        raise ValueError("no counters add up to this")
    return counts


def _subject(document: Mapping[str, Any]) -> str | None:
    subject = document.get("subject")
    if not isinstance(subject, str | None):
        raise TypeError("a subject is text")
    return subject

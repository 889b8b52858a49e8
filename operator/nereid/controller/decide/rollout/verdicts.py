"""From evidence to a verdict on the candidate, at its present exposure.

Two revisions can be compared if both get requests of the same clients at the same time: in a canary and in a shadow.
In blue/green and A/B tests they do not. There a candidate passes by evidence that its rates lie within the guard's
ceilings: that nothing was proven against it is no pass. An A/B test with business metrics is decided by these, which
compare what the two groups of people did: one that is worse fails it; it passes when one is better and each other one
is better or has passed as in a canary.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nereid.api.status import ComparisonName, VerdictName
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.verdict import Limits, Verdict, judge
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.state import Failure, RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.plan.plan import Analysis


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and why the candidate must not go on, if so."""

    verdict: VerdictName
    failure: Failure | None = None


def limits(analysis: Analysis, trial: int = 1) -> Limits:
    """Return how often the judge may be wrong; `trial` is the number of the rollout among those of the candidate."""
    return Limits(analysis.alpha, analysis.beta, trial)


def has_control(state: RolloutState) -> bool:
    """Whether stable gets requests of the same clients at the same time as the candidate."""
    return 0 < state.exposure.weight < FULL or state.exposure.mirror > 0


def verdict(analysis: Analysis, state: RolloutState, gathered: Mapping[str, Evidence], shares: int) -> Judged:
    """Return the verdict of the evidence; alpha is shared among `shares` metrics."""
    if has_control(state):
        return _compared(analysis, limits(analysis, state.trial), gathered, shares)
    if state.exposure.matched and analysis.business:
        return _of_ab_test(analysis, state, gathered, shares)
    return Judged("Pass" if not lacking(analysis, state, gathered) else "Continue")


def business_metrics(analysis: Analysis) -> frozenset[str]:
    """Return the names of the business metrics."""
    return frozenset(metric.name for metric in analysis.business)


def comparison(analysis: Analysis, evidence: Evidence, bounds: Limits, shares: int) -> ComparisonName:
    """Return whether a business metric of the candidate is better or worse than stable's, as far as it is shown."""
    if evidence.worse.log_value >= bounds.log_fail_at(shares):
        return "Worse"
    return "Better" if evidence.better.log_value >= log_better_at(analysis, bounds) else "Undecided"


def log_better_at(analysis: Analysis, bounds: Limits) -> float:
    """Return where a business metric is better: one of them may decide, so they share what is allowed for a pass."""
    return bounds.log_shown_at(max(1, len(analysis.business)))


def _of_ab_test(analysis: Analysis, state: RolloutState, gathered: Mapping[str, Evidence], shares: int) -> Judged:
    bounds = limits(analysis, state.trial)
    metrics = {name: gathered[name] for name in sorted(business_metrics(analysis))}
    compared = {name: comparison(analysis, one, bounds, shares) for name, one in metrics.items()}
    worse = [_business_sentence(name, metrics[name]) for name, found in compared.items() if found == "Worse"]
    if worse:
        return Judged("Fail", Failure("AnalysisFailed", "; ".join(worse), is_harmful=True))
    is_better = "Better" in compared.values() and all(
        found == "Better" or metrics[name].passing.log_value >= bounds.log_pass_at for name, found in compared.items()
    )
    return Judged("Pass" if is_better and not lacking(analysis, state, gathered) else "Continue")


def _compared(analysis: Analysis, bounds: Limits, gathered: Mapping[str, Evidence], shares: int) -> Judged:
    judgement = judge(gathered, bounds, shares)
    if judgement.verdict is Verdict.FAIL:
        business = business_metrics(analysis)
        sentences = [
            (_business_sentence if name in business else _sentence)(name, gathered[name]) for name in judgement.metrics
        ]
        return Judged("Fail", Failure("AnalysisFailed", "; ".join(sentences), is_harmful=True))
    return Judged("Pass" if judgement.verdict is Verdict.PASS else "Continue")


def lacking(analysis: Analysis, state: RolloutState, gathered: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Return the metrics of which it is not shown that they lie within the guard's ceiling.

    A preview has the requests that somebody sends to look at it, perhaps none. It only has to show something once one
    of them was bad; the traffic that follows is judged in any case.
    """
    needed = limits(analysis, state.trial).log_pass_at
    guarded = {name: one for name, one in gathered.items() if one.margins.ceiling is not None}
    if state.exposure.preview:
        guarded = {name: one for name, one in guarded.items() if one.candidate.errors}
    least = analysis.guard.min_requests if state.exposure.matched else 0
    return tuple(
        name for name, one in guarded.items() if one.within.log_value < needed or one.candidate.requests < least
    )


def _sentence(metric: str, evidence: Evidence) -> str:
    candidate, stable = (share(counts) for counts in (evidence.candidate, evidence.stable))
    return f"more {metric} than stable: {candidate}, compared with {stable}"


def _business_sentence(metric: str, evidence: Evidence) -> str:
    candidate, stable = (share(counts, "outcomes") for counts in (evidence.candidate, evidence.stable))
    return f"{metric} is worse than stable's: {candidate} were bad, compared with {stable}"


def share(counts: Counts, what: str = "requests") -> str:
    """Write which share of requests was bad."""
    rate = wilson(counts)
    return f"{rate.estimate:.1%} of {counts.requests} {what}" if rate else f"no {what}"

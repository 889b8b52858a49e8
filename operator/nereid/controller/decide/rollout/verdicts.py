"""From evidence to a verdict on the candidate, at its present exposure.

Two revisions can be compared if both get requests of the same clients at the same time: in a canary and in a shadow.
In blue/green and A/B tests they do not. There a candidate passes by evidence that its rates lie within the guard's
ceilings: that nothing was proven against it is no pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nereid.api.status import VerdictName
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
        return _compared(limits(analysis, state.trial), gathered, shares)
    return Judged("Pass" if not lacking(analysis, state, gathered) else "Continue")


def _compared(bounds: Limits, gathered: Mapping[str, Evidence], shares: int) -> Judged:
    judgement = judge(gathered, bounds, shares)
    if judgement.verdict is Verdict.FAIL:
        sentences = [_sentence(name, gathered[name]) for name in judgement.metrics]
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


def share(counts: Counts) -> str:
    """Write which share of requests was bad."""
    rate = wilson(counts)
    return f"{rate.estimate:.1%} of {counts.requests} requests" if rate else "no requests"

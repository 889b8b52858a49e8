"""From what was measured to what it means for the rollout: the guard, the judge, and the user's queries.

Two revisions can be compared where both get requests of the same clients at the same time: in a canary and in a shadow.
In blue/green and A/B tests they do not; there the guard, the queries and the checks decide.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.status import QueryStatus, VerdictName
from nereid.controller.decide.asks import SampleRequest
from nereid.controller.decide.judge.evidence import Evidence, Margins, alone, with_interval
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.verdict import Limits, Verdict, judge
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.stage import TAKEN_BACK
from nereid.controller.decide.rollout.state import Failure, RolloutState, whole_second
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, SLOW, Comparison, QueryReading, Sample, SampleFailure
from nereid.controller.plan.plan import Analysis, Plan, Query

# As many provider errors in a row pause the rollout.
MOST_ERRORS: Final = 4


def new_analysis(plan: Plan, now: datetime) -> AnalysisState | None:
    """Return the state of an analysis that counts from now on; None when nothing is judged.

    Prometheus knows what its counters were. Triton's own have to be read once, at once, to be compared with later.
    """
    analysis, begin = plan.rollout.analysis, whole_second(now)
    if analysis.provider == "None":
        return None
    looked_at = begin - timedelta(seconds=analysis.interval - 1) if analysis.provider == "Triton" else begin
    return AnalysisState(sampled_at=begin, looked_at=looked_at)


def limits(analysis: Analysis) -> Limits:
    """Return how often the judge may be wrong."""
    return Limits(analysis.alpha, analysis.beta)


def has_control(state: RolloutState) -> bool:
    """Whether stable gets requests of the same clients at the same time as the candidate."""
    return 0 < state.exposure.weight < FULL or state.exposure.mirror > 0


def next_look(plan: Plan, state: RolloutState) -> datetime | None:
    """Return when the candidate is to be looked at next; None while there is nothing to look at."""
    if not state.analysis or not _is_judged(plan, state):
        return None
    return state.analysis.looked_at + timedelta(seconds=plan.rollout.analysis.interval)


def _is_judged(plan: Plan, state: RolloutState) -> bool:
    if not state.stable or not state.candidate or state.stage in TAKEN_BACK:
        return False
    return state.exposure.has_traffic and plan.rollout.analysis.provider != "None"


def wanted_sample(plan: Plan, state: RolloutState, now: datetime) -> SampleRequest | None:
    """Return what is to be measured now, if anything is."""
    due = next_look(plan, state)
    if due is None or now < due or not state.analysis or not state.stable or not state.candidate:
        return None
    return SampleRequest(
        namespace=plan.owner.namespace,
        name=plan.owner.name,
        model=plan.model_name,
        candidate=state.candidate,
        stable=state.stable,
        since=state.analysis.sampled_at,
        attempt=state.analysis.errors,
        is_mirrored=state.exposure.mirror > 0,
        has_control=has_control(state),
        analysis=plan.rollout.analysis,
    )


def with_sample(
    plan: Plan, state: RolloutState, sample: Sample | SampleFailure | None, now: datetime
) -> tuple[RolloutState, Failure | None]:
    """Return the state with what a sample says, and why the candidate must not go on, if so.

    A sample that is not due, as somebody has changed the spec meanwhile, says nothing. Where the spec asks for an
    analysis only since the rollout began, it begins now.
    """
    kept = state.analysis
    if kept is None:
        return (replace(state, analysis=new_analysis(plan, now)) if _is_judged(plan, state) else state), None
    if sample is None or wanted_sample(plan, state, now) is None:
        return state, None
    if isinstance(sample, SampleFailure):
        return replace(state, analysis=_with_failure(kept, sample.message, now)), None
    if sample.until <= kept.sampled_at:
        # A clock was set back in between. To ask again needs another request than the one that this answers.
        return replace(state, analysis=_with_failure(kept, "the clock was set back between two samples", now)), None
    return _with_result(plan, state, kept, sample, now)


def _with_failure(kept: AnalysisState, error: str, now: datetime) -> AnalysisState:
    return replace(kept, looked_at=whole_second(now), errors=kept.errors + 1, error=error)


def _with_result(
    plan: Plan, state: RolloutState, kept: AnalysisState, sample: Sample, now: datetime
) -> tuple[RolloutState, Failure | None]:
    analysis, controlled = plan.rollout.analysis, has_control(state)
    evidence = _evidence(analysis, kept.evidence, sample.metrics, controlled=controlled)
    queries = tuple(_read(query, kept.queries, sample.queries.get(query.name)) for query in analysis.queries)
    failure = _beyond_guard(analysis, evidence) or _beyond_limit(analysis, queries)
    passed = all(query.passed for query in queries)
    if controlled:
        verdict, worse = _compared(analysis, evidence, passed=passed)
    else:
        verdict, worse = ("Pass" if passed and _is_seen(plan, state, evidence) else "Continue"), None
    judged = replace(
        kept,
        sampled_at=sample.until,
        looked_at=whole_second(now),
        evidence=evidence,
        queries=queries,
        verdict="Fail" if failure else verdict,
        errors=0,
        error=None,
        triton=_added(kept.triton, sample.triton),
    )
    return replace(state, analysis=judged), failure or worse


def _evidence(
    analysis: Analysis, kept: Mapping[str, Evidence], metrics: Mapping[str, Comparison], *, controlled: bool
) -> dict[str, Evidence]:
    """Add an interval to the evidence; it begins anew with other metrics or margins, which alpha is shared among."""
    fits = kept.keys() == metrics.keys() and all(one.margins == _margins(analysis, name) for name, one in kept.items())
    return {
        name: _grown(kept[name] if fits else Evidence(_margins(analysis, name)), counted, controlled=controlled)
        for name, counted in metrics.items()
    }


def _margins(analysis: Analysis, metric: str) -> Margins:
    ceiling = {ERRORS: analysis.guard.errors, SLOW: analysis.guard.slow}.get(metric)
    return Margins(analysis.tolerated, analysis.against, analysis.negligible, ceiling)


def _grown(evidence: Evidence, counted: Comparison, *, controlled: bool) -> Evidence:
    if controlled:
        return with_interval(evidence, counted.candidate, counted.stable)
    return alone(evidence, counted.candidate)


def _beyond_guard(analysis: Analysis, evidence: Mapping[str, Evidence]) -> Failure | None:
    for name, what in ((ERRORS, "failed"), (SLOW, "were slow")):
        found = evidence.get(name)
        if found is None or found.margins.ceiling is None or found.candidate.requests < analysis.guard.min_requests:
            continue
        if found.beyond.log_value >= limits(analysis).log_fail_at(1):
            share, ceiling = f"{_share(found.candidate)} {what}", found.margins.ceiling
            sentence = f"{share}, above the guard's ceiling of {ceiling:.1%}"
            return Failure("GuardExceeded", sentence, is_harmful=True)
    return None


def _read(query: Query, kept: tuple[QueryStatus, ...], reading: QueryReading | None) -> QueryStatus:
    before = next((one for one in kept if one.name == query.name), QueryStatus(name=query.name, failures=0))
    value, stable = (_finite(reading.candidate), _finite(reading.stable)) if reading else (None, None)
    if value is None or (query.max_ratio is not None and stable is None):
        return QueryStatus(
            name=query.name, value=value, stable_value=stable, passed=before.passed, failures=before.failures
        )
    passed = _is_within(query, value, stable)
    return QueryStatus(
        name=query.name,
        value=value,
        stable_value=stable,
        passed=passed,
        failures=0 if passed else before.failures + 1,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _is_within(query: Query, value: float, stable: float | None) -> bool:
    if query.minimum is not None and value < query.minimum:
        return False
    if query.maximum is not None and value > query.maximum:
        return False
    return query.max_ratio is None or stable is None or value <= query.max_ratio * stable


def _beyond_limit(analysis: Analysis, queries: tuple[QueryStatus, ...]) -> Failure | None:
    for query, read in zip(analysis.queries, queries, strict=True):
        if read.failures >= query.failure_limit:
            beside = f" (stable: {read.stable_value:g})" if read.stable_value is not None else ""
            times = f" {read.failures} times in a row" if read.failures > 1 else ""
            sentence = f"query {query.name} exceeded its limit{times}: {read.value:g}{beside}"
            return Failure("QueryFailed", sentence, is_harmful=True)
    return None


def _is_seen(plan: Plan, state: RolloutState, evidence: Mapping[str, Evidence]) -> bool:
    """Whether enough requests of an A/B test came: a test that nobody took part in has not been passed.

    Nobody has to look at a preview, and after a switch stable is kept for a time, whatever the traffic is.
    """
    requests = evidence[ERRORS].candidate.requests if ERRORS in evidence else 0
    return not state.exposure.matched or requests >= plan.rollout.analysis.guard.min_requests


def _compared(
    analysis: Analysis, evidence: Mapping[str, Evidence], *, passed: bool
) -> tuple[VerdictName, Failure | None]:
    judgement = judge(evidence, limits(analysis))
    if judgement.verdict is Verdict.FAIL:
        sentences = [_comparison_sentence(name, evidence[name]) for name in judgement.metrics]
        return "Fail", Failure("AnalysisFailed", "; ".join(sentences), is_harmful=True)
    return ("Pass" if judgement.verdict is Verdict.PASS and passed else "Continue"), None


def _comparison_sentence(metric: str, evidence: Evidence) -> str:
    candidate, stable = (_share(counts) for counts in (evidence.candidate, evidence.stable))
    return f"more {metric} than stable: {candidate}, compared with {stable}"


def _share(counts: Counts) -> str:
    rate = wilson(counts)
    return f"{rate.estimate:.1%} of {counts.requests} requests" if rate else "no requests"


def _added(before: Comparison | None, more: Comparison | None) -> Comparison | None:
    if before is None or more is None:
        return before or more
    return Comparison(before.candidate + more.candidate, before.stable + more.stable)

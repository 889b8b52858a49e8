"""What measurements mean for the rollout: the guard, the judge, and the user's queries.

Two revisions can be compared if both get requests of the same clients at the same time: in a canary and in a shadow.
In blue/green and A/B tests they do not; there the guard, the queries and the checks decide.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import QueryStatus, VerdictName
from nereid.controller.decide.judge.evidence import Evidence, Margins, alone, with_interval
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.verdict import Limits, Verdict, judge
from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.route_share import SCRAPED_AFTER, RouteShare, with_requests
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.state import Failure, RolloutState, whole_second
from nereid.controller.observed.counters import Counts, why_too_many
from nereid.controller.observed.sample import ERRORS, SLOW, Comparison, QueryReading, Sample, SampleFailure
from nereid.controller.plan.plan import Analysis, Plan, Query

COUNTS_DISAGREE: Final = "CountsDisagree"
# After this many in a row, it is told that counts disagree.
_DISAGREEMENTS: Final = 2
# This many provider errors in a row pause the rollout.
MOST_ERRORS: Final = 4


def new_analysis(plan: Plan, now: datetime) -> AnalysisState | None:
    """Return the state of an analysis that counts from now on; None when nothing is judged.

    Prometheus has earlier values of its counters. Triton's own have to be read at once, as a base for later readings.
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
    if not state.stable or not state.candidate:
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
    """Return the state with a sample added, and why the candidate must not go on, if so.

    A sample that is no longer due, because the spec was changed meanwhile, is ignored. If the spec has asked for an
    analysis only since the rollout began, the analysis begins now.
    """
    before = state.analysis
    if before is None:
        return (replace(state, analysis=new_analysis(plan, now)) if _is_judged(plan, state) else state), None
    if sample is None or wanted_sample(plan, state, now) is None:
        return state, None
    if isinstance(sample, SampleFailure):
        return replace(state, analysis=_with_failure(before, sample.message, now, sample.reason)), None
    if sample.until <= before.sampled_at:
        # Counted as a failure, so that the next request differs from the one that this sample answers.
        return replace(state, analysis=_with_failure(before, "the clock was set back between two samples", now)), None
    if reason := _why_not_believed(sample):
        return replace(state, analysis=_with_failure(before, reason, now)), None
    return _with_result(plan, state, before, sample, now)


def _why_not_believed(sample: Sample) -> str | None:
    """Return why the counts of a sample cannot be right, whichever provider they are from; None if they can."""
    for metric, comparison in sample.metrics.items():
        for role, counted in (("the candidate", comparison.candidate), ("stable", comparison.stable)):
            if reason := why_too_many(counted.requests):
                return f"the requests to {role} ({metric}) cannot be counted: {reason}"
    return None


def _with_failure(before: AnalysisState, error: str, now: datetime, reason: str | None = None) -> AnalysisState:
    return replace(before, looked_at=whole_second(now), errors=before.errors + 1, error=error, error_reason=reason)


def _with_result(
    plan: Plan, state: RolloutState, before: AnalysisState, sample: Sample, now: datetime
) -> tuple[RolloutState, Failure | None]:
    analysis, controlled = plan.rollout.analysis, has_control(state)
    evidence = _evidence(analysis, before.evidence, sample.metrics, controlled=controlled)
    queries = tuple(_query_status(query, before.queries, sample.queries.get(query.name)) for query in analysis.queries)
    failure = _guard_failure(analysis, evidence) or _query_failure(analysis, queries)
    passed = all(query.passed for query in queries)
    if controlled:
        verdict, worse = _verdict(analysis, evidence, passed=passed)
    else:
        verdict, worse = ("Pass" if passed and _has_enough_requests(plan, state, evidence) else "Continue"), None
    judged = replace(
        before,
        sampled_at=sample.until,
        looked_at=whole_second(now),
        evidence=evidence,
        queries=queries,
        verdict="Fail" if failure else verdict,
        errors=0,
        error=None,
        error_reason=None,
        triton=_sum(before.triton, sample.triton),
        share=_share_of_route(plan, state, before, sample),
    )
    return replace(state, analysis=judged), failure or worse


def _share_of_route(plan: Plan, state: RolloutState, before: AnalysisState, sample: Sample) -> RouteShare | None:
    """Return the candidate's share of the requests, by samples that were scraped while this route was in effect."""
    exposure = state.exposure
    if not exposure.weight or exposure.matched or exposure.mirror or sample.routed is None:
        return None
    in_effect = state.since + timedelta(seconds=plan.rollout.propagation) + SCRAPED_AFTER
    if state.stage in {Stage.PROPAGATING, Stage.PROMOTING} or before.sampled_at < in_effect:
        return before.share if before.share and before.share.weight == exposure.weight else None
    return with_requests(before.share, exposure.weight, sample.routed)


def disagrees(analysis: AnalysisState) -> bool:
    """Whether counts have contradicted each other for longer than scrapes at different moments explain."""
    return analysis.error_reason == COUNTS_DISAGREE and analysis.errors >= _DISAGREEMENTS


def _evidence(
    analysis: Analysis, before: Mapping[str, Evidence], metrics: Mapping[str, Comparison], *, controlled: bool
) -> dict[str, Evidence]:
    """Add an interval to the evidence. Other metrics or margins start new evidence, as all metrics share alpha."""
    margins = {name: _margins(analysis, name) for name in metrics}
    fits = margins == {name: evidence.margins for name, evidence in before.items()}
    return {
        name: _with_interval(before[name] if fits else Evidence(margins[name]), counts, controlled=controlled)
        for name, counts in metrics.items()
    }


def _margins(analysis: Analysis, metric: str) -> Margins:
    ceiling = {ERRORS: analysis.guard.errors, SLOW: analysis.guard.slow}.get(metric)
    return Margins(analysis.tolerated, analysis.against, analysis.negligible, ceiling)


def _with_interval(evidence: Evidence, counts: Comparison, *, controlled: bool) -> Evidence:
    if controlled:
        return with_interval(evidence, counts.candidate, counts.stable)
    return alone(evidence, counts.candidate)


def _guard_failure(analysis: Analysis, evidence: Mapping[str, Evidence]) -> Failure | None:
    for name, verb in ((ERRORS, "failed"), (SLOW, "were slow")):
        metric = evidence.get(name)
        if metric is None or metric.margins.ceiling is None or metric.candidate.requests < analysis.guard.min_requests:
            continue
        if metric.beyond.log_value >= limits(analysis).log_fail_at(1):
            share, ceiling = f"{_share(metric.candidate)} {verb}", metric.margins.ceiling
            sentence = f"{share}, above the guard's ceiling of {ceiling:.1%}"
            return Failure("GuardExceeded", sentence, is_harmful=True)
    return None


def _query_status(query: Query, statuses: tuple[QueryStatus, ...], reading: QueryReading | None) -> QueryStatus:
    before = next((status for status in statuses if status.name == query.name), None)
    before = before or QueryStatus(name=query.name, failures=0)
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


def _query_failure(analysis: Analysis, statuses: tuple[QueryStatus, ...]) -> Failure | None:
    for query, status in zip(analysis.queries, statuses, strict=True):
        if status.failures >= query.failure_limit:
            stable = f" (stable: {status.stable_value:g})" if status.stable_value is not None else ""
            times = f" {status.failures} times in a row" if status.failures > 1 else ""
            sentence = f"query {query.name} exceeded its limit{times}: {status.value:g}{stable}"
            return Failure("QueryFailed", sentence, is_harmful=True)
    return None


def _has_enough_requests(plan: Plan, state: RolloutState, evidence: Mapping[str, Evidence]) -> bool:
    """Whether the candidate of an A/B test had enough requests: without any, the test has not been passed.

    A preview needs no requests, and neither does blue/green after the switch, when the previous revision is kept for a
    fixed time.
    """
    requests = evidence[ERRORS].candidate.requests if ERRORS in evidence else 0
    return not state.exposure.matched or requests >= plan.rollout.analysis.guard.min_requests


def _verdict(
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


def _sum(before: Comparison | None, more: Comparison | None) -> Comparison | None:
    if before is None or more is None:
        return before or more
    return Comparison(before.candidate + more.candidate, before.stable + more.stable)

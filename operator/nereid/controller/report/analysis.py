"""The status of the analysis: numbers and sentences for people, and the exact evidence that is needed to continue."""

from nereid.api.status import AnalysisStatus, EvidenceStatus, MetricStatus, RateStatus
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.summary import Progress, Summary, summary
from nereid.controller.decide.rollout.analysis import has_control, limits
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.plan.plan import Analysis, Plan

_PERCENT = 100
_DIGITS = 3
# Larger evidence is shown as this: it decides nothing more, and reads badly.
_MOST_EVIDENCE = 1e6


def analysis_status(plan: Plan, state: RolloutState) -> AnalysisStatus | None:
    """Return the status of the analysis; None if nothing is judged."""
    analysis_state = state.analysis
    if analysis_state is None:
        return None
    summaries = _summaries(plan.rollout.analysis, analysis_state)
    return AnalysisStatus(
        sampled_at=analysis_state.sampled_at,
        looked_at=analysis_state.looked_at,
        verdict=analysis_state.verdict,
        message=_message(state, analysis_state, summaries),
        errors=analysis_state.errors,
        error=analysis_state.error,
        error_reason=analysis_state.error_reason,
        route=analysis_state.share.to_status() if analysis_state.share else None,
        metrics=[_metric(name, analysis_state.evidence[name], result) for name, result in summaries.items()],
        queries=list(analysis_state.queries),
        triton_candidate=_rate(analysis_state.triton.candidate) if analysis_state.triton else None,
        triton_stable=_rate(analysis_state.triton.stable) if analysis_state.triton else None,
    )


def _summaries(analysis: Analysis, analysis_state: AnalysisState) -> dict[str, Summary]:
    bounds = limits(analysis)
    return {
        name: summary(evidence, bounds, len(analysis_state.evidence))
        for name, evidence in analysis_state.evidence.items()
    }


def _metric(name: str, evidence: Evidence, result: Summary) -> MetricStatus:
    return MetricStatus(
        name=name,
        candidate=_rate(evidence.candidate),
        stable=_rate(evidence.stable),
        failing=_progress(result.failing),
        passing=_progress(result.passing),
        evidence=evidence.to_json(),
    )


def _rate(counts: Counts) -> RateStatus:
    rate = wilson(counts)
    if rate is None:
        return RateStatus(requests=0, bad=0)
    return RateStatus(
        requests=counts.requests,
        bad=counts.errors,
        percent=round(rate.estimate * _PERCENT, _DIGITS),
        low=round(rate.low * _PERCENT, _DIGITS),
        high=round(rate.high * _PERCENT, _DIGITS),
    )


def _progress(progress: Progress) -> EvidenceStatus:
    return EvidenceStatus(
        reached=round(min(progress.reached, _MOST_EVIDENCE), _DIGITS),
        needed=round(progress.needed, _DIGITS),
        more_requests=progress.more_requests,
    )


def _message(state: RolloutState, analysis_state: AnalysisState, summaries: dict[str, Summary]) -> str:
    if analysis_state.errors:
        return f"The metrics provider failed {analysis_state.errors} times in a row: {analysis_state.error}"
    without_data = [query.name for query in analysis_state.queries if query.passed is None]
    if without_data:
        return f"No data yet from queries: {', '.join(without_data)}"
    if not has_control(state):
        return "There is no concurrent control to compare with: the guard, queries and checks decide"
    if not summaries:
        return "No requests have been counted yet"
    if analysis_state.verdict == "Pass":
        return "The candidate is good enough by every metric"
    return "; ".join(_missing(name, result) for name, result in summaries.items() if not _has_passed(result))


def _has_passed(result: Summary) -> bool:
    return result.passing.reached >= result.passing.needed


def _missing(name: str, result: Summary) -> str:
    reached, needed = min(result.passing.reached, _MOST_EVIDENCE), result.passing.needed
    more = result.passing.more_requests
    about = f"about {more} more requests to the candidate" if more else "no number of requests at this rate is enough"
    return f"{name}: evidence {reached:.1f} of {needed:.0f} to 1, {about}"

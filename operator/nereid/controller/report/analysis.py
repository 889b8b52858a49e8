"""What the judge knows, in numbers and sentences for people, and exactly as it is needed to continue."""

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
# Evidence beyond this many to one is written as this: what is beyond decides nothing, and reads badly.
_MOST_EVIDENCE = 1e6


def analysis_status(plan: Plan, state: RolloutState) -> AnalysisStatus | None:
    """Return the status of the analysis; None where nothing is judged."""
    kept = state.analysis
    if kept is None:
        return None
    summaries = _summaries(plan.rollout.analysis, kept)
    return AnalysisStatus(
        sampled_at=kept.sampled_at,
        looked_at=kept.looked_at,
        verdict=kept.verdict,
        message=_message(state, kept, summaries),
        errors=kept.errors,
        error=kept.error,
        metrics=[_metric(name, kept.evidence[name], found) for name, found in summaries.items()],
        queries=list(kept.queries),
        triton_candidate=_rate(kept.triton.candidate) if kept.triton else None,
        triton_stable=_rate(kept.triton.stable) if kept.triton else None,
    )


def _summaries(analysis: Analysis, kept: AnalysisState) -> dict[str, Summary]:
    bounds = limits(analysis)
    return {name: summary(evidence, bounds, len(kept.evidence)) for name, evidence in kept.evidence.items()}


def _metric(name: str, evidence: Evidence, found: Summary) -> MetricStatus:
    return MetricStatus(
        name=name,
        candidate=_rate(evidence.candidate),
        stable=_rate(evidence.stable),
        failing=_progress(found.failing),
        passing=_progress(found.passing),
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


def _message(state: RolloutState, kept: AnalysisState, summaries: dict[str, Summary]) -> str:
    if kept.errors:
        return f"The metrics provider failed {kept.errors} times in a row: {kept.error}"
    without_data = [query.name for query in kept.queries if query.passed is None]
    if without_data:
        return f"No data yet from queries: {', '.join(without_data)}"
    if not has_control(state):
        return "There is no concurrent control to compare with: the guard, queries and checks decide"
    if not summaries:
        return "No requests have been counted yet"
    if kept.verdict == "Pass":
        return "The candidate is good enough by every metric"
    return "; ".join(_missing(name, found) for name, found in summaries.items() if not _has_passed(found))


def _has_passed(found: Summary) -> bool:
    return found.passing.reached >= found.passing.needed


def _missing(name: str, found: Summary) -> str:
    reached, needed = min(found.passing.reached, _MOST_EVIDENCE), found.passing.needed
    more = found.passing.more_requests
    about = f"about {more} more requests to the candidate" if more else "no number of requests at this rate is enough"
    return f"{name}: evidence {reached:.1f} of {needed:.0f} to 1, {about}"

"""The status of the analysis: numbers and sentences for people, and the exact evidence that is needed to continue."""

import math
from dataclasses import dataclass
from typing import Any

from nereid.api.rollout_stage import Stage
from nereid.api.status import AnalysisStatus, BakeStatus, EvidenceStatus, LeftOutStatus, MetricStatus, RateStatus
from nereid.controller.decide.judge.bake import Bake
from nereid.controller.decide.judge.eprocess import EProcess
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.decide.judge.summary import Progress, Summary, summary
from nereid.controller.decide.judge.verdict import Limits
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.decide.rollout.verdicts import (
    business_metrics,
    comparison,
    has_control,
    lacking,
    limits,
    log_better_at,
)
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import LeftOut
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
    summaries = _summaries(plan.rollout.analysis, state, analysis_state)
    business = _Business(plan.rollout.analysis, limits(plan.rollout.analysis, state.trial), analysis_state)
    return AnalysisStatus(
        sampled_at=analysis_state.sampled_at,
        looked_at=analysis_state.looked_at,
        verdict=analysis_state.verdict,
        message=_message(plan.rollout.analysis, state, analysis_state, summaries),
        revision=analysis_state.revision,
        shares=analysis_state.shares or None,
        exposed_at=analysis_state.exposed_at,
        audience=analysis_state.audience,
        errors=analysis_state.errors,
        error=analysis_state.error,
        error_reason=analysis_state.error_reason,
        left_out=_left_out(analysis_state.left_out),
        route=analysis_state.share.to_status() if analysis_state.share else None,
        metrics=[_metric(name, analysis_state.evidence[name], result, business) for name, result in summaries.items()],
        queries=list(analysis_state.queries),
        triton_candidate=_rate(analysis_state.triton.candidate) if analysis_state.triton else None,
        triton_stable=_rate(analysis_state.triton.stable) if analysis_state.triton else None,
        usual=_rate(analysis_state.usual) if analysis_state.usual.requests else None,
        bake=_bake(plan.rollout.analysis, analysis_state.bake) if analysis_state.bake else None,
    )


def _summaries(analysis: Analysis, state: RolloutState, analysis_state: AnalysisState) -> dict[str, Summary]:
    is_judged = state.candidate is not None or state.first_bake is not None
    bounds, alone = limits(analysis, state.trial), is_judged and not has_control(state)
    compared = business_metrics(analysis)
    return {
        name: summary(
            evidence,
            bounds,
            analysis_state.shares or len(analysis_state.evidence),
            alone=alone and name not in compared,
        )
        for name, evidence in analysis_state.evidence.items()
    }


@dataclass(frozen=True, slots=True)
class _Business:
    """What says of a metric whether it is better or worse than stable's."""

    analysis: Analysis
    bounds: Limits
    state: AnalysisState

    def status(self, name: str, evidence: Evidence) -> dict[str, Any]:
        """Return the fields of a business metric's status; none for any other metric."""
        if name not in business_metrics(self.analysis):
            return {}
        return {
            "comparison": comparison(self.analysis, evidence, self.bounds, self.state.shares),
            "better": _odds(evidence.better, log_better_at(self.analysis, self.bounds)),
            "worse": _odds(evidence.worse, self.bounds.log_fail_at(self.state.shares)),
        }


def _odds(process: EProcess, log_needed: float) -> EvidenceStatus:
    return _progress(Progress(math.exp(process.log_value), math.exp(log_needed), None))


def _metric(name: str, evidence: Evidence, result: Summary, business: _Business) -> MetricStatus:
    return MetricStatus(
        **business.status(name, evidence),
        name=name,
        candidate=_rate(evidence.candidate),
        stable=_rate(evidence.stable),
        failing=_progress(result.failing),
        passing=_progress(result.passing),
        evidence=evidence.to_json(),
    )


def _bake(analysis: Analysis, bake: Bake) -> BakeStatus:
    reached = math.exp(min(bake.beyond.log_value, math.log(_MOST_EVIDENCE)))
    needed = math.exp(limits(analysis).log_fail_at(1))
    return BakeStatus(
        ceiling_percent=round(bake.ceiling * _PERCENT, _DIGITS),
        candidate=_rate(bake.candidate),
        evidence=EvidenceStatus(reached=round(reached, _DIGITS), needed=round(needed, _DIGITS)),
        state=bake.to_json(),
    )


def _left_out(left_out: LeftOut | None) -> LeftOutStatus | None:
    return LeftOutStatus(reason=left_out.reason, message=left_out.message) if left_out else None


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


def _message(
    analysis: Analysis, state: RolloutState, analysis_state: AnalysisState, summaries: dict[str, Summary]
) -> str:
    if analysis_state.errors:
        return f"The metrics provider failed {analysis_state.errors} times in a row: {analysis_state.error}"
    without_data = [query.name for query in analysis_state.queries if query.passed is None]
    if without_data:
        return f"No data from queries: {', '.join(without_data)}"
    if state.stage is Stage.BAKING:
        return _while_baking(analysis_state)
    if not has_control(state):
        return _without_control(analysis, state, analysis_state, summaries)
    if not summaries:
        return "No requests have been counted yet"
    if analysis_state.verdict == "Pass":
        return "The candidate is good enough by every metric"
    return "; ".join(_missing(name, result) for name, result in summaries.items() if not _has_passed(result))


def _without_control(
    analysis: Analysis, state: RolloutState, analysis_state: AnalysisState, summaries: dict[str, Summary]
) -> str:
    sentence = "There is no concurrent control to compare with: the guard, queries and checks decide"
    if state.exposure.matched and analysis.business:
        sentence = f"The test is decided by {', '.join(sorted(business_metrics(analysis)))}"
    lacks = lacking(analysis, state, analysis_state.evidence) if state.candidate else ()
    if not lacks:
        return sentence
    missing = "; ".join(_missing(name, summaries[name]) for name in lacks)
    return f"{sentence}. Not shown yet to be within the guard's ceiling: {missing}"


def _while_baking(analysis_state: AnalysisState) -> str:
    if analysis_state.bake is None:
        return "The guard and queries decide: too little is known of what is usual in this rollout"
    ceiling = f"{analysis_state.bake.ceiling:.1%}"
    return f"It is rolled back if clearly more than {ceiling} of its requests fail, by stable's rate in this rollout"


def _has_passed(result: Summary) -> bool:
    return result.passing.reached >= result.passing.needed


def _missing(name: str, result: Summary) -> str:
    reached, needed = min(result.passing.reached, _MOST_EVIDENCE), result.passing.needed
    more = result.passing.more_requests
    about = f"about {more} more requests to the candidate" if more else "no number of requests at this rate is enough"
    return f"{name}: evidence {reached:.1f} of {needed:.0f} to 1, {about}"

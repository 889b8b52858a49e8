"""What measurements mean for the rollout: the guard, the judge, and the user's queries."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api import names
from nereid.api.rollout_stage import Stage
from nereid.api.status import MOST_COUNTED
from nereid.controller.decide.judge import evidence
from nereid.controller.decide.judge.bake import Bake, learned_ceiling
from nereid.controller.decide.judge.evidence import Evidence
from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.decide.rollout import query_results, verdicts
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.judged_metrics import joined
from nereid.controller.decide.rollout.route_share import SCRAPED_AFTER, RouteShare, with_requests
from nereid.controller.decide.rollout.routing import FULL, is_gated
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, whole_second
from nereid.controller.observed.counters import Counts, why_too_many
from nereid.controller.observed.sample import ERRORS, SLOW, Comparison, Sample, SampleFailure
from nereid.controller.plan.plan import Analysis, Exposure, Plan

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
    return AnalysisState(sampled_at=begin, looked_at=looked_at, revision=plan.revision, audience=_audience(plan))


def exposed(plan: Plan, state: RolloutState, exposure: Exposure, now: datetime) -> AnalysisState | None:
    """Return the analysis of a candidate that gets this exposure from now on.

    A pass is earned at each exposure: what was fine with little traffic may break under more. What speaks against the
    candidate goes on.
    """
    judged = state.analysis
    if judged is None:
        return new_analysis(plan, now)
    if exposure == state.exposure:
        return judged
    return _to_be_shown_anew(replace(judged, exposed_at=whole_second(now)))


def _to_be_shown_anew(judged: AnalysisState) -> AnalysisState:
    return replace(
        judged,
        evidence={name: evidence.at_another_exposure(one) for name, one in judged.evidence.items()},
        queries=query_results.at_another_exposure(judged.queries),
        verdict="Continue",
    )


def with_audience(plan: Plan, state: RolloutState, now: datetime) -> tuple[RolloutState, tuple[Event, ...]]:
    """Return the state of an A/B test that picks whom the spec picks now: what was shown of others begins anew."""
    judged, audience = state.analysis, _audience(plan)
    if judged is None or not state.exposure.matched or audience in {None, judged.audience}:
        return state, ()
    known = replace(judged, audience=audience)
    if judged.audience is None:
        return replace(state, analysis=known), ()  # An older status does not say whom it picked.
    sentence = (
        "spec.rollout.abTest was edited, so that the candidate gets other requests than before: what was shown for it "
        "begins anew. Evidence against it goes on"
    )
    anew = replace(state, analysis=_to_be_shown_anew(replace(known, exposed_at=whole_second(now))))
    return anew, (Event("Normal", "EvidenceReset", sentence),)


def _audience(plan: Plan) -> str | None:
    match = plan.rollout.match
    return names.content_hash(match.model_dump(mode="json", exclude_none=True, exclude={"hold"})) if match else None


def next_trial(state: RolloutState, revision: str) -> int:
    """Return the number of a new rollout among those in which this revision was judged, as far as status knows."""
    before = state.analysis
    if before is None or before.revision != revision:
        return 1
    return min(state.trial, MOST_COUNTED) + any(one.candidate.requests for one in before.evidence.values())


def next_look(plan: Plan, state: RolloutState) -> datetime | None:
    """Return when the candidate is to be looked at next; None while there is nothing to look at."""
    if not state.analysis or not _is_judged(plan, state):
        return None
    return state.analysis.looked_at + timedelta(seconds=plan.rollout.analysis.interval)


def is_looking(plan: Plan, state: RolloutState, now: datetime) -> bool:
    """Whether a look is due whose answer is not there yet."""
    due = next_look(plan, state)
    return due is not None and now >= due


def _is_judged(plan: Plan, state: RolloutState) -> bool:
    if not state.stable or plan.rollout.analysis.provider == "None":
        return False
    if state.candidate is None:
        return state.first_bake is not None and not is_gated(state)
    return state.exposure.has_traffic


def wanted_sample(plan: Plan, state: RolloutState, now: datetime) -> SampleRequest | None:
    """Return what is to be measured now, if anything is."""
    due = next_look(plan, state)
    judged = state.candidate or state.stable
    if due is None or now < due or not state.analysis or not state.stable or not judged:
        return None
    return SampleRequest(
        namespace=plan.owner.namespace,
        name=plan.owner.name,
        model=plan.model_name,
        candidate=judged,
        stable=state.stable,
        since=state.analysis.sampled_at,
        attempt=state.analysis.errors,
        is_mirrored=state.exposure.mirror > 0,
        has_control=verdicts.has_control(state),
        analysis=plan.rollout.analysis,
        has_other_clients=state.exposure.matched,
        counts_stable=state.candidate is not None and state.weight < FULL,
        gateways=tuple(sorted({gateway.partition("/")[0] for gateway in plan.gateways})),
        share=_share_of_each_caller(state),
        is_settled=_is_settled(plan, state, state.analysis),
    )


def _share_of_each_caller(state: RolloutState) -> int:
    """Return the candidate's percentage of what each caller sends to both; 0 where they have no callers in common."""
    exposure = state.exposure
    if not verdicts.has_control(state) or exposure.matched:
        return 0
    return exposure.weight or round(FULL * exposure.mirror / (FULL + exposure.mirror))


def _is_settled(plan: Plan, state: RolloutState, judged: AnalysisState) -> bool:
    """Whether all that the next sample counts came by the present route, also where counters are scraped late."""
    in_effect = state.since + timedelta(seconds=plan.rollout.propagation) + SCRAPED_AFTER
    return state.stage not in {Stage.PROPAGATING, Stage.PROMOTING} and judged.sampled_at >= in_effect


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
    return replace(
        before,
        looked_at=whole_second(now),
        errors=min(before.errors, MOST_COUNTED) + 1,
        error=error,
        error_reason=reason,
    )


def reached_at(plan: Plan, judged: AnalysisState) -> datetime | None:
    """Return when the proxies had the route of the present exposure; None if that is not known."""
    return judged.exposed_at and judged.exposed_at + timedelta(seconds=plan.rollout.propagation)


def _with_result(
    plan: Plan, state: RolloutState, before: AnalysisState, sample: Sample, now: datetime
) -> tuple[RolloutState, Failure | None]:
    analysis, share = plan.rollout.analysis, _share_of_route(plan, state, before, sample)
    is_off = share is not None and share.is_off
    if is_off:
        before = _to_be_shown_anew(before)  # What was shown with this weight was shown with another share.
    known, shares = joined(analysis, before.evidence, before.shares)
    # A window that began before the proxies had the route holds requests of less traffic.
    reached = reached_at(plan, before)
    at_exposure = not is_off and (reached is None or before.sampled_at >= reached)
    gathered = _gathered(analysis, known, sample.metrics, state, at_exposure=at_exposure)
    queries = query_results.query_results(analysis, before.queries, sample, at_exposure=at_exposure)
    judgement = verdicts.verdict(analysis, state, gathered, shares)
    usual = _usual(state, before, sample)
    bake = _bake(analysis, state, before, usual, sample)
    found = _guard_failure(analysis, gathered) or query_results.query_failure(analysis, queries)
    failure = found or _bake_failure(analysis, bake) or judgement.failure
    has_passed = judgement.verdict == "Pass" and all(query.passed for query in queries)
    judged = replace(
        before,
        sampled_at=sample.until,
        looked_at=whole_second(now),
        evidence=gathered,
        shares=shares,
        queries=queries,
        verdict="Fail" if failure else "Pass" if has_passed else "Continue",
        errors=0,
        error=None,
        error_reason=None,
        left_out=sample.left_out,
        triton=_sum(before.triton, sample.triton),
        share=share,
        usual=usual,
        bake=bake,
    )
    took_effect = before.share is not None and before.share.is_off and share is not None and not is_off
    # No evidence could be gathered at this step until now, so its time begins only now.
    since = whole_second(now) if took_effect and state.stage is Stage.ANALYZING else state.since
    return replace(state, analysis=judged, since=since), failure


def _share_of_route(plan: Plan, state: RolloutState, before: AnalysisState, sample: Sample) -> RouteShare | None:
    """Return the candidate's share of the requests, by samples that were scraped while this route was in effect."""
    exposure = state.exposure
    if not exposure.weight or exposure.matched or exposure.mirror or sample.routed is None:
        return None
    if not _is_settled(plan, state, before):
        return before.share if before.share and before.share.weight == exposure.weight else None
    return with_requests(before.share, exposure.weight, sample.routed)


def disagrees(analysis: AnalysisState) -> bool:
    """Whether counts have contradicted each other for longer than scrapes at different moments explain."""
    return analysis.error_reason == COUNTS_DISAGREE and analysis.errors >= _DISAGREEMENTS


def _gathered(
    analysis: Analysis,
    known: Mapping[str, Evidence],
    metrics: Mapping[str, Comparison],
    state: RolloutState,
    *,
    at_exposure: bool,
) -> dict[str, Evidence]:
    """Add an interval to the evidence; a metric of which nothing was counted keeps what it has."""
    business = verdicts.business_metrics(analysis)
    gathered = dict(known)
    for name in known.keys() & metrics.keys():
        decides = name in business
        candidate, stable = metrics[name].candidate, metrics[name].stable
        if verdicts.has_control(state) or (decides and state.exposure.matched):
            gathered[name] = evidence.with_interval(
                known[name], candidate, stable, at_exposure=at_exposure, decides=decides
            )
        elif not decides:
            gathered[name] = evidence.alone(known[name], candidate, at_exposure=at_exposure)
    return gathered


def _guard_failure(analysis: Analysis, gathered: Mapping[str, Evidence]) -> Failure | None:
    for name, verb in ((ERRORS, "failed"), (SLOW, "were slow")):
        metric = gathered.get(name)
        if metric is None or metric.margins.ceiling is None or metric.candidate.requests < analysis.guard.min_requests:
            continue
        if metric.beyond.log_value >= verdicts.limits(analysis).log_fail_at(1):
            share, ceiling = f"{verdicts.share(metric.candidate)} {verb}", metric.margins.ceiling
            sentence = f"{share}, above the guard's ceiling of {ceiling:.1%}"
            return Failure("GuardExceeded", sentence, is_harmful=True)
    return None


def _usual(state: RolloutState, before: AnalysisState, sample: Sample) -> Counts:
    """Return stable's requests and errors before the bake: during it, a holdback has few requests, and too late."""
    if state.stage is Stage.BAKING or ERRORS not in sample.metrics:
        return before.usual
    return before.usual + sample.metrics[ERRORS].stable


def _bake(analysis: Analysis, state: RolloutState, before: AnalysisState, usual: Counts, sample: Sample) -> Bake | None:
    """Return what is known since the bake began, with a ceiling learned from stable's requests before it.

    None where stable had none, or so few that the guard's ceiling is the lower one. If the spec is edited so that
    another ceiling applies, it begins anew.
    """
    if state.stage is not Stage.BAKING:
        return before.bake
    ceiling = learned_ceiling(usual, analysis.against, analysis.negligible)
    if ceiling is None or ceiling >= analysis.guard.errors:
        return None
    is_same = before.bake and (before.bake.ceiling, before.bake.burst) == (ceiling, analysis.burst)
    bake = before.bake if before.bake and is_same else Bake(ceiling, analysis.burst)
    return bake.further(sample.metrics[ERRORS].candidate) if ERRORS in sample.metrics else bake


def _bake_failure(analysis: Analysis, bake: Bake | None) -> Failure | None:
    if bake is None or bake.candidate.requests < analysis.guard.min_requests:
        return None
    if bake.beyond.log_value < verdicts.limits(analysis).log_fail_at(1):
        return None
    share = f"{verdicts.share(bake.candidate)} failed since it got all traffic"
    sentence = f"{share}, above the {bake.ceiling:.1%} that stable's own rate in this rollout makes plausible"
    return Failure("BakeFailed", sentence, is_harmful=True)


def _sum(before: Comparison | None, more: Comparison | None) -> Comparison | None:
    if before is None or more is None:
        return before or more
    return Comparison(before.candidate + more.candidate, before.stable + more.stable)

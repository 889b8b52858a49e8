"""Rolling a candidate back: its traffic returns to stable first, its pods end when they have drained.

Stable gets what its ready pods can carry, and never anything where it has none. A candidate that keeps a share for that
reason is still judged.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import history, kept_pod
from nereid.controller.decide.rollout.capacity import carried, has_only_place, live_revisions
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.scaling import scaled_pods
from nereid.controller.decide.rollout.state import (
    Event,
    Failure,
    Retiring,
    RolloutState,
    Transition,
    entered,
    whole_second,
)
from nereid.controller.decide.rollout.timing import is_over
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import NO_TRAFFIC, Exposure, Plan

# How much more than usual stable's ready pods get of a candidate that was found bad: some overload does less harm.
_URGENT_LOAD: Final = 2


def fail(plan: Plan, observed: Observed, state: RolloutState, now: datetime, failure: Failure) -> Transition:
    """Roll the candidate back as failed; it stays failed until its user retries it or changes the spec."""
    sentence = f"Revision {plan.revision} is rolled back ({failure.reason}): {failure.message}"
    failed = history.left_as_failed(replace(state, is_urgent=failure.is_harmful), plan.revision, failure, now)
    rolling_back = _with_exposure(plan, observed, failed, exposure_to_keep(plan, observed, failed), now, failure.reason)
    return rolling_back, (Event("Warning", "RolledBack", sentence),)


def rolled_back(plan: Plan, observed: Observed, state: RolloutState, now: datetime, cause: str) -> RolloutState:
    """Return the candidate's traffic to stable: all of it, or as much as stable can carry."""
    return _with_exposure(plan, observed, state, exposure_to_keep(plan, observed, state), now, cause)


def roll_back_further(
    plan: Plan, observed: Observed, state: RolloutState, now: datetime, failure: Failure | None
) -> Transition:
    """Return more traffic as more of stable's pods become ready.

    The return becomes urgent if the candidate is found bad meanwhile (`failure`), or when the deadline for the pods is
    over.
    """
    is_bad = failure is not None and not state.is_urgent
    following = replace(state, is_urgent=state.is_urgent or failure is not None or is_over(plan, observed, state, now))
    events: tuple[Event, ...] = ()
    if is_bad and failure:
        sentence = f"Revision {state.candidate}, which is being rolled back, is found bad: {failure.message}"
        events = (Event("Warning", failure.reason, sentence),)
        if state.failed is None and plan.revision == state.candidate:
            following = history.left_as_failed(following, plan.revision, failure, now)
    kept = exposure_to_keep(plan, observed, following)
    if kept.weight < state.weight or not kept.has_traffic:
        return _with_exposure(plan, observed, following, kept, now, state.cause), events
    return following, events


def _with_exposure(
    plan: Plan, observed: Observed, state: RolloutState, exposure: Exposure, now: datetime, cause: str | None
) -> RolloutState:
    """Leave the candidate this until stable can carry more; without any traffic, its pods drain."""
    if exposure.has_traffic:
        return entered(replace(state, exposure=exposure), Stage.RETREATING, now, cause)
    return entered(without_candidate(plan, observed, state, now), Stage.ROLLING_BACK, now, cause)


def exposure_to_keep(plan: Plan, observed: Observed, state: RolloutState) -> Exposure:
    """Return what the candidate has to keep, as stable's ready pods cannot carry all traffic.

    All that clients get from it, if stable has no ready pod; nothing, if it has none itself. Without surge, stable's
    places become free only after the candidate has lost its pods: all traffic returns to the pods that stable has.
    """
    exposure = state.exposure
    if not observed.of(state.candidate).available or not (exposure.weight or exposure.matched):
        return NO_TRAFFIC
    if not observed.of(state.stable).available:
        # With the only place, stable's pod comes after the candidate's has gone. A test may be gone from the spec.
        cannot = has_only_place(plan, state) or (exposure.matched and plan.rollout.match is None)
        return NO_TRAFFIC if cannot else exposure
    if not plan.rollout.surge or not exposure.weight:
        return NO_TRAFFIC
    load = carried(plan, observed, state) * (_URGENT_LOAD if state.is_urgent else 1)
    return Exposure(min(exposure.weight, max(0, FULL - load)))


def without_candidate(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return all of the candidate's traffic to stable; its pods are kept until it has drained."""
    if state.candidate is None:
        return state
    retiring = with_retiring(plan, observed, state, state.candidate, now)
    if kept_pod.is_wanted(plan, state, state.candidate):
        retiring = (*retiring[:-1], replace(retiring[-1], log_kept_from=retiring[-1].since))
    return replace(state, candidate=None, exposure=NO_TRAFFIC, step=0, is_urgent=False, retiring=retiring)


def with_retiring(
    plan: Plan, observed: Observed, state: RolloutState, revision: str, now: datetime, *, may_return: bool = False
) -> tuple[Retiring, ...]:
    """Return the retiring revisions with one that is to lose its traffic, and keeps the pods that it has."""
    others = (retiring for retiring in state.retiring if retiring.revision != revision)
    return (*others, _as_retiring(plan, observed, state, revision, now, may_return=may_return))


def _as_retiring(
    plan: Plan, observed: Observed, state: RolloutState, revision: str, now: datetime, *, may_return: bool
) -> Retiring:
    replicas = {live.revision: live.replicas for live in live_revisions(plan, observed, state)}
    # Pods that a scaler has added serve until the routes have changed.
    most = max(replicas[revision], scaled_pods(plan, observed, revision))
    return Retiring(revision, whole_second(now), most, may_return=may_return)

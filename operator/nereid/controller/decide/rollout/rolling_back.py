"""Rolling a candidate back: its traffic returns to stable first, its pods end when they have drained."""

from dataclasses import replace
from datetime import datetime

from nereid.api.rollout_stage import Stage
from nereid.api.status import FailedRollout
from nereid.controller.decide.rollout import history
from nereid.controller.decide.rollout.capacity import carried, live_revisions
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


def fail(plan: Plan, observed: Observed, state: RolloutState, now: datetime, failure: Failure) -> Transition:
    """Roll the candidate back as failed; it stays failed until its user retries it or changes the spec."""
    failed = FailedRollout(
        revision=plan.revision,
        attempt=state.attempt,
        reason=failure.reason,
        message=failure.message,
        at=whole_second(now),
    )
    sentence = f"Revision {plan.revision} is rolled back ({failure.reason}): {failure.message}"
    # Pods that fail requests are no capacity.
    weight = 0 if failure.is_harmful else weight_to_keep(plan, observed, state)
    rolling_back = _with_weight(plan, observed, state, weight, now, failure.reason)
    told = history.left_as_failed(state, failure, plan.revision)
    return replace(rolling_back, failed=failed, history=told), (Event("Warning", "RolledBack", sentence),)


def rolled_back(plan: Plan, observed: Observed, state: RolloutState, now: datetime, cause: str) -> RolloutState:
    """Return the candidate's traffic to stable: all of it, or as much as stable can carry."""
    return _with_weight(plan, observed, state, weight_to_keep(plan, observed, state), now, cause)


def roll_back_further(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Return more traffic as more of stable's pods become ready; all of it when the deadline for that is over."""
    is_late = is_over(plan.rollout, state, now)
    weight = 0 if is_late else weight_to_keep(plan, observed, state)
    if is_late or weight < state.weight:
        return _with_weight(plan, observed, state, weight, now, state.cause), ()
    return state, ()


def _with_weight(
    plan: Plan, observed: Observed, state: RolloutState, weight: int, now: datetime, cause: str | None
) -> RolloutState:
    """Leave the candidate this weight until stable can carry more; at 0, its pods drain."""
    if weight:
        return entered(replace(state, exposure=Exposure(weight)), Stage.RETREATING, now, cause)
    return entered(without_candidate(plan, observed, state, now), Stage.ROLLING_BACK, now, cause)


def weight_to_keep(plan: Plan, observed: Observed, state: RolloutState) -> int:
    """Return the weight that the candidate has to keep, as stable's ready pods cannot carry all traffic.

    Without surge, stable's places become free only after the candidate has lost its pods: all traffic returns at once.
    """
    if not plan.rollout.surge or not observed.of(state.candidate).available:
        return 0
    return min(state.weight, FULL - carried(plan, observed, state))


def without_candidate(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return all of the candidate's traffic to stable; its pods are kept until it has drained."""
    if state.candidate is None:
        return state
    retiring = as_retiring(plan, observed, state, state.candidate, now)
    return replace(state, candidate=None, exposure=NO_TRAFFIC, step=0, retiring=(*state.retiring, retiring))


def as_retiring(plan: Plan, observed: Observed, state: RolloutState, revision: str, now: datetime) -> Retiring:
    """Return a revision that is to lose its traffic, with the pods that it has, so that none is started for it."""
    replicas = {live.revision: live.replicas for live in live_revisions(plan, observed, state)}
    # Pods that a scaler has added serve until the routes have changed.
    most = max(replicas[revision], scaled_pods(plan, observed, revision))
    return Retiring(revision, whole_second(now), most)

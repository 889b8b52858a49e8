"""Taking a candidate back: the traffic first, its pods when they have drained."""

from dataclasses import replace
from datetime import datetime

from nereid.api.rollout_stage import Stage
from nereid.api.status import FailedRollout
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
    """Take the candidate back as failed, which it stays until its user retries it or changes the spec."""
    failed = FailedRollout(
        revision=plan.revision,
        attempt=state.attempt,
        reason=failure.reason,
        message=failure.message,
        at=whole_second(now),
    )
    sentence = f"Revision {plan.revision} is rolled back ({failure.reason}): {failure.message}"
    # What fails requests is no capacity to keep.
    weight = 0 if failure.is_harmful else retreat_weight(plan, observed, state)
    back = _taken_back(plan, observed, state, weight, now, failure.reason)
    return replace(back, failed=failed), (Event("Warning", "RolledBack", sentence),)


def withdrawn(plan: Plan, observed: Observed, state: RolloutState, now: datetime, cause: str) -> RolloutState:
    """Take the traffic back from the candidate: all of it, or as much as stable can carry."""
    return _taken_back(plan, observed, state, retreat_weight(plan, observed, state), now, cause)


def retreat(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Take back more as stable gets its pods again; all of it once it is not to be expected to get more."""
    is_late = is_over(plan.rollout, state, now)
    weight = 0 if is_late else retreat_weight(plan, observed, state)
    if is_late or weight < state.weight:
        return _taken_back(plan, observed, state, weight, now, state.cause), ()
    return state, ()


def _taken_back(
    plan: Plan, observed: Observed, state: RolloutState, weight: int, now: datetime, cause: str | None
) -> RolloutState:
    """Leave the candidate this weight, until stable can carry more; with none, its pods drain."""
    if weight:
        return entered(replace(state, exposure=Exposure(weight)), Stage.RETREATING, now, cause)
    return entered(without_candidate(plan, observed, state, now), Stage.ROLLING_BACK, now, cause)


def retreat_weight(plan: Plan, observed: Observed, state: RolloutState) -> int:
    """Return the weight that the candidate has to keep, as stable's ready pods cannot carry everything.

    Without surge, stable gets its places back only after the candidate has lost its pods, so everything goes at once.
    """
    if not plan.rollout.surge or not observed.of(state.candidate).available:
        return 0
    return min(state.weight, FULL - carried(plan, observed, state))


def without_candidate(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Take all traffic from the candidate; its pods stay until it has drained."""
    if state.candidate is None:
        return state
    retiring = as_retiring(plan, observed, state, state.candidate, now)
    return replace(state, candidate=None, exposure=NO_TRAFFIC, step=0, retiring=(*state.retiring, retiring))


def as_retiring(plan: Plan, observed: Observed, state: RolloutState, revision: str, now: datetime) -> Retiring:
    """Return a revision that is to lose its traffic, with the pods that it has, so that none is started for it."""
    replicas = {one.revision: one.replicas for one in live_revisions(plan, observed, state)}
    # Those that a scaler has given it serve until the routes lead elsewhere.
    most = max(replicas[revision], scaled_pods(plan, observed, revision))
    return Retiring(revision, whole_second(now), most)

"""Taking a candidate back: the traffic first, its pods when they have drained."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.status import FailedRollout, RetiringRevision
from nereid.controller.decide.rollout.capacity import carried, live_revisions
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.scaling import scaled_pods
from nereid.controller.decide.rollout.state import Event, RolloutState, Transition, entered, whole_second
from nereid.controller.decide.rollout.timing import is_over
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import NO_TRAFFIC, Plan

# What fails requests is no capacity to keep.
_HARMFUL: Final = frozenset({"GuardExceeded", "AnalysisFailed", "QueryFailed", "CheckFailed", "NoReadyReplica"})


def fail(plan: Plan, observed: Observed, state: RolloutState, now: datetime, reason: str, cause: str) -> Transition:
    """Take the candidate back as failed, which it stays until its user retries it or changes the spec."""
    failed = FailedRollout(
        revision=plan.revision, attempt=state.attempt, reason=reason, message=cause, at=whole_second(now)
    )
    event = Event("Warning", "RolledBack", f"Revision {plan.revision} is taken back ({reason}): {cause}")
    return replace(withdrawn(plan, observed, state, now, reason), failed=failed), (event,)


def withdrawn(plan: Plan, observed: Observed, state: RolloutState, now: datetime, reason: str) -> RolloutState:
    """Take the traffic back from the candidate: all of it, or as much as stable can carry."""
    kept = 0 if reason in _HARMFUL else retreat_weight(plan, observed, state)
    if not kept:
        return entered(without_candidate(plan, observed, state, now), "RollingBack", now, reason)
    return entered(replace(state, exposure=replace(NO_TRAFFIC, weight=kept)), "RollingBack", now, reason)


def retreat(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Take back more as stable gets its pods again; all of it once it is not to be expected to get more."""
    kept = retreat_weight(plan, observed, state)
    if kept < state.weight or is_over(plan.rollout, state, now):
        state = replace(state, exposure=replace(NO_TRAFFIC, weight=kept))
        if not kept or is_over(plan.rollout, state, now):
            state = without_candidate(plan, observed, state, now)
        return entered(state, "RollingBack", now, state.reason), ()
    return state, ()


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


def as_retiring(plan: Plan, observed: Observed, state: RolloutState, revision: str, now: datetime) -> RetiringRevision:
    """Return a revision that is to lose its traffic, with the pods that it has, so that none is started for it."""
    replicas = {one.revision: one.replicas for one in live_revisions(plan, observed, state)}
    # Those that a scaler has given it serve until the routes lead elsewhere.
    most = max(replicas[revision], scaled_pods(plan, observed, revision))
    return RetiringRevision(revision=revision, since=whole_second(now), replicas=most)

"""decide: the next state of a rollout.

Each call makes at most one transition, so that the shell can write each to status before anything acts on it.
Semantics: docs/rollouts.md.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.status import FailedRollout, RetiringRevision, RolloutPhase
from nereid.observed.facts import Observed, Trouble
from nereid.plan import Command, LiveRevision, Plan, RolloutPlan
from nereid.rollout.state import Decision, Event, RolloutState

FULL: Final = 100
_ROUTE_CHANGES: Final = frozenset({"Propagating", "Promoting", "RollingBack"})
_AT_A_STEP: Final = frozenset({"Propagating", "Holding", "Paused"})

Transition = tuple[RolloutState, tuple[Event, ...]]


def decide(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Decision:
    """Return the next state of the rollout, the revisions to keep alive, and when to look again.

    The same arguments give the same decision, also for a state that went through JSON. A state that has nothing to
    do is returned unchanged.
    """
    if observed.is_routed(weights_of(state)):
        state = _drop_drained(plan.rollout, state, now)
    following, events = _next(plan, observed, state, now)
    return Decision(following, _live(plan, following), events, _requeue_after(plan.rollout, observed, following, now))


def routed_anew(state: RolloutState, now: datetime) -> RolloutState:
    """Return a state whose routes have been applied only now: all times that begin with a route begin anew.

    What was decided may have been written down long before it could be carried out, or have been undone by somebody.
    """
    begun = _whole_second(now)
    retiring = tuple(one.model_copy(update={"since": begun}) for one in state.retiring)
    return replace(state, retiring=retiring, since=begun if state.phase in _ROUTE_CHANGES else state.since)


def pods_for(weight: int, replicas: int) -> int:
    """Return how many pods carry `weight` percent of what `replicas` pods carry: at least one, rounded up."""
    return max(1, math.ceil(replicas * weight / FULL))


def weight_of(rollout: RolloutPlan, step: int) -> int:
    """Return the candidate's weight at a step; past the last step it is everything."""
    return rollout.steps[step].weight if step < len(rollout.steps) else FULL


def weights_of(state: RolloutState) -> dict[str, int]:
    """Return where the routes are to lead: each revision that gets traffic, with its weight in percent."""
    weights = {state.stable: FULL - state.weight, state.candidate: state.weight}
    return {revision: weight for revision, weight in weights.items() if revision is not None and weight > 0}


def deadline(rollout: RolloutPlan, state: RolloutState) -> datetime | None:
    """Return when time alone moves the rollout on; None when it waits for an event."""
    wait = _wait(rollout, state)
    return None if wait is None else state.since + timedelta(seconds=wait)


def _next(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if state.stable is None:
        return _first_revision(plan, observed, state, now)
    if plan.revision == state.stable:
        return _settle_on_stable(plan, observed, state, now)
    if state.candidate == plan.revision:
        return _advance(plan, observed, state, now)
    if state.candidate is not None:
        superseded = Event("Normal", "Superseded", f"Revision {state.candidate} is superseded by {plan.revision}")
        started, events = _start(plan, _retire_candidate(plan, state, now), now)
        return started, (superseded, *events)
    return _start_unless_failed(plan, observed, state, now)


def _first_revision(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Give the first candidate all traffic from the start: there is nothing stable to compare it with."""
    if state.candidate is not None and observed.of(state.candidate).available and observed.is_routed(weights_of(state)):
        return _complete(plan, state, now)
    if state.candidate == plan.revision:
        return state, ()
    started, _ = _start(plan, _retire_candidate(plan, state, now), now)
    return replace(started, weight=FULL, step=len(plan.rollout.steps)), ()


def _settle_on_stable(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Take a running rollout back, at once and without analysis: the spec asks for what is stable already."""
    state = replace(state, failed=None)
    if state.candidate is not None:
        event = Event("Normal", "SpecReverted", f"The spec asks for stable revision {state.stable} again")
        return _enter(_retire_candidate(plan, state, now), "RollingBack", now, "SpecReverted"), (event,)
    if state.phase == "Failed" or (state.phase == "RollingBack" and _has_propagated(plan, observed, state, now)):
        return _enter(state, "Idle", now, "SpecReverted"), ()
    return state, ()


def _start_unless_failed(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    failed = state.failed
    if failed is None or failed.revision != plan.revision:
        return _start(plan, state, now)
    if plan.rollout.retry == Command(failed.revision, failed.attempt):
        return _start(plan, state, now)
    if state.phase == "RollingBack" and _has_propagated(plan, observed, state, now):
        return _enter(state, "Failed", now, failed.reason), ()
    return state, ()


def _start(plan: Plan, state: RolloutState, now: datetime) -> Transition:
    started = _enter(
        replace(
            state,
            candidate=plan.revision,
            weight=0,
            step=0,
            attempt=_next_attempt(plan, state),
            failed=None,
            retiring=tuple(one for one in state.retiring if one.revision != plan.revision),
        ),
        "Preparing",
        now,
        "StartingPods",
    )
    return started, (Event("Normal", "RolloutStarted", f"Revision {plan.revision} becomes the candidate"),)


def _next_attempt(plan: Plan, state: RolloutState) -> int:
    """Return the number of a new attempt: one that no command names yet.

    A command stays on the object after it was carried out. It must not promote or abort a later rollout of the same
    revision.
    """
    commands = (plan.rollout.promote, plan.rollout.abort, plan.rollout.retry)
    used = [command.attempt for command in commands if command and command.revision == plan.revision]
    if state.failed and state.failed.revision == plan.revision:
        used.append(state.failed.attempt)
    return max(used, default=0) + 1


def _advance(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    mine = Command(plan.revision, state.attempt)
    if plan.rollout.abort == mine:
        return _fail(plan, state, now, "Aborted", "aborted by annotation nereid.dev/abort")
    if state.weight > 0 and observed.of(state.candidate).available == 0:
        trouble = observed.of(state.candidate).trouble
        cause = trouble.message if trouble else "none of its pods is ready any more"
        return _fail(plan, state, now, "NoReadyReplica", cause)
    if plan.rollout.promote == mine and not _is_promoted(plan.rollout, state):
        promoted = _enter(replace(state, step=len(plan.rollout.steps)), "Preparing", now, "Promoted")
        return promoted, (Event("Normal", "Promoted", f"Revision {plan.revision} is promoted by its user"),)
    if state.phase in _AT_A_STEP and state.step >= len(plan.rollout.steps):
        # The plan got fewer steps while the rollout ran: what is past its last step is its end.
        return _enter(replace(state, step=len(plan.rollout.steps)), "Preparing", now, "StartingPods"), ()
    return _TRANSITIONS[state.phase](plan, observed, state, now)


def _is_promoted(rollout: RolloutPlan, state: RolloutState) -> bool:
    return state.step >= len(rollout.steps) and (state.reason == "Promoted" or state.phase == "Promoting")


def _prepare(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if state.reason != "Promoted" and plan.rollout.paused != (state.reason == "PausedBySpec"):
        # Begun anew after a pause, as the time that a pause takes must not count against the deadline.
        return _enter(state, "Preparing", now, "PausedBySpec" if plan.rollout.paused else "StartingPods"), ()
    if state.reason == "PausedBySpec":
        return state, ()
    weight, needed = _target_weight(plan.rollout, state), _candidate_pods(plan, state)
    candidate = observed.of(state.candidate)
    if candidate.has_service and candidate.available >= needed:
        phase: RolloutPhase = "Propagating" if state.step < len(plan.rollout.steps) else "Promoting"
        event = Event("Normal", "WeightChanged", f"Revision {state.candidate} gets {weight}% of the traffic")
        return _enter(replace(state, weight=weight), phase, now, "RouteChanged"), (event,)
    if not _is_over(plan.rollout, state, now):
        return state, ()
    if candidate.deployment is None:
        # Nothing was tried yet: the operator, or the API server, was away.
        return _enter(state, "Preparing", now, state.reason), ()
    cause = f"{candidate.available} of {needed} pods were ready in time"
    trouble = candidate.trouble or Trouble("ProgressDeadlineExceeded", cause)
    return _fail(plan, state, now, trouble.reason, trouble.message)


def _propagate(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if not _has_propagated(plan, observed, state, now):
        return state, ()
    return _dwell(plan, state, now), ()


def _dwell(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    """Stay at the step's weight: for its hold time, until a promotion, or until the spec is no longer paused."""
    if plan.rollout.paused:
        return _enter(state, "Paused", now, "PausedBySpec")
    if plan.rollout.steps[state.step].hold is None:
        return _enter(state, "Paused", now, "AwaitingPromotion")
    return _enter(state, "Holding", now, "HoldingWeight")


def _hold(plan: Plan, _observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if plan.rollout.paused or plan.rollout.steps[state.step].hold is None:
        return _dwell(plan, state, now), ()
    if not _is_over(plan.rollout, state, now):
        return state, ()
    return _enter(replace(state, step=_next_step(plan.rollout, state)), "Preparing", now, "StartingPods"), ()


def _next_step(rollout: RolloutPlan, state: RolloutState) -> int:
    """Return the first step with a higher weight: the steps may have been edited while the rollout ran."""
    return next((index for index, step in enumerate(rollout.steps) if step.weight > state.weight), len(rollout.steps))


def _pause(plan: Plan, _observed: Observed, state: RolloutState, now: datetime) -> Transition:
    dwelling = _dwell(plan, state, now)
    return (state, ()) if dwelling.reason == state.reason else (dwelling, ())


def _promote(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if not _has_propagated(plan, observed, state, now):
        return state, ()
    return _complete(plan, state, now)


_TRANSITIONS: Final[dict[RolloutPhase, Callable[[Plan, Observed, RolloutState, datetime], Transition]]] = {
    "Preparing": _prepare,
    "Propagating": _propagate,
    "Holding": _hold,
    "Paused": _pause,
    "Promoting": _promote,
}


def _complete(plan: Plan, state: RolloutState, now: datetime) -> Transition:
    retired = state.retiring
    if state.stable is not None:
        retired = (*retired, _retiring(state.stable, plan.replicas, now))
    completed = replace(
        state, stable=state.candidate, candidate=None, weight=0, step=0, attempt=1, failed=None, retiring=retired
    )
    event = Event("Normal", "RolloutCompleted", f"Revision {state.candidate} is stable and gets all traffic")
    return _enter(completed, "Completed", now, "Promoted"), (event,)


def _fail(plan: Plan, state: RolloutState, now: datetime, reason: str, cause: str) -> Transition:
    failed = FailedRollout(
        revision=plan.revision, attempt=state.attempt, reason=reason, message=cause, at=_whole_second(now)
    )
    event = Event("Warning", "RolledBack", f"Revision {plan.revision} is taken back ({reason}): {cause}")
    withdrawn = _retire_candidate(plan, state, now)
    return _enter(replace(withdrawn, failed=failed), "RollingBack", now, reason), (event,)


def _retire_candidate(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    """Take all traffic from the candidate; its pods stay until it has drained."""
    if state.candidate is None:
        return state
    retiring = _retiring(state.candidate, _candidate_pods(plan, state), now)
    return replace(state, candidate=None, weight=0, step=0, retiring=(*state.retiring, retiring))


def _retiring(revision: str, replicas: int, now: datetime) -> RetiringRevision:
    return RetiringRevision(revision=revision, since=_whole_second(now), replicas=replicas)


def _candidate_pods(plan: Plan, state: RolloutState) -> int:
    """Return how many pods the candidate needs: for the weight that it has, and for the one that it is to get."""
    return pods_for(_target_weight(plan.rollout, state), plan.replicas)


def _target_weight(rollout: RolloutPlan, state: RolloutState) -> int:
    """Return the weight that the candidate is to get at its step; never less than it has, however steps are edited."""
    return max(state.weight, weight_of(rollout, state.step))


def _drop_drained(rollout: RolloutPlan, state: RolloutState, now: datetime) -> RolloutState:
    kept = tuple(one for one in state.retiring if now < _drained_at(rollout, one))
    return state if len(kept) == len(state.retiring) else replace(state, retiring=kept)


def _drained_at(rollout: RolloutPlan, retiring: RetiringRevision) -> datetime:
    """Return when a revision's pods may go: proxies learn of the new route first, then requests in flight end."""
    return retiring.since + timedelta(seconds=rollout.propagation + rollout.drain)


def _live(plan: Plan, state: RolloutState) -> tuple[LiveRevision, ...]:
    live = []
    if state.stable is not None:
        live.append(LiveRevision(state.stable, plan.replicas, FULL - state.weight))
    if state.candidate is not None:
        live.append(LiveRevision(state.candidate, _candidate_pods(plan, state), state.weight))
    return (*live, *(LiveRevision(one.revision, one.replicas, 0) for one in state.retiring))


def _enter(state: RolloutState, phase: RolloutPhase, now: datetime, reason: str) -> RolloutState:
    return replace(state, phase=phase, since=_whole_second(now), reason=reason)


def _whole_second(now: datetime) -> datetime:
    """Round up to what status can hold, so that no wait is shorter than asked for."""
    return now if now.microsecond == 0 else now.replace(microsecond=0) + timedelta(seconds=1)


def _has_propagated(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> bool:
    """Whether the routes are as decided, and have been for as long as proxies take to learn of it."""
    return observed.is_routed(weights_of(state)) and _is_over(plan.rollout, state, now)


def _is_over(rollout: RolloutPlan, state: RolloutState, now: datetime) -> bool:
    due = deadline(rollout, state)
    return due is not None and now >= due


def _wait(rollout: RolloutPlan, state: RolloutState) -> float | None:
    match state.phase:
        case "Preparing":
            return rollout.progress_deadline if state.stable and state.reason != "PausedBySpec" else None
        case "Propagating" | "Promoting" | "RollingBack":
            return rollout.propagation
        case "Holding" if not rollout.paused and state.step < len(rollout.steps):
            return rollout.steps[state.step].hold
        case _:
            return None


def _requeue_after(rollout: RolloutPlan, observed: Observed, state: RolloutState, now: datetime) -> float | None:
    moments = []
    due = deadline(rollout, state)
    if observed.is_routed(weights_of(state)):
        moments += [_drained_at(rollout, one) for one in state.retiring]
    elif state.phase in _ROUTE_CHANGES:
        due = None  # as its time has not begun
    if due is not None:
        moments.append(due)
    return max(0.0, (min(moments) - now).total_seconds()) if moments else None

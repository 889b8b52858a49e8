"""Scale to zero: without requests, a model loses its last pod; the activator holds new requests until a pod is ready.

As in a rollout, the route changes before the pods do: requests go through the activator while the last pods still run,
and these end only when they no longer get requests. When the model wakes, the pods come first. Whether there are
requests is known from the scaler, which sees both those that pods count and those that wait; a scaler that fails is not
a reason to sleep.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nereid.api.status import SleepPhase
from nereid.controller.decide.rollout.draining import (
    is_quiet,
    late_reading,
    latest,
    next_look,
    stable_falling_asleep,
    with_reading,
)
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_problem
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.state import Event, Retiring, RolloutState, Sleep, Transition, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Plan


def next_sleep(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> Transition:
    """Return the next state of sleep; `moves`: the rollout has a next step, for which stable must be awake.

    If nothing is to be done, the state is unchanged and there are no events.
    """
    if state.sleep is None or state.stable is None:
        return _begin(plan, state, now), ()
    match state.sleep.state:
        case "Awake":
            return _while_awake(plan, observed, state, now, moves=moves), ()
        case "FallingAsleep":
            return _fall_asleep(plan, observed, state, now, moves=moves)
        case "Asleep":
            return _sleep(plan, observed, state, now, moves=moves)
        case _:
            return _wake(plan, observed, state, now)


def moment(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> datetime | None:
    """Return when time alone may change something; None when only an event can."""
    if state.sleep is None:
        return None
    is_routed = observed.is_routed(routing_of(state))
    match state.sleep.state:
        case "Awake":
            return _rested_at(plan, state.sleep) if is_routed and _may_sleep(plan, observed, state) else None
        case "FallingAsleep":
            (stable,) = stable_falling_asleep(state)
            look = next_look(plan.rollout, stable)
            # A reading that is due is in progress; its result starts the next pass.
            return min(look, latest(plan.rollout, stable)) if is_routed and look > now else latest(plan.rollout, stable)
        case "Waking":
            trusted = _pod_trusted_at(plan, state.sleep)
            return trusted if _has_pod(observed, state) and trusted > now else _deadline(plan, state.sleep)
        case _:
            return None


def _begin(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    if state.stable is None or plan.autoscaling is None or not plan.autoscaling.may_sleep:
        return state
    return _entered(state, "Awake", now)


def _while_awake(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> RolloutState:
    if plan.autoscaling is None or not plan.autoscaling.may_sleep:
        return replace(state, sleep=None)
    rested = state.sleep is not None and now >= _rested_at(plan, state.sleep)
    if moves or not rested or not _may_sleep(plan, observed, state) or not observed.is_routed(routing_of(state)):
        return state
    return _entered(state, "FallingAsleep", now)


def _fall_asleep(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> Transition:
    (stable,) = stable_falling_asleep(state)
    if moves or now >= latest(plan.rollout, stable) or not _may_sleep(plan, observed, state):
        # All of its pods still run, so they can take the traffic at once.
        return _entered(state, "Awake", now), ()
    if now < next_look(plan.rollout, stable) or not observed.is_routed(routing_of(state)):
        return state, ()
    activity = observed.activity.get(stable.revision)
    if activity is None:
        return state, ()
    if late := late_reading(plan.rollout, stable, activity, now):
        return _with_reading_of(state, late), ()
    # If the counters cannot be read, the pods are kept: a model may be too busy to answer.
    is_known = activity.requests is not None or not observed.of(stable.revision).pods
    if is_known and is_quiet(plan.rollout, stable, activity, now):
        sentence = f"No requests to revision {state.stable}: scaled to zero; the next request starts a pod"
        event = Event("Normal", "FellAsleep", sentence)
        return _entered(state, "Asleep", now), (event,)
    return _with_reading_of(state, with_reading(stable, activity, now)), ()


def _sleep(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> Transition:
    is_asked_for = observed.of(state.stable).is_asked_for
    if not moves and not is_asked_for and _is_sleep_possible(plan, observed, state):
        return state, ()
    cause = "it got a request" if is_asked_for else "a rollout needs it" if moves else "it may no longer sleep"
    event = Event("Normal", "WakingUp", f"Revision {state.stable} wakes up: {cause}")
    return _entered(state, "Waking", now), (event,)


def _wake(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    is_late = state.sleep is not None and now >= _deadline(plan, state.sleep)
    if not is_late and not (_has_pod(observed, state) and state.sleep and now >= _pod_trusted_at(plan, state.sleep)):
        return state, ()
    if is_late:
        sentence = f"Revision {state.stable} had no ready pod in time: requests fail until one is ready"
        event = Event("Warning", "WakingFailed", sentence)
        return _entered(state, "Awake", now), (event,)
    return _entered(state, "Awake", now), (Event("Normal", "WokeUp", f"Revision {state.stable} has a ready pod again"),)


def _has_pod(observed: Observed, state: RolloutState) -> bool:
    """Whether stable has a ready pod. One that the scaler has just removed is still counted for a moment."""
    stable = observed.of(state.stable)
    return stable.deployment is not None and min(stable.deployment.replicas, stable.available) > 0


def _may_sleep(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether the model may fall asleep: the spec allows it, no rollout is in progress, and there are no requests."""
    return _is_sleep_possible(plan, observed, state) and observed.of(state.stable).is_idle


def _is_sleep_possible(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether the model may stay asleep; a scaler that fails for a moment must not wake every sleeping model."""
    allowed = plan.autoscaling is not None and plan.autoscaling.may_sleep and not lacks_activator(plan)
    can_wake = allowed and scaling_problem(plan, observed) is None and observed.of(state.stable).scaler is not None
    return can_wake and is_at_rest(state) and not state.floor


def _rested_at(plan: Plan, sleep: Sleep) -> datetime:
    return sleep.since + timedelta(seconds=plan.autoscaling.sleep_after if plan.autoscaling else 0)


def _pod_trusted_at(plan: Plan, sleep: Sleep) -> datetime:
    """Return from when on an observed pod is a new one: the last one is still observed for a moment after its end."""
    return sleep.since + timedelta(seconds=plan.rollout.propagation)


def _deadline(plan: Plan, sleep: Sleep) -> datetime:
    cold_start_timeout = plan.autoscaling.cold_start_timeout if plan.autoscaling else 0
    return sleep.since + timedelta(seconds=max(plan.rollout.progress_deadline, cold_start_timeout))


def _entered(state: RolloutState, phase: SleepPhase, now: datetime) -> RolloutState:
    return replace(state, sleep=Sleep(phase, whole_second(now)))


def _with_reading_of(state: RolloutState, stable: Retiring) -> RolloutState:
    if state.sleep is None:
        return state
    looked_at, requests = stable.looked_at, stable.requests
    read = Sleep(state.sleep.state, stable.since, looked_at, requests, was_late=stable.was_late)
    return replace(state, sleep=read)

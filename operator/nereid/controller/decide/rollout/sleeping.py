"""Scale to zero: when nobody asks for a model, its last pod goes; who asks then waits in the activator for the next.

The traffic is led first, then the pods go, as in a rollout: requests take the way by the activator while the last pods
are still there, and only when these are quiet may they end. On the way up the pods come first. Whether somebody asks is
told by the scaler, which sees both what pods count and what waits; that it fails is no reason to sleep.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nereid.api.status import SleepPhase
from nereid.controller.decide.rollout.draining import is_quiet, latest, looked_at, next_look, stable_falling_asleep
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_problem
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.state import Event, Retiring, RolloutState, Sleep, Transition, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Plan


def next_sleep(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> Transition:
    """Return the state as it is next; `moves` tells that the rollout wants to move on, for which stable must be awake.

    Unchanged, and without events, when nothing is to be done.
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
            # One that is due is under way, and wakes by itself.
            return min(look, latest(plan.rollout, stable)) if is_routed and look > now else latest(plan.rollout, stable)
        case "Waking":
            sure = _sure_at(plan, state.sleep)
            return sure if _has_pod(observed, state) and sure > now else _late_at(plan, state.sleep)
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
        # Its pods are all there, so that they can take the traffic at once.
        return _entered(state, "Awake", now), ()
    if now < next_look(plan.rollout, stable) or not observed.is_routed(routing_of(state)):
        return state, ()
    activity = observed.activity.get(stable.revision)
    if activity is None:
        return state, ()
    # Where it cannot be told what the pods do, they stay: a model may be too busy to answer.
    is_told = activity.requests is not None or not observed.of(stable.revision).pods
    if is_told and is_quiet(plan.rollout, stable, activity, now):
        sentence = f"No requests to revision {state.stable}: scaled to zero; the next request starts a pod"
        event = Event("Normal", "FellAsleep", sentence)
        return _entered(state, "Asleep", now), (event,)
    seen = looked_at(stable, activity, now)
    return _with_look(state, seen), ()


def _sleep(plan: Plan, observed: Observed, state: RolloutState, now: datetime, *, moves: bool) -> Transition:
    is_asked_for = observed.of(state.stable).is_asked_for
    if not moves and not is_asked_for and _is_sleep_possible(plan, observed, state):
        return state, ()
    cause = "it got a request" if is_asked_for else "a rollout needs it" if moves else "it may no longer sleep"
    event = Event("Normal", "WakingUp", f"Revision {state.stable} wakes up: {cause}")
    return _entered(state, "Waking", now), (event,)


def _wake(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    late = state.sleep is not None and now >= _late_at(plan, state.sleep)
    if not late and not (_has_pod(observed, state) and state.sleep and now >= _sure_at(plan, state.sleep)):
        return state, ()
    if late:
        sentence = f"Revision {state.stable} had no ready pod in time: requests fail until one is ready"
        event = Event("Warning", "WakingFailed", sentence)
        return _entered(state, "Awake", now), (event,)
    return _entered(state, "Awake", now), (Event("Normal", "WokeUp", f"Revision {state.stable} has a ready pod again"),)


def _has_pod(observed: Observed, state: RolloutState) -> bool:
    """Whether stable has a pod that stays: one that the scaler has just taken is counted for a moment longer."""
    deployment = observed.of(state.stable).deployment
    return deployment is not None and min(deployment.replicas, deployment.available) > 0


def _may_sleep(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether nothing stands against falling asleep: neither spec, nor rollout, nor a scaler that sees requests."""
    return _is_sleep_possible(plan, observed, state) and observed.of(state.stable).is_idle


def _is_sleep_possible(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether it may sleep on; a scaler that fails for a moment is no reason to start the pods of all sleepers."""
    allowed = plan.autoscaling is not None and plan.autoscaling.may_sleep and not lacks_activator(plan)
    can_wake = allowed and scaling_problem(plan, observed) is None and observed.of(state.stable).scaler is not None
    return can_wake and is_at_rest(state) and not state.floor


def _rested_at(plan: Plan, sleep: Sleep) -> datetime:
    return sleep.since + timedelta(seconds=plan.autoscaling.sleep_after if plan.autoscaling else 0)


def _sure_at(plan: Plan, sleep: Sleep) -> datetime:
    """Return when a pod that is seen is a new one: just after the last one was taken, it is still seen for a moment."""
    return sleep.since + timedelta(seconds=plan.rollout.propagation)


def _late_at(plan: Plan, sleep: Sleep) -> datetime:
    patience = plan.autoscaling.cold_start_timeout if plan.autoscaling else 0
    return sleep.since + timedelta(seconds=max(plan.rollout.progress_deadline, patience))


def _entered(state: RolloutState, phase: SleepPhase, now: datetime) -> RolloutState:
    return replace(state, sleep=Sleep(phase, whole_second(now)))


def _with_look(state: RolloutState, seen: Retiring) -> RolloutState:
    if state.sleep is None:
        return state
    return replace(state, sleep=replace(state.sleep, looked_at=seen.looked_at, requests=seen.requests))

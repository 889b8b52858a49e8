"""The start of a rollout, for the first time or again."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import history
from nereid.controller.decide.rollout.analysis import next_trial
from nereid.controller.decide.rollout.capacity import lacks_place
from nereid.controller.decide.rollout.limits_of_time import waits_for_window
from nereid.controller.decide.rollout.rolling_back import exposure_to_keep, rolled_back, without_candidate
from nereid.controller.decide.rollout.state import Event, RolloutState, Transition, entered, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import NO_TRAFFIC, Held, Plan

# There is always a next number, whatever somebody has written into status.
_HIGHEST: Final = 10**9
# A command whose number is so far ahead of all others was not meant for any of them, and none gets it soon.
AHEAD: Final = 1000


def started(plan: Plan, state: RolloutState, now: datetime) -> Transition:
    """Make the plan's revision the candidate, as a new attempt; if it drains, it keeps the pods that it has."""
    is_fast, attempt = history.is_fast(plan, state), next_attempt(plan, state)
    preparing = replace(
        entered(state, Stage.STARTING_PODS, now),
        candidate=plan.revision,
        strategy=plan.rollout.strategy,
        exposure=NO_TRAFFIC,
        step=len(plan.rollout.steps) if is_fast else 0,
        floor=max(state.floor, plan.replicas) if state.stable else 0,
        is_fast=is_fast,
        attempt=attempt,
        attempts=state.attempts.with_attempt(plan.revision, attempt),
        trial=next_trial(state, plan.revision),
        failed=None,
        started=whole_second(now),
        analysis=None,
        checks=None,
    )
    how = " and takes the fast track, as it has served before" if is_fast else _why_in_steps(plan, state)
    event = Event("Normal", "RolloutStarted", f"Revision {plan.revision} becomes the candidate{how}")
    return replace(preparing, stage=blocked_stage(plan, preparing, now) or preparing.stage), (event,)


def started_instead(plan: Plan, observed: Observed, state: RolloutState, now: datetime, event: Event) -> Transition:
    """Start the plan's revision at the first step, once the candidate's traffic has returned to stable."""
    if exposure_to_keep(plan, observed, state).has_traffic:
        return rolled_back(plan, observed, state, now, event.reason), (event,)
    preparing, events = started(plan, without_candidate(plan, observed, state, now), now)
    return preparing, (event, *events)


def _why_in_steps(plan: Plan, state: RolloutState) -> str:
    """Return why a former revision does not take the fast track that the spec allows; empty if nothing keeps it."""
    last = history.last_of(state.history, plan.revision)
    if not plan.rollout.fast_track or last is None:
        return ""
    return f" and goes through its steps in spite of fastTrack, as it was left as bad before: {last.left_message}"


def next_attempt(plan: Plan, state: RolloutState) -> int:
    """Return the number of a new attempt at the plan's revision, higher than any before and than any in a command.

    A command stays on the object after it was carried out, and may come back after it was overwritten. It must not
    promote or abort a later rollout of the same revision. An earlier operator has left no numbers but the present one.
    """
    commands = (plan.rollout.promote, plan.rollout.abort, plan.rollout.retry)
    known = [state.attempts.of(plan.revision)]
    if state.candidate == plan.revision:
        known.append(state.attempt)
    if state.failed and state.failed.revision == plan.revision:
        known.append(state.failed.attempt)
    named = [command.attempt for command in commands if command and command.revision == plan.revision]
    used = [*known, *(attempt for attempt in named if attempt <= max(known) + AHEAD)]
    return min(max(used), _HIGHEST) + 1


def blocked_stage(plan: Plan, state: RolloutState, now: datetime) -> Stage | None:
    """Return the stage in which the candidate waits before it gets more; None if it need not.

    Checks that run are not cut off when a window closes.
    """
    if isinstance(plan, Held) and state.stable is not None:
        return Stage.PREPARATION_HELD
    if state.stage is Stage.PROMOTED_BY_USER or state.stable is None:
        return None
    # Going back is not paused: by hand, or to the revision that a rollout has just replaced.
    goes_back = state.is_fast and (state.pinned is not None or history.may_return(state, state.candidate))
    if plan.rollout.paused and not goes_back:
        return Stage.PREPARATION_PAUSED
    if lacks_place(plan, state):
        return Stage.NO_PLACE
    outside = state.stage is not Stage.RUNNING_CHECKS and waits_for_window(plan, state, now)
    return Stage.OUTSIDE_WINDOW if outside else None

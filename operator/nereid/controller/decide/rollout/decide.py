"""decide: the next state of a rollout.

Each call makes at most one transition, so that the shell can write each to status before anything acts on it.
Semantics: docs/rollouts.md.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import adoption, analysis, checks, corrections, draining, history
from nereid.controller.decide.rollout.capacity import live_revisions, with_floor, without_spare_entry
from nereid.controller.decide.rollout.consistency import consistent
from nereid.controller.decide.rollout.first_revision import first_revision
from nereid.controller.decide.rollout.judged_metrics import fitted
from nereid.controller.decide.rollout.rolling_back import roll_back_further, rolled_back
from nereid.controller.decide.rollout.routing import is_gated, routing_of
from nereid.controller.decide.rollout.settling import at_rest, settled
from nereid.controller.decide.rollout.sleeping import next_sleep
from nereid.controller.decide.rollout.start import started, started_instead
from nereid.controller.decide.rollout.state import (
    Decision,
    Event,
    Failure,
    RolloutState,
    Sleep,
    Transition,
    not_after,
    whole_second,
)
from nereid.controller.decide.rollout.steps import advance
from nereid.controller.decide.rollout.timing import begins_with_route, requeue_after, until_propagated
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Command, Held, Plan

_MOST_LISTED: Final = 5
_LONGEST_LISTED: Final = 100


def decide(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Decision:
    """Return the next state of the rollout, the revisions to keep alive, and when to look again.

    The same arguments give the same decision, also for a state that went through JSON. If there is nothing to do, the
    state is returned unchanged.
    """
    if state.unreadable:
        readable = decide(plan, observed, _made_whole(plan, observed, state, now), now)
        return replace(readable, events=(_begun_anew(state.unreadable), *readable.events))
    state = settled(not_after(consistent(state), now), now)
    transition = adoption.adopted(plan, observed, state, now) or corrections.corrected(plan, observed, state, now)
    if transition:
        return _decision(plan, observed, transition, now)
    state = corrections.with_records(plan, observed, state, now)
    if observed.is_routed(routing_of(state)):
        state = draining.drained(plan, observed, state, now)
    state = history.unpinned(plan, with_floor(plan, observed, without_spare_entry(plan, state)))
    desired, (following, events) = history.desired_plan(plan, observed, state)
    if following == state and not events:
        state, resets = fitted(plan, state)
        state, others = analysis.with_audience(plan, state, now)
        state, failure = analysis.with_sample(plan, state, observed.sample, now)
        following, events = _next(desired, observed, state, now, failure)
        events = (*resets, *others, *events)
        moves = following != state or bool(events)
        if is_gated(state) or not moves:
            # A sleeping revision is woken before anything is rolled out beside it.
            following, events = next_sleep(desired, observed, state, now, moves=moves)
    return _decision(desired, observed, (following, events), now)


def _decision(plan: Plan, observed: Observed, transition: Transition, now: datetime) -> Decision:
    state, events = transition
    state = with_floor(plan, observed, state)
    return Decision(
        state,
        live_revisions(plan, observed, state),
        events,
        requeue_after(plan, observed, state, now),
        checks.due(plan, state),
    )


def _made_whole(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return a state without `unreadable`: with the missing parts, unless all of it is made from what serves."""
    readable = consistent(state)
    if adoption.adopted(plan, observed, readable, now):
        return replace(readable, unreadable=())
    return corrections.with_missing_parts(plan, observed, readable, now)


def _begun_anew(unreadable: tuple[str, ...]) -> Event:
    return Event(
        "Warning",
        "StatusNotReadable",
        f"These parts of the status are not what the operator writes, and begin anew, or are made from what runs: "
        f"{_listed(unreadable)}. "
        "Check who may write to modeldeployments/status",
    )


def _listed(parts: tuple[str, ...]) -> str:
    more = f" and {len(parts) - _MOST_LISTED} more" if len(parts) > _MOST_LISTED else ""
    return ", ".join(part[:_LONGEST_LISTED] for part in parts[:_MOST_LISTED]) + more


def routed_anew(state: RolloutState, now: datetime) -> RolloutState:
    """Return a state whose routes have been applied only now: all times that begin with a route begin again.

    The decision may have been recorded long before it could be carried out, or somebody changed the route meanwhile.
    """
    begin = whole_second(now)
    retiring = tuple(
        replace(entry, since=begin, looked_at=None, requests=None, requested_at=None, was_late=False)
        for entry in state.retiring
    )
    sleep = state.sleep and (Sleep(state.sleep.state, begin) if is_gated(state) else state.sleep)
    if not begins_with_route(state):
        return replace(state, retiring=retiring, sleep=sleep, seen_at=None)
    judged = state.analysis
    judged = replace(judged, exposed_at=begin) if judged and judged.exposed_at else judged
    return replace(state, retiring=retiring, sleep=sleep, since=begin, analysis=judged, seen_at=None)


def _next(plan: Plan, observed: Observed, state: RolloutState, now: datetime, failure: Failure | None) -> Transition:
    if state.stage is Stage.RETREATING:
        return roll_back_further(plan, observed, state, now, failure)
    if state.stable is None:
        return first_revision(plan, observed, state, now)
    if plan.revision == state.stable:
        return _settle_on_stable(plan, observed, state, now)
    if state.candidate == plan.revision:
        return advance(plan, observed, state, now, failure)
    if state.candidate is not None:
        return _supersede(plan, observed, state, now)
    return _start_unless_failed(plan, observed, state, now)


def _settle_on_stable(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Roll a candidate back at once and without analysis: the stable revision is the desired one."""
    state = replace(state, failed=None)
    if state.candidate is not None:
        event = Event(
            "Normal",
            "SpecReverted",
            f"Stable revision {state.stable} is asked for again: candidate {state.candidate} is rolled back",
        )
        return rolled_back(plan, observed, state, now, "SpecReverted"), (event,)
    if state.stage is Stage.ROLLING_BACK and (waiting := until_propagated(plan, observed, state, now)):
        return waiting, ()
    if state.stage in {Stage.FAILED, Stage.ROLLING_BACK}:
        return at_rest(state, Stage.IDLE, now, "SpecReverted"), ()
    return state, ()


def _supersede(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    event = Event("Normal", "Superseded", f"Revision {state.candidate} is superseded by {plan.revision}")
    return started_instead(plan, observed, state, now, event)


def _start_unless_failed(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    failed = state.failed
    if failed is None or failed.revision != plan.revision:
        return started(plan, state, now)
    if plan.rollout.retry == Command(failed.revision, failed.attempt) and not isinstance(plan, Held):
        return started(plan, state, now)
    if state.stage is not Stage.ROLLING_BACK:
        return state, ()
    waiting = until_propagated(plan, observed, state, now)
    return waiting or at_rest(state, Stage.FAILED, now, failed.reason), ()

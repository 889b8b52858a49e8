"""The first revision: there is nothing stable to compare it with, or to go back to.

Nothing is routed to it until it has passed the checks that need no stable revision. If it fails, its pods stay, for
their logs, and no route leads to them.
"""

from dataclasses import replace
from datetime import datetime

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import checking, checks, first_bake, history
from nereid.controller.decide.rollout.rolling_back import without_candidate
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.start import started
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, Transition, entered
from nereid.controller.decide.rollout.steps import complete
from nereid.controller.decide.rollout.timing import deadline
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import ALL_TRAFFIC, Command, Held, Plan


def first_revision(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Check the first candidate, give it all traffic, and make it stable once it serves; there are no steps."""
    candidate = observed.of(state.candidate)
    if candidate.available and state.exposure.has_traffic and observed.is_routed(routing_of(state)):
        return _served(plan, observed, state, now)
    if state.candidate != plan.revision:
        first, _ = begun(plan, without_candidate(plan, observed, state, now), now)
        return first, ()
    if state.exposure.has_traffic:
        return state, ()
    run = checks.pending(plan, state)
    is_promoted = plan.rollout.promote == Command(plan.revision, state.attempt)
    if state.stage is Stage.FAILED and not is_promoted:
        return begun(plan, state, now) if _is_tried_again(plan, state) else (state, ())
    if isinstance(plan, Held):
        # Its checks are not known now. They begin anew afterwards.
        return (entered(state, Stage.STARTING_PODS, now) if state.stage is Stage.RUNNING_CHECKS else state), ()
    if run is None or is_promoted:
        return replace(entered(state, Stage.STARTING_PODS, now), exposure=ALL_TRAFFIC, failed=None), ()
    if state.stage is not Stage.RUNNING_CHECKS:
        is_there = candidate.available and candidate.has_service
        return checking.begun(run, state, now) if is_there else (state, ())
    outcome = checking.ended(run, plan, observed, state, now)
    if outcome is None:
        return state, ()
    state = replace(state, checks=outcome.status)
    if outcome.failure:
        return _failed(state, outcome.failure, now)
    return checking.passed(outcome, state, now)


def _served(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Make it stable. Its route may be new, if it was checked before: who finds it Ready is to reach it."""
    due = deadline(plan, observed, state)
    if due is not None and now < due:
        return state, ()
    completed, events = complete(plan, observed, state, now)
    return first_bake.begun(plan, completed, now), events


def begun(plan: Plan, state: RolloutState, now: datetime) -> Transition:
    """Start the first revision, for the first time or again: without traffic, if it has to be checked."""
    first, events = started(plan, state, now)
    first = replace(first, step=len(plan.rollout.steps))
    must_be_checked = checks.pending(plan, first) is not None
    return (first if must_be_checked else replace(first, exposure=ALL_TRAFFIC)), events


def _is_tried_again(plan: Plan, state: RolloutState) -> bool:
    """Whether the user asks for another attempt, or has changed the checks."""
    failed, last = state.failed, state.checks
    if isinstance(plan, Held):
        return False
    if failed is None or last is None:
        return True  # Its status was lost in part: nobody knows what failed.
    run = checks.pending(plan, state)
    return plan.rollout.retry == Command(failed.revision, failed.attempt) or run is None or run.id != last.run


def _failed(state: RolloutState, failure: Failure, now: datetime) -> Transition:
    assert state.candidate is not None  # noqa: S101 - only a candidate is checked
    sentence = f"First revision {state.candidate} gets no traffic ({failure.reason}): {failure.message}"
    failed = history.left_as_failed(state, state.candidate, failure, now)
    resting = entered(failed, Stage.FAILED, now, failure.reason)
    return resting, (Event("Warning", failure.reason, sentence),)

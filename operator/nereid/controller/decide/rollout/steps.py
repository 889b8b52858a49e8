"""The steps of a candidate: pods, checks, exposure, evidence, and again for the next step, until it is stable."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import (
    analysis,
    approvals,
    baking,
    checking,
    checks,
    gates,
    history,
    limits_of_time,
    low_traffic,
)
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.capacity import (
    drains_without_surge,
    exposure_at,
    kept_pods,
    lacks_place,
    lacks_pods,
    offer,
    pods_needed,
    takes_only_place,
    waits_for_places,
)
from nereid.controller.decide.rollout.rolling_back import fail, with_retiring
from nereid.controller.decide.rollout.routing import FULL, describe, routing_of
from nereid.controller.decide.rollout.settling import at_rest
from nereid.controller.decide.rollout.stage import AT_A_STEP, BLOCKED, PREPARING, SHOWN_AS, WAITING
from nereid.controller.decide.rollout.start import blocked_stage, started_instead
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, Transition, entered
from nereid.controller.decide.rollout.timing import has_passed, is_over, lacks_effect, until_propagated
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import ALL_TRAFFIC, Command, Exposure, Held, Pinned, Plan, RolloutPlan

# Pauses that end by themselves when the evidence or the metrics arrive.
_WAITS_FOR_EVIDENCE: Final = frozenset({Stage.INCONCLUSIVE, Stage.METRICS_UNAVAILABLE})
# Where a candidate waits before it gets more, until that is over.
_WAITS_FOR_MORE: Final = BLOCKED | {Stage.AWAITING_APPROVAL}
_PROMOTED: Final = frozenset({Stage.PROMOTED_BY_USER, Stage.PROMOTING, Stage.BAKING})
_ABORTED: Final = Failure("Aborted", "aborted by annotation nereid.dev/abort")
_LOST: Final = Failure(
    "RevisionLost",
    "its ControllerRevision and its Deployment are gone, and the spec asks for another revision, so that it cannot be "
    "made again: roll back to another one of status.history, or change the spec",
)
_UNDECIDED: Final = Failure("Inconclusive", "the evidence was undecided at the deadline")


def advance(plan: Plan, observed: Observed, state: RolloutState, now: datetime, failure: Failure | None) -> Transition:
    """Return the next state of the candidate that the plan asks for; `failure` is why it must not go on."""
    this_attempt = Command(plan.revision, state.attempt)
    if plan.rollout.abort == this_attempt:
        return fail(plan, observed, state, now, _ABORTED)
    if state.exposure.has_traffic and observed.of(state.candidate).available == 0:
        problem = observed.of(state.candidate).problem
        cause = problem.message if problem else "none of its pods is ready any longer"
        return fail(plan, observed, state, now, Failure("NoReadyReplica", cause, is_harmful=True))
    failure = failure or limits_of_time.exceeded(plan, state, now) or approvals.refusal(plan, state)
    if failure := failure or _lost(plan, observed, state):
        return fail(plan, observed, state, now, failure)
    if plan.rollout.max_duration and state.started is None:
        # An earlier operator, which did not write it, began this rollout.
        return replace(state, started=state.since), ()
    if isinstance(plan, Held):
        # The plan's steps are those of another revision, which is not known yet.
        return _NEXT[state.stage](plan, observed, state, now)
    if state.strategy not in {None, plan.rollout.strategy} and not _has_everything(state) and not state.is_fast:
        event = Event(
            "Normal",
            "StrategyChanged",
            f"The strategy is {plan.rollout.strategy} now: revision {plan.revision} starts again at its first step",
        )
        return started_instead(plan, observed, state, now, event)
    if plan.rollout.promote == this_attempt and not _is_promoted(plan.rollout, state):
        last = replace(state, step=len(plan.rollout.steps), is_promoted=True)
        return entered(last, Stage.PROMOTED_BY_USER, now), (_promoted(plan),)
    step = _step_of(plan, observed, state)
    if step is None:
        return entered(replace(state, step=0), Stage.STARTING_PODS, now), ()
    if step != state.step:
        return replace(state, step=step), low_traffic.skipped(plan, observed, state, step)
    return _NEXT[state.stage](plan, observed, state, now)


def _step_of(plan: Plan, observed: Observed, state: RolloutState) -> int | None:
    """Return the step that the candidate is at, by the present steps of the plan; None if the plan no longer has steps.

    If its step was removed, the last one counts, so that no analysis or pause can be skipped by editing the steps.
    """
    steps = len(plan.rollout.steps)
    if state.stage in AT_A_STEP:
        return min(state.step, steps - 1) if steps else None
    if state.is_fast or (state.stage in PREPARING and takes_only_place(plan, state)):
        return steps
    if state.stage in PREPARING and low_traffic.relies_on_checks(plan, observed, state):
        return steps
    if state.stage in PREPARING - {Stage.PROMOTED_BY_USER}:
        return _first_with_more(plan.rollout, state.exposure)
    return state.step


def _has_everything(state: RolloutState) -> bool:
    """Whether the last move was made: how the candidate came there does not matter any more."""
    return state.stage in {Stage.PROMOTING, Stage.BAKING} or state.weight == FULL


def _promoted(plan: Plan) -> Event:
    return Event("Normal", "Promoted", f"Revision {plan.revision} is promoted by annotation nereid.dev/promote")


def _is_promoted(rollout: RolloutPlan, state: RolloutState) -> bool:
    return state.stage is Stage.BAKING or (state.step >= len(rollout.steps) and state.stage in _PROMOTED)


def _prepare(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    blocked = blocked_stage(plan, state, now)
    if not blocked and _has_lost_its_pass(plan, observed, state):
        return entered(replace(state, step=state.step - 1), Stage.ANALYZING, now), ()
    if blocked or state.stage in _WAITS_FOR_MORE:
        # Afterwards the stage begins again, as the time in between must not count against the deadline.
        stage = blocked or Stage.STARTING_PODS
        # A window may have opened and closed while nobody looked.
        is_anew = state.stage is not stage or is_over(plan, observed, state, now)
        return (entered(state, stage, now) if is_anew else state), ()
    if state.stage is Stage.RUNNING_CHECKS:
        return _take_checks(plan, observed, state, now)
    candidate = observed.of(state.candidate)
    if drains_without_surge(plan, state):
        # It was asked for again while it drained: its places are not its own yet.
        return (entered(state, state.stage, now) if is_over(plan, observed, state, now) else state), ()
    is_full = not lacks_pods(plan, observed, state)
    partial = None if is_full else offer(plan, observed, state)
    if candidate.has_service and (is_full or partial):
        if run := checks.pending(plan, state):
            return checking.begun(run, state, now)
        exposed = _expose_partly(plan, state, partial, now) if partial else _expose(plan, observed, state, now)
        return approvals.begun(plan, state, now) or exposed
    if not is_over(plan, observed, state, now):
        return state, ()
    if candidate.deployment is None:
        return _made_again(plan, state, now)
    if waits_for_places(plan, state):
        # Nothing was tried yet: draining revisions still occupy the places.
        return entered(state, state.stage, now), ()
    return _fail_without_pods(plan, observed, state, now)


def _await_approval(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    is_awaited = approvals.awaited(plan, state) and not blocked_stage(plan, state, now)
    return (state, ()) if is_awaited else _prepare(plan, observed, state, now)


def _has_lost_its_pass(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether the candidate waited so long for its next step that what it had passed with is not shown any more.

    Or its route has lost its effect meanwhile, also while its pods start: then nothing moves. What a person has let
    through, or went on without a pass, goes on.
    """
    judged, asked = state.analysis, plan.rollout.analysis
    if judged is None or asked.provider == "None" or state.is_fast or not state.exposure.has_traffic or not state.step:
        return False
    at_step = replace(state, step=state.step - 1)
    if any(step.hold is None for step in plan.rollout.steps[at_step.step : state.step]):
        return False
    if lacks_effect(state) and state.stage in _WAITS_FOR_MORE | {Stage.STARTING_PODS}:
        return True
    if state.stage not in _WAITS_FOR_MORE or asked.on_inconclusive == "Continue":
        return False
    if judged.errors >= analysis.MOST_ERRORS:
        return True
    if judged.verdict == "Pass":
        return False
    at_step = _as_it_was_left(plan, at_step, judged)
    return not low_traffic.is_enough(plan, observed, at_step) and not low_traffic.is_clean(plan, at_step)


def _as_it_was_left(plan: Plan, state: RolloutState, judged: AnalysisState) -> RolloutState:
    """Return the state of a candidate that waits as if it were at its step still, since the routes have shown it there.

    No sample may have come since it waits, and one that could not be had takes nothing away.
    """
    since = min(analysis.reached_at(plan, judged) or state.since, state.since)
    return replace(state, since=since, analysis=replace(judged, errors=0))


def _fail_without_pods(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    candidate = observed.of(state.candidate)
    if problem := candidate.problem:
        return fail(plan, observed, state, now, Failure(problem.reason, problem.message))
    cause = f"{candidate.available} of {pods_needed(plan, state)} pods were ready in time"
    if lacks_place(plan, state):
        # It was promoted by hand: otherwise it would have waited for a place.
        cause += (
            ", as surge is 0 and stable's only pod is needed: set spec.rollout.allowDowntime, or scale to two replicas"
        )
    elif late := candidate.late_endpoints:
        cause = late
    elif not candidate.has_service:
        cause += f", but it has no Service: look at why {plan.owner.name}-{state.candidate} could not be made"
    return fail(plan, observed, state, now, Failure("ProgressDeadlineExceeded", cause))


def _made_again(plan: Plan, state: RolloutState, now: datetime) -> Transition:
    """Wait anew for a Deployment that is not there: the operator or the API server was down, or somebody deletes it."""
    sentence = (
        f"Revision {state.candidate} has had no Deployment for {plan.rollout.progress_deadline:.0f} s, though it was "
        "made, or could not be made: it is waited for anew"
    )
    return entered(state, state.stage, now), (Event("Warning", "DeploymentMissing", sentence),)


def _lost(plan: Plan, observed: Observed, state: RolloutState) -> Failure | None:
    """Return the failure of a candidate of which nothing is left, and which cannot be made again from the spec."""
    seen, is_looked_up = observed.of(state.candidate), state.candidate in observed.gone
    is_nothing = seen.record is None and seen.deployment is None
    return _LOST if isinstance(plan, Pinned) and is_nothing and is_looked_up else None


def _take_checks(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    run = checks.pending(plan, state)
    if run is None:
        # The checks were removed from the spec meanwhile.
        return entered(state, Stage.STARTING_PODS, now), ()
    outcome = checking.ended(run, plan, observed, state, now)
    if outcome is None:
        return state, ()
    state = replace(state, checks=outcome.status)
    if outcome.failure:
        return fail(plan, observed, state, now, outcome.failure)
    return checking.passed(outcome, state, now)


def _expose(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Give the candidate the exposure of its step; never less than it has, however the steps are edited."""
    is_last = state.step >= len(plan.rollout.steps)
    target = baking.last_move(plan, observed, state) if is_last else exposure_at(plan.rollout, state.step)
    exposure = target if target.order >= state.exposure.order else state.exposure
    stage = Stage.PROMOTING if is_last else Stage.PROPAGATING
    # Nothing is left to be passed while it is promoted: what was shown last stays to be seen.
    counting = state.analysis if state.analysis and stage is Stage.PROMOTING else None
    counting = counting or analysis.exposed(plan, state, exposure, now)
    exposed = entered(replace(state, exposure=exposure, analysis=counting), stage, now)
    return exposed, (Event("Normal", "WeightChanged", f"Revision {state.candidate} gets {describe(exposed)}"),)


def _expose_partly(plan: Plan, state: RolloutState, exposure: Exposure, now: datetime) -> Transition:
    """Give the candidate what its ready pods can carry already, so that stable can give up another place."""
    counting = analysis.exposed(plan, state, exposure, now)
    exposed = entered(replace(state, exposure=exposure, analysis=counting), state.stage, now)
    return exposed, (Event("Normal", "WeightChanged", f"Revision {state.candidate} gets {describe(exposed)}"),)


def _propagate(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    return until_propagated(plan, observed, state, now) or _dwell(plan, state, now), ()


def _dwell(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    """Stay at the step: for its hold and until it is judged, until a promotion, or while the spec is paused or held."""
    if isinstance(plan, Held):
        return entered(state, Stage.STEP_HELD, now)
    if plan.rollout.paused:
        return entered(state, Stage.STEP_PAUSED, now)
    if plan.rollout.steps[state.step].hold is None:
        return entered(state, Stage.AWAITING_PROMOTION, now)
    if plan.rollout.analysis.provider == "None":
        return entered(state, Stage.HOLDING, now)
    return entered(state, Stage.ANALYZING, now)


def _dwells_otherwise(plan: Plan, state: RolloutState, now: datetime) -> RolloutState | None:
    dwelling = _dwell(plan, state, now)
    return dwelling if dwelling.stage is not state.stage else None


def _hold(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if dwelling := _dwells_otherwise(plan, state, now):
        return dwelling, ()
    return (_next_step(plan, state, now), ()) if is_over(plan, observed, state, now) else (state, ())


def _analyze(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if dwelling := _dwells_otherwise(plan, state, now):
        return dwelling, ()
    judged = state.analysis
    if judged and judged.errors >= analysis.MOST_ERRORS:
        return _pause_for(state, now, Stage.METRICS_UNAVAILABLE, f"the metrics provider keeps failing: {judged.error}")
    if not is_over(plan, observed, state, now):
        return state, ()
    if has_passed(state):
        return _next_step(plan, state, now), ()
    if low_traffic.is_enough(plan, observed, state):
        return _next_step(plan, state, now), low_traffic.moved_on(plan, observed, state)
    if analysis.is_looking(plan, state, now):
        return state, ()  # Its answer, or that there is none, counts first.
    if low_traffic.is_clean(plan, state):
        return _next_step(plan, state, now), low_traffic.moved_on(plan, observed, state)
    match plan.rollout.analysis.on_inconclusive:
        case "Continue":
            return _next_step(plan, state, now), ()
        case "Rollback":
            return fail(plan, observed, state, now, _UNDECIDED)
        case _:
            return _pause_for(state, now, Stage.INCONCLUSIVE, "the evidence is undecided at the deadline")


def _pause_for(state: RolloutState, now: datetime, stage: Stage, cause: str) -> Transition:
    if stage is Stage.INCONCLUSIVE and state.analysis:
        state = replace(state, analysis=replace(state.analysis, verdict="Inconclusive"))
    sentence = f"Revision {state.candidate} is held at {describe(state)}: {cause}"
    return entered(state, stage, now), (Event("Warning", SHOWN_AS[stage].reason, sentence),)


def _next_step(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    """Go to the first step that gives the candidate more: the steps may have been edited while the rollout ran."""
    return entered(replace(state, step=_first_with_more(plan.rollout, state.exposure)), Stage.STARTING_PODS, now)


def _first_with_more(rollout: RolloutPlan, exposure: Exposure) -> int:
    more = (index for index, step in enumerate(rollout.steps) if step.exposure.order > exposure.order)
    return next(more, len(rollout.steps))


def _pause(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    dwelling = _dwell(plan, state, now)
    if dwelling.stage is Stage.AWAITING_PROMOTION and gates.is_let_through(plan, state):
        return _next_step(plan, state, now), (gates.let_through(plan, state),)
    if state.stage not in _WAITS_FOR_EVIDENCE or dwelling.stage is not Stage.ANALYZING:
        return (state, ()) if dwelling.stage is state.stage else (dwelling, ())
    judged = state.analysis
    if state.stage is Stage.METRICS_UNAVAILABLE:
        return (dwelling, ()) if judged is None or judged.errors == 0 else (state, ())
    if has_passed(state):
        return _next_step(plan, state, now), ()
    if low_traffic.is_enough(plan, observed, state) or low_traffic.is_clean(plan, state):
        return _next_step(plan, state, now), low_traffic.moved_on(plan, observed, state)
    # If the user has changed what happens at the deadline, it is judged again.
    return (state if plan.rollout.analysis.on_inconclusive in {"Pause", "ContinueIfClean"} else dwelling), ()


def _promote(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if lacks_pods(plan, observed, state):
        is_late = observed.is_routed(routing_of(state)) and is_over(plan, observed, state, now)
        return _fail_without_pods(plan, observed, state, now) if is_late else (state, ())
    if waiting := until_propagated(plan, observed, state, now):
        return waiting, ()
    if not baking.has_bake(plan, state):
        return _take_everything(plan, observed, state, now)
    is_promoted = state.is_promoted or plan.rollout.promote == Command(plan.revision, state.attempt)
    return entered(replace(state, is_promoted=is_promoted), Stage.BAKING, now), ()


def _bake(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    if not is_over(plan, observed, state, now) or baking.waits_for_window(plan, state, now):
        return state, ()
    if lacks_pods(plan, observed, state):
        granted = baking.with_time_for_pods(plan, state, now)
        return (granted, ()) if granted else _fail_without_pods(plan, observed, state, now)
    return _take_everything(plan, observed, state, now)


def _take_everything(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Become stable, once the share that stable kept during the bake is the candidate's too."""
    if state.exposure == ALL_TRAFFIC:
        return complete(plan, observed, state, now)
    everything = entered(replace(state, exposure=ALL_TRAFFIC, is_baked=True), Stage.PROMOTING, now)
    return everything, (Event("Normal", "WeightChanged", f"Revision {state.candidate} gets {describe(everything)}"),)


_NEXT: Final[dict[Stage, Callable[[Plan, Observed, RolloutState, datetime], Transition]]] = {
    **dict.fromkeys(PREPARING, _prepare),
    Stage.AWAITING_APPROVAL: _await_approval,
    Stage.PROPAGATING: _propagate,
    Stage.ANALYZING: _analyze,
    Stage.HOLDING: _hold,
    **dict.fromkeys(WAITING, _pause),
    Stage.PROMOTING: _promote,
    Stage.BAKING: _bake,
}


def complete(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition:
    """Make the candidate the stable revision; the previous one keeps its pods until it has drained."""
    drains = state.retiring
    if state.stable is not None:
        # What a rollback replaces was found bad.
        drains = with_retiring(plan, observed, state, state.stable, now, may_return=not state.is_fast)
    retiring = tuple(entry for entry in drains if entry.revision != state.candidate)
    completed = replace(
        state,
        stable=state.candidate,
        floor=max(state.floor, kept_pods(state, state.candidate)),
        attempt=1,
        failed=None,
        retiring=retiring,
        history=history.with_served(plan, observed, state, now),
    )
    event = Event("Normal", "RolloutCompleted", f"Revision {state.candidate} is stable and gets all traffic")
    return at_rest(replace(completed, candidate=None), Stage.COMPLETED, now), (event,)

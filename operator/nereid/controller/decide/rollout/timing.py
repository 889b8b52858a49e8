"""When time alone moves a rollout on, and when the next pass is due."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import analysis, checks, draining, limits_of_time, settling, sleeping
from nereid.controller.decide.rollout.capacity import lacks_pods
from nereid.controller.decide.rollout.routing import is_gated, routing_of
from nereid.controller.decide.rollout.state import RolloutState, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Plan, RolloutPlan
from nereid.controller.plan.windows import next_opening

# A pass that comes this much later than planned does not count as the end of a wait for the proxies.
LATE_SECONDS: Final = 3
# Stages whose time begins when the route has been applied.
ROUTE_CHANGES: Final = frozenset({Stage.PROPAGATING, Stage.PROMOTING, Stage.RETREATING, Stage.ROLLING_BACK})


def begins_with_route(state: RolloutState) -> bool:
    """Whether the time of the present stage begins when the route has been applied."""
    return state.stage in ROUTE_CHANGES or (begins_to_serve(state) and _opens_its_route(state))


def begins_to_serve(state: RolloutState) -> bool:
    """Whether the first revision has all traffic, and is stable as soon as it can be reached."""
    return state.stable is None and state.exposure.has_traffic


def _opens_its_route(state: RolloutState) -> bool:
    """Whether the route to a first revision is new, as it was checked before; else it is as old as its pods."""
    return state.checks is not None


def deadline(plan: Plan, observed: Observed, state: RolloutState) -> datetime | None:
    """Return when time alone moves the rollout on; None if it waits for an event."""
    wait = _wait(plan, observed, state)
    return None if wait is None else state.since + timedelta(seconds=wait)


def is_over(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> bool:
    """Whether the time that the state waits for is over."""
    due = deadline(plan, observed, state)
    return due is not None and now >= due


def until_propagated(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState | None:
    """Return the state that waits for the proxies to receive the route; None if they have had the time for it.

    If the pass comes much later than planned, the clock may have jumped: half of the wait counts, and the rest is
    waited for. So the route is seen as decided in two passes with time between them.
    """
    due = state.since + timedelta(seconds=plan.rollout.propagation)
    if not observed.is_routed(routing_of(state)) or now < due:
        return state
    seen = state.seen_at or state.since
    if now - due <= timedelta(seconds=LATE_SECONDS) or seen >= due:
        return None
    uncounted = now - seen - timedelta(seconds=plan.rollout.propagation / 2)
    return replace(state, since=whole_second(state.since + uncounted), seen_at=whole_second(now))


def has_passed(state: RolloutState) -> bool:
    """Whether the verdict is Pass, by samples that include some of this step."""
    judged = state.analysis
    if judged is None or lacks_effect(state):
        return False
    return judged.verdict == "Pass" and judged.errors == 0 and judged.sampled_at > state.since


def lacks_effect(state: RolloutState) -> bool:
    """Whether the mesh does not do what the route says, so that nothing is known about the candidate at this weight."""
    share = state.analysis.share if state.analysis else None
    return share is not None and share.is_off and share.weight == state.weight


def _wait(plan: Plan, observed: Observed, state: RolloutState) -> float | None:
    rollout = plan.rollout
    match state.stage:
        case Stage.RUNNING_CHECKS:
            return checks.time_limit(rollout)
        case Stage.STARTING_PODS if begins_to_serve(state):
            return rollout.propagation if _opens_its_route(state) and observed.of(state.candidate).available else None
        case Stage.STARTING_PODS | Stage.PROMOTED_BY_USER:
            return rollout.progress_deadline if state.stable else None
        case Stage.OUTSIDE_WINDOW:
            opening = next_opening(rollout.windows, state.since)
            return (opening - state.since).total_seconds() if opening else None
        case Stage.RETREATING:
            return None if state.is_urgent else rollout.progress_deadline
        case Stage.PROMOTING if lacks_pods(plan, observed, state):
            return rollout.propagation + rollout.progress_deadline
        case Stage.PROPAGATING | Stage.PROMOTING | Stage.ROLLING_BACK:
            return rollout.propagation
        case Stage.HOLDING | Stage.ANALYZING if not rollout.paused and state.step < len(rollout.steps):
            return _dwelling(rollout, state)
        case _:
            return None


def _dwelling(rollout: RolloutPlan, state: RolloutState) -> float | None:
    """Return how long the step lasts: its hold, and until the deadline while the evidence is undecided."""
    if lacks_effect(state):
        return None  # The step waits until its route has taken effect, and no deadline counts until then.
    hold = rollout.steps[state.step].hold
    if hold is None or state.stage is Stage.HOLDING or has_passed(state):
        return hold
    if state.analysis and state.analysis.errors:
        return None  # A provider that fails decides nothing: the step waits until it answers.
    return hold + rollout.analysis.deadline


def requeue_after(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> float | None:
    """Return after how many seconds time alone may change the decision; None if only an event can."""
    moments: list[datetime] = []
    due = deadline(plan, observed, state)
    if observed.is_routed(routing_of(state)):
        moments += draining.moments(plan.rollout, state, now)
    elif begins_with_route(state) and state.stage is not Stage.RETREATING:
        due = None  # as its time has not begun
    # Nothing but its sleep moves on before it is awake.
    limits = (
        [] if is_gated(state) else [limits_of_time.must_end_by(plan, state), limits_of_time.closing(plan, state, now)]
    )
    if due is not None and not is_gated(state) and not _waits_for_a_look(plan, state, max(due, now)):
        moments.append(due)
    if (settling_over := settling.moment(state)) is not None:
        moments.append(settling_over)
    if (sleep_over := sleeping.moment(plan, observed, state, now)) is not None:
        moments.append(sleep_over)
    moments += filter(None, limits)
    look = analysis.next_look(plan, state)
    if look is not None and look > now:
        # A sample that is due is in progress; its result starts the next pass.
        moments.append(look)
    return max(0.0, (min(moments) - now).total_seconds()) if moments else None


def _waits_for_a_look(plan: Plan, state: RolloutState, moment: datetime) -> bool:
    """Whether a look is under way when the time for evidence is over: its answer then decides, and starts a pass."""
    return state.stage is Stage.ANALYZING and not has_passed(state) and analysis.is_looking(plan, state, moment)

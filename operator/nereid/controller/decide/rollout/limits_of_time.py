"""What the calendar says about a rollout: windows outside of which it does not advance, and how long it may take."""

from datetime import datetime, timedelta

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.routing import describe
from nereid.controller.decide.rollout.state import Failure, RolloutState
from nereid.controller.plan.plan import ALL_TRAFFIC, Command, Plan
from nereid.controller.plan.windows import is_open, next_closing


def waits_for_window(plan: Plan, state: RolloutState, now: datetime) -> bool:
    """Whether the candidate gets no more for now, as no window is open.

    What a person asks for is not held up: a promotion, from a gate too, and a revision that has served before.
    """
    return _heeds_windows(plan, state) and not is_open(plan.rollout.windows, now)


def closing(plan: Plan, state: RolloutState, now: datetime) -> datetime | None:
    """Return when the candidate, whose pods start now, has to wait for a window."""
    if state.stage is not Stage.STARTING_PODS or not _heeds_windows(plan, state):
        return None
    return next_closing(plan.rollout.windows, now)


def _heeds_windows(plan: Plan, state: RolloutState) -> bool:
    if not plan.rollout.windows or state.stable is None or state.is_fast:
        return False
    return plan.rollout.promote != Command(plan.revision, state.attempt, state.step - 1)


def must_end_by(plan: Plan, state: RolloutState) -> datetime | None:
    """Return when the rollout fails for its length; None if it may take as long as it does.

    What has all traffic is through. What a person has promoted, or rolled back to, goes by its own deadline.
    """
    longest, stages = (
        plan.rollout.max_duration,
        {Stage.PROMOTED_BY_USER, Stage.PROMOTING, Stage.BAKING, Stage.RETREATING},
    )
    if longest is None or state.started is None or state.candidate != plan.revision or state.is_fast:
        return None
    if state.stable is None or state.stage in stages or state.exposure == ALL_TRAFFIC:
        return None
    return state.started + timedelta(seconds=longest)


def exceeded(plan: Plan, state: RolloutState, now: datetime) -> Failure | None:
    """Return the failure of a rollout that takes too long."""
    end = must_end_by(plan, state)
    if end is None or now < end:
        return None
    sentence = f"the rollout was not over within spec.rollout.maxDuration: it had reached {describe(state)}"
    return Failure("MaxDurationExceeded", sentence)

"""The bake: the candidate has all traffic, and stable keeps all its pods, so that one move of the route goes back.

It ends when its time is over and the candidate was looked at to the end; or by hand. What stable keeps meanwhile
(`holdback`) goes to the candidate afterwards, within a window if there are any, as with any other traffic.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.analysis import MOST_ERRORS
from nereid.controller.decide.rollout.capacity import has_only_place, lacks_pods
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.state import RolloutState, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import ALL_TRAFFIC, Command, Exposure, Held, Plan
from nereid.controller.plan.windows import is_open

# A pass that comes this much later than planned comes after something has held the bake, or the operator was away.
_LATE_SECONDS: Final = 15


def has_bake(plan: Plan, state: RolloutState) -> bool:
    """Whether the bake is yet to come, or goes on; what has served before, and takes the fast track, needs none."""
    is_skipped = plan.rollout.end_bake == Command(plan.revision, state.attempt)
    return plan.rollout.bake > 0 and not (state.is_fast or state.is_baked or is_skipped)


def last_move(plan: Plan, observed: Observed, state: RolloutState) -> Exposure:
    """Return what the candidate gets by the last move: everything but what stable keeps during the bake.

    A stable revision without ready pods, or whose only place the candidate takes, keeps nothing.
    """
    can_serve = observed.of(state.stable).available > 0 and not has_only_place(plan, state)
    keeps = can_serve and plan.rollout.holdback > 0 and has_bake(plan, state)
    return Exposure(FULL - plan.rollout.holdback) if keeps else ALL_TRAFFIC


def is_ended_by_hand(plan: Plan, state: RolloutState) -> bool:
    """Whether a promotion ends the bake: one that says so, or the first one of this attempt."""
    this_attempt = Command(plan.revision, state.attempt)
    if isinstance(plan, Held):
        return False
    is_first = plan.rollout.promote == this_attempt and not state.is_promoted
    return is_first or plan.rollout.end_bake == this_attempt


def waits_for_window(plan: Plan, state: RolloutState, now: datetime) -> bool:
    """Whether the share that stable has kept stays with it for now, as no window is open."""
    is_by_hand = state.is_promoted or is_ended_by_hand(plan, state)
    if state.stage is not Stage.BAKING or state.exposure == ALL_TRAFFIC or is_by_hand:
        return False
    return bool(plan.rollout.windows) and not is_open(plan.rollout.windows, now)


def with_time_for_pods(plan: Plan, state: RolloutState, now: datetime) -> RolloutState | None:
    """Return the state in which a candidate that lacks pods has the time for them; None if it has had that.

    A bake that was held for longer, by a pause, a window or a provider that failed, has not counted that time.
    """
    bake = timedelta(seconds=plan.rollout.bake)
    late = timedelta(seconds=plan.rollout.progress_deadline + _LATE_SECONDS)
    return replace(state, since=whole_second(now) - bake) if now > state.since + bake + late else None


def is_blind(state: RolloutState) -> bool:
    """Whether the bake goes on as nothing is known of the candidate: the provider keeps failing."""
    judged = state.analysis
    return state.stage is Stage.BAKING and judged is not None and judged.errors >= MOST_ERRORS


def wait(plan: Plan, observed: Observed, state: RolloutState) -> float | None:
    """Return for how long the bake goes on; None if it waits for more than time."""
    rollout = plan.rollout
    is_by_hand = is_ended_by_hand(plan, state)
    if not is_by_hand and (rollout.paused or isinstance(plan, Held) or not _is_looked_at(plan, state)):
        return None
    bake = 0 if is_by_hand else rollout.bake
    return rollout.bake + rollout.progress_deadline if lacks_pods(plan, observed, state) else bake


def _is_looked_at(plan: Plan, state: RolloutState) -> bool:
    """Whether the provider has told of the last part of the bake, and no query is beyond its limits."""
    analysis, judged = plan.rollout.analysis, state.analysis
    if analysis.provider == "None" or state.stage is not Stage.BAKING:
        return True
    if judged is None or judged.errors or any(query.passed is False for query in judged.queries):
        return False
    return judged.sampled_at > state.since + timedelta(seconds=max(0, plan.rollout.bake - analysis.interval))

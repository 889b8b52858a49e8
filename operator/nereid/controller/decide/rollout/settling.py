"""The time after a rollout: stable keeps its number of pods for a while.

During a rollout, each revision gets a part of the load. An autoscaler sees less load in each pod and asks for fewer
pods; if that took effect at once, stable would have too few pods for all traffic.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.stage import AT_REST
from nereid.controller.decide.rollout.state import RolloutState, entered
from nereid.controller.plan.plan import NO_TRAFFIC

# The window over which a HorizontalPodAutoscaler, by default, looks before it scales down.
SECONDS: Final = 300


def at_rest(state: RolloutState, stage: Stage, now: datetime, cause: str | None = None) -> RolloutState:
    """Return the state in a stage without a rollout in progress."""
    resting = replace(
        state, exposure=NO_TRAFFIC, step=0, is_fast=False, strategy=None, is_baked=False, is_promoted=False
    )
    return entered(resting, stage, now, cause)


def is_at_rest(state: RolloutState) -> bool:
    """Whether nothing is being rolled out or rolled back."""
    return state.candidate is None and state.stage in AT_REST


def settled(state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without the floor, which lets stable have fewer pods, if its time is over."""
    over = moment(state)
    return replace(state, floor=0) if over is not None and now >= over else state


def moment(state: RolloutState) -> datetime | None:
    """Return when stable may have fewer pods again; None if it may already, or while a rollout is in progress."""
    if not state.floor or not is_at_rest(state):
        return None
    return state.since + timedelta(seconds=SECONDS)

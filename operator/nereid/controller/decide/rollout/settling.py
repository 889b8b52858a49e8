"""The time after a rollout: nothing moves any more, and stable keeps the pods that it had for a while.

While a rollout runs, each revision gets a part of the load. An autoscaler sees less of it in each pod and asks for
fewer; followed at once, stable would have to take everything with too few.
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
    """Enter a stage in which nothing is rolled out."""
    resting = replace(state, exposure=NO_TRAFFIC, step=0, is_fast=False, strategy=None)
    return entered(resting, stage, now, cause)


def is_at_rest(state: RolloutState) -> bool:
    """Whether nothing is being rolled out, nor taken back."""
    return state.candidate is None and state.stage in AT_REST


def settled(state: RolloutState, now: datetime) -> RolloutState:
    """Return the state in which stable may have fewer pods again, once it is time."""
    over = moment(state)
    return replace(state, floor=0) if over is not None and now >= over else state


def moment(state: RolloutState) -> datetime | None:
    """Return when stable may have fewer pods again; None where nothing keeps it from it, or a rollout runs."""
    if not state.floor or not is_at_rest(state):
        return None
    return state.since + timedelta(seconds=SECONDS)

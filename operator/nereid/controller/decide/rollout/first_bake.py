"""The bake of the first revision, which serves already: there is nothing to go back to, so it can only tell.

The guard and queries judge what its callers see. What they find is kept, for conditions to show; then the bake begins
again, and what was found stands until the revision was fine for as long as a bake takes.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nereid.api.status import FirstBakeStatus
from nereid.controller.decide.rollout.analysis import new_analysis
from nereid.controller.decide.rollout.history import failed_now
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, Transition, whole_second
from nereid.controller.plan.plan import Plan


def begun(plan: Plan, state: RolloutState, now: datetime) -> RolloutState:
    """Return the state of a first revision that has just become stable."""
    if not _is_baked(plan):
        return state
    return replace(state, first_bake=FirstBakeStatus(since=whole_second(now)), analysis=new_analysis(plan, now))


def over_at(plan: Plan, state: RolloutState) -> datetime | None:
    """Return when time alone ends the bake; None if there is none, or it waits to hear that what was found is over."""
    bake = state.first_bake
    if bake is None or (bake.failure and not _is_seen(state, bake)):
        return None
    return bake.since + timedelta(seconds=plan.rollout.bake)


def further(plan: Plan, state: RolloutState, now: datetime, failure: Failure | None) -> Transition:
    """Return the state with what was found in the bake (`failure`), or without a bake that is over."""
    if state.first_bake and not _is_baked(plan):
        return replace(state, first_bake=None), ()  # Nobody judges it any more.
    bake, end = state.first_bake, over_at(plan, state)
    if bake is None or state.stable is None:
        return state, ()
    if failure:
        anew = FirstBakeStatus(since=whole_second(now), failure=failed_now(state, state.stable, failure, now))
        return replace(state, first_bake=anew, analysis=new_analysis(plan, now)), ()
    if end is None or now < end:
        return state, ()
    told = Event("Normal", "BakePassed", f"First revision {state.stable} was fine for {plan.rollout.bake:.0f} s")
    return replace(state, first_bake=None), (told,) if bake.failure else ()


def _is_baked(plan: Plan) -> bool:
    return plan.rollout.bake > 0 and plan.rollout.analysis.provider != "None"


def _is_seen(state: RolloutState, bake: FirstBakeStatus) -> bool:
    """Whether the provider has told of this bake."""
    judged = state.analysis
    return judged is not None and not judged.errors and judged.sampled_at > bake.since

"""What status says and the cluster contradicts in one point, or what could not be read of it: that point is corrected.

The rest counts. A status that does not tell of what serves is another matter: see `adoption`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import analysis
from nereid.controller.decide.rollout.adoption import history_of_records, known_revisions, pin_of, sleep_of, step_at
from nereid.controller.decide.rollout.capacity import pods_for
from nereid.controller.decide.rollout.routing import FULL, is_gated
from nereid.controller.decide.rollout.serving import Serving, serving
from nereid.controller.decide.rollout.stage import ROLLING_BACK
from nereid.controller.decide.rollout.state import Event, Retiring, RolloutState, Transition, entered, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Exposure, Plan

# Where a pin is in status.
_PIN: Final = "rollout.pinned"


def corrected(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> Transition | None:
    """Return the state with the candidate's real share, or with stable's real sleep; None if both are right."""
    found = serving(observed)
    return _with_real_share(plan, state, found, now) or _with_real_sleep(state, found, now)


def with_records(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return the state before a first revision with a history of the records that are there, so that none goes.

    Nothing serves any more, and the status was lost.
    """
    if state.stable or state.candidate or state.history:
        return state
    return replace(state, history=history_of_records(observed, {plan.revision}, now))


def with_missing_parts(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return a state that could not be read in full with what the cluster shows of the missing parts.

    Pods of a revision without a role drain, as it may have been one that does. A pin is shown by its command.
    """
    moment, known = whole_second(now), known_revisions(state)
    unknown = [one for one in serving(observed) if one.revision not in known]
    pinned = state.pinned
    if state.stable and state.candidate is None and any(part.startswith(_PIN) for part in state.unreadable):
        pinned = pin_of(plan, observed, state, state.stable)
    drain = (Retiring(one.revision, moment, one.pods) for one in unknown)
    return replace(state, retiring=(*state.retiring, *drain), pinned=pinned, unreadable=())


def _with_real_share(plan: Plan, state: RolloutState, found: Sequence[Serving], now: datetime) -> Transition | None:
    """Return the state with the candidate's share in the routes, if status tells of more than its pods can serve.

    None if status tells the truth, or the pods are there.
    """
    candidate = next((one for one in found if one.revision == state.candidate), None)
    if candidate is None or state.stable is None or state.stage in ROLLING_BACK or not candidate.ready:
        return None
    if state.weight <= candidate.most or sum(one.most for one in found) < FULL:
        return None
    places = max(plan.replicas, state.floor)
    needed = pods_for(state.weight, places)
    if candidate.ready >= (needed if plan.rollout.surge else min(needed, max(1, places - 1))):
        return None
    stage = Stage.PROPAGATING if candidate.most else Stage.STARTING_PODS
    exposure = Exposure(candidate.most)
    sentence = (
        f"The status gives revision {candidate.revision} {state.weight}% of the traffic, and the routes "
        f"{candidate.most}%; its {candidate.ready} ready pods cannot serve more: it goes on from there"
    )
    judged = analysis.exposed(plan, state, exposure, now) if candidate.most else state.analysis
    real = entered(replace(state, exposure=exposure, step=step_at(plan, exposure), analysis=judged), stage, now)
    return real, (Event("Warning", "WeightCorrected", sentence),)


def _with_real_sleep(state: RolloutState, found: Sequence[Serving], now: datetime) -> Transition | None:
    """Return the state in which stable sleeps or wakes up, if status says it is awake, and only the activator has it.

    Its requests would go where no pod is.
    """
    stable = next((one for one in found if one.revision == state.stable), None)
    if stable is None or not stable.is_gated or stable.ready or state.candidate or is_gated(state):
        return None
    sentence = (
        f"The status says that revision {stable.revision} is awake, and it has no ready pod: its requests still wait "
        "at the activator, and do until it has one"
    )
    return replace(state, sleep=sleep_of(stable, now)), (Event("Warning", "SleepCorrected", sentence),)

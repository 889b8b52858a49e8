"""Gates: steps without a hold, at which a candidate stays until somebody promotes it.

A promotion that names a step leaves that gate and goes on with the next step; one that names none goes to the end.
"""

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.routing import describe
from nereid.controller.decide.rollout.state import Event, RolloutState
from nereid.controller.plan.plan import Command, Plan, RolloutPlan


def is_let_through(plan: Plan, state: RolloutState) -> bool:
    """Whether the candidate waits at a gate, and the user's promotion names it.

    Where steps were removed, the last one that is left stands for the candidate's: a promotion that named it earlier
    does not let the candidate, which has more by now, through to the end.
    """
    promote = plan.rollout.promote
    if state.stage is not Stage.AWAITING_PROMOTION or promote != Command(plan.revision, state.attempt, state.step):
        return False
    is_last = state.step == len(plan.rollout.steps) - 1
    return not is_last or plan.rollout.steps[state.step].exposure.order >= state.exposure.order


def let_through(plan: Plan, state: RolloutState) -> Event:
    """Return the event that tells of it."""
    sentence = f"Revision {plan.revision} goes on from {describe(state)}: promoted by annotation nereid.dev/promote"
    return Event("Normal", "GatePassed", sentence)


def is_gate_amid(rollout: RolloutPlan, step: int) -> bool:
    """Whether a step is a gate after which others follow, so that leaving it is less than a full promotion."""
    return (
        rollout.strategy in {"Canary", "Shadow"} and step < len(rollout.steps) - 1 and rollout.steps[step].hold is None
    )

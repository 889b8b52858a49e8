"""A state without contradictions, from whatever status says: anybody who may write it may have written anything.

Fields that are impossible by themselves are not read at all. What the operator itself writes is left as it is. Whether
the revisions exist is not known here: see `adoption`.
"""

from dataclasses import replace
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import MOST_COUNTED
from nereid.controller.decide.rollout.stage import AT_A_STEP, AT_REST, PREPARING
from nereid.controller.decide.rollout.state import Retiring, RolloutState
from nereid.controller.plan.plan import ALL_TRAFFIC, NO_TRAFFIC

# As many as the spec of a ModelDeployment may ask for.
_MOST_PODS: Final = 1000
_OF_A_CANDIDATE: Final = PREPARING | AT_A_STEP | {Stage.PROMOTING, Stage.RETREATING}
_WITHOUT_CANDIDATE: Final = AT_REST | {Stage.ROLLING_BACK}


def consistent(state: RolloutState) -> RolloutState:
    """Return the state with numbers that can be carried out, each revision in one role, and a stage that fits these."""
    state = replace(
        state,
        candidate=None if state.candidate == state.stable else state.candidate,
        floor=min(state.floor, _MOST_PODS),
        attempt=max(1, state.attempt),
        rollbacks=state.rollbacks if state.rollbacks <= MOST_COUNTED else 0,
        retiring=_retiring(state),
    )
    if state.candidate is None:
        stage = Stage.IDLE if state.stage in _OF_A_CANDIDATE else state.stage
        return replace(state, stage=stage, exposure=NO_TRAFFIC)
    if state.stable is None and state.exposure.has_traffic:
        state = replace(state, exposure=ALL_TRAFFIC)
    if state.stage is Stage.FAILED and state.stable is None and not state.exposure.has_traffic:
        return state  # The first revision, which has not passed its checks.
    if state.stage in _WITHOUT_CANDIDATE or (state.stage is Stage.RETREATING and state.stable is None):
        # It begins its step again, and is judged there.
        is_at_step = state.stable is not None and state.exposure.has_traffic
        return replace(state, stage=Stage.PROPAGATING if is_at_step else Stage.STARTING_PODS, cause=None)
    return state


def _retiring(state: RolloutState) -> tuple[Retiring, ...]:
    entries = {entry.revision: entry for entry in state.retiring}
    return tuple(
        replace(entry, replicas=min(entry.replicas, _MOST_PODS))
        for revision, entry in entries.items()
        if revision != state.stable  # A candidate may drain: it keeps the pods that it had when it is asked for again.
    )

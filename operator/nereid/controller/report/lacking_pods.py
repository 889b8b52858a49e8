"""What is told while a move waits for pods: which revision lacks how many, why, and what happens meanwhile. Pure."""

from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.capacity import (
    drains_without_surge,
    lacks_pods,
    pods_for_all,
    pods_needed,
    waits_for_places,
)
from nereid.controller.decide.rollout.routing import describe
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import Observed, Problem
from nereid.controller.plan.plan import Plan

# Reasons of condition Ready.
CANDIDATE_LACKS_PODS: Final = "CandidateLacksPods"
STABLE_LACKS_PODS: Final = "StableLacksPods"


def lacking_pods(plan: Plan, observed: Observed, state: RolloutState) -> Problem | None:
    """Return what keeps the last move forward, or a move back, from being completed: pods that are not ready."""
    if state.stage is Stage.RETREATING:
        return Problem(STABLE_LACKS_PODS, _until_stable_has_them(plan, observed, state))
    if state.stage in {Stage.PROMOTING, Stage.BAKING} and lacks_pods(plan, observed, state):
        return Problem(CANDIDATE_LACKS_PODS, _until_candidate_has_them(plan, observed, state))
    return None


def waiting_for_places(plan: Plan, state: RolloutState) -> str | None:
    """Return a sentence about a candidate without surge whose places are still those of revisions that drain."""
    if not waits_for_places(plan, state) and not drains_without_surge(plan, state):
        return None
    names = ", ".join(retiring.revision for retiring in state.retiring)
    return f"Candidate {state.candidate} waits for its pods, as surge is 0 and the pods of revision {names} still drain"


def _until_candidate_has_them(plan: Plan, observed: Observed, state: RolloutState) -> str:
    count = f"{observed.of(state.candidate).available} of the {pods_needed(plan, state)} pods that it needs are ready"
    until = "stable's pods are kept until all are, and get the traffic back if they are not in time"
    cause = _cause(observed, state.candidate)
    return f"Candidate {state.candidate} gets {describe(state)}, and {count}: {until}{cause}"


def _until_stable_has_them(plan: Plan, observed: Observed, state: RolloutState) -> str:
    ready, needed = observed.of(state.stable).available, pods_for_all(plan, state)
    lacks = f"{ready} of the {needed} pods that all traffic needs are ready" if ready else "none of its pods is ready"
    until = "until more are" if ready else "until one is"
    is_other = plan.revision not in {state.stable, state.candidate}
    comes_next = f", and revision {plan.revision} starts after that" if is_other else ""
    return (
        f"Stable revision {state.stable} is to get all traffic ({state.reason}), but {lacks}: candidate "
        f"{state.candidate} gets {describe(state)} {until}{comes_next}{_cause(observed, state.stable)}"
    )


def _cause(observed: Observed, revision: str | None) -> str:
    seen = observed.of(revision)
    cause = seen.problem.message if seen.problem else seen.late_endpoints
    return f". Revision {revision}: {cause}" if cause else ""

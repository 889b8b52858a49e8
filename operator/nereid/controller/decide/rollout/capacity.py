"""How many pods each revision has: enough for the traffic that it gets, or is to get next."""

import math
from dataclasses import replace

from nereid.controller.decide.orders import LiveRevision, Scale
from nereid.controller.decide.rollout.routing import FULL, is_gated, routing_of
from nereid.controller.decide.rollout.scaling import scale_of, scaled_pods
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.stage import BLOCKED, ROLLING_BACK
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import ALL_TRAFFIC, NO_TRAFFIC, Exposure, Held, Plan, RolloutPlan


def pods_for(share: int, replicas: int) -> int:
    """Return how many pods carry `share` percent of what `replicas` pods carry: at least one, rounded up."""
    return max(1, math.ceil(replicas * share / FULL))


def exposure_at(rollout: RolloutPlan, step: int) -> Exposure:
    """Return what the candidate gets at a step; past the last step it is everything."""
    return rollout.steps[step].exposure if step < len(rollout.steps) else ALL_TRAFFIC


def next_exposure(plan: Plan, state: RolloutState) -> Exposure:
    """Return what the candidate is to get at its step. The first revision has no steps: it gets everything."""
    return exposure_at(plan.rollout, state.step) if state.stable else ALL_TRAFFIC


def pods_needed(plan: Plan, state: RolloutState) -> int:
    """Return how many pods the candidate needs: for what it gets, and for what it is to get at its step.

    With no surge, one place is left to stable for as long as all traffic may have to return to it.
    """
    # While the spec is held, the candidate gets no more than it has.
    coming = state.exposure if isinstance(plan, Held) and state.stable else next_exposure(plan, state)
    # A canary that had copies of more requests than it answers now keeps the pods of these: its next steps need them.
    copied = max((step.exposure.mirror for step in plan.rollout.steps[: state.step]), default=0)
    share = max(state.exposure.share, coming.share, copied)
    if state.stable is None:
        return pods_for(share, plan.replicas)
    places = pods_for_all(plan, state)
    if plan.rollout.surge:
        return pods_for(share, places)
    return max(1, min(pods_for(share, places), places - 1))


def carried(plan: Plan, observed: Observed, state: RolloutState) -> int:
    """Return the percentage of all requests that stable's ready pods can carry."""
    return min(FULL, FULL * observed.of(state.stable).available // max(1, pods_for_all(plan, state)))


def offer(plan: Plan, observed: Observed, state: RolloutState) -> Exposure | None:
    """Return what the candidate's ready pods carry already on the way to its step, if that is more than it has.

    Without surge, places pass from stable to the candidate one by one, and the traffic with them. None if all pods have
    to be ready first, or the last route is not applied yet.
    """
    target = exposure_at(plan.rollout, state.step)
    if plan.rollout.surge or not target.weight or not observed.is_routed(routing_of(state)):
        return None
    weight = min(target.weight, FULL * observed.of(state.candidate).available // pods_for_all(plan, state))
    return Exposure(weight) if weight > state.weight else None


def lacks_place(plan: Plan, state: RolloutState) -> bool:
    """Whether the candidate can't have a pod, as stable's only pod has the only place and must be kept."""
    return has_only_place(plan, state) and not plan.rollout.allow_downtime and not state.exposure.has_traffic


def takes_only_place(plan: Plan, state: RolloutState) -> bool:
    """Whether stable loses its only pod before the candidate gets one, which then has to take everything."""
    return has_only_place(plan, state) and plan.rollout.allow_downtime and state.weight in {0, FULL}


def has_only_place(plan: Plan, state: RolloutState) -> bool:
    """Whether there is a single place, which either stable's pod or the candidate's can have."""
    return not plan.rollout.surge and state.stable is not None and pods_for_all(plan, state) == 1


def waits_for_places(plan: Plan, state: RolloutState) -> bool:
    """Whether draining revisions still occupy places that the candidate is to get."""
    return not plan.rollout.surge and bool(state.retiring)


def drains_without_surge(plan: Plan, state: RolloutState) -> bool:
    """Whether the candidate still drains, and has places that stable is to get; on the fast track it needs them all."""
    drains = kept_pods(state, state.candidate) > 0 and not state.exposure.has_traffic
    return drains and not plan.rollout.surge and not state.is_fast


def lacks_pods(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether fewer of the candidate's pods are ready than it needs."""
    return observed.of(state.candidate).available < pods_needed(plan, state)


def kept_pods(state: RolloutState, revision: str | None) -> int:
    """Return how many pods a revision keeps that had begun to drain and was then asked for again."""
    return sum(retiring.replicas for retiring in state.retiring if retiring.revision == revision)


def without_spare_entry(plan: Plan, state: RolloutState) -> RolloutState:
    """Return the state in which the candidate no longer counts as retiring, once its share needs all of its pods."""
    if not state.exposure.has_traffic or kept_pods(state, state.candidate) > pods_needed(plan, state):
        return state
    others = tuple(retiring for retiring in state.retiring if retiring.revision != state.candidate)
    return state if others == state.retiring else replace(state, retiring=others)


def with_floor(plan: Plan, observed: Observed, state: RolloutState) -> RolloutState:
    """Return the state with the most pods that stable has had, or was to have, while the rollout runs.

    It keeps that many meanwhile: each revision sees a part of the load, by which a scaler would remove pods of stable.
    """
    runs = state.stable is not None and (state.candidate is not None or state.stage in ROLLING_BACK)
    most = max(plan.replicas, scaled_pods(plan, observed, state.stable))
    return replace(state, floor=most) if runs and most > state.floor else state


def live_revisions(plan: Plan, observed: Observed, state: RolloutState) -> tuple[LiveRevision, ...]:
    """Return every revision that keeps its pods, stable first."""
    live = []
    if state.stable is not None:
        live.append(_live_stable(plan, observed, state, state.stable))
    if state.candidate is not None:
        live.append(_live_candidate(plan, observed, state, state.candidate))
    others = (retiring for retiring in state.retiring if retiring.revision != state.candidate)
    return (*live, *(LiveRevision(retiring.revision, retiring.replicas, NO_TRAFFIC) for retiring in others))


def _live_stable(plan: Plan, observed: Observed, state: RolloutState, stable: str) -> LiveRevision:
    pods, scale = _stable_pods(plan, observed, state), scale_of(plan, observed, state, stable)
    if scale and scale.sleeps:
        pods = 0
    elif plan.rollout.surge or is_at_rest(state):
        pods = max(pods, _unscaled_pods(plan, observed, scale, stable))
    return LiveRevision(stable, pods, Exposure(FULL - state.weight), scale, is_gated(state))


def _live_candidate(plan: Plan, observed: Observed, state: RolloutState, candidate: str) -> LiveRevision:
    pods, scale = _candidate_pods(plan, observed, state), scale_of(plan, observed, state, candidate)
    if plan.rollout.surge:
        pods = max(pods, _unscaled_pods(plan, observed, scale, candidate))
    pods = max(pods, kept_pods(state, candidate))
    return LiveRevision(candidate, pods, state.exposure, scale)


def _unscaled_pods(plan: Plan, observed: Observed, scale: Scale | None, revision: str) -> int:
    """Return the pods that are kept while no scaler is in charge: not yet, or no longer."""
    return 0 if scale and scale.in_charge else scaled_pods(plan, observed, revision)


def pods_for_all(plan: Plan, state: RolloutState) -> int:
    """Return how many pods stable has when it gets all traffic: no fewer than when the rollout began."""
    return max(plan.replicas, state.floor)


def _stable_pods(plan: Plan, observed: Observed, state: RolloutState) -> int:
    places = pods_for_all(plan, state)
    if plan.rollout.surge:
        return places
    # It gets places that are free, and keeps those that it has, even if another revision's pods end late.
    free = places - _occupied_by_others(observed, state.stable)
    return min(_stable_places(plan, observed, state), max(free, _occupied_places(observed, state.stable), 1))


def _stable_places(plan: Plan, observed: Observed, state: RolloutState) -> int:
    """Return how many places are stable's, with no surge."""
    places = pods_for_all(plan, state)
    # Draining revisions still occupy places; the candidate gets these before it gets more of stable's.
    draining = sum(retiring.replicas for retiring in state.retiring)
    needed = _candidate_places(plan, observed, state)
    if not needed:
        return places
    if takes_only_place(plan, state):
        return 0
    if needed <= draining:
        return max(1, places - draining)
    # Never more than one place below what its share of the traffic needs.
    return max(1, places - needed, pods_for(FULL - state.weight, places) - 1)


def _candidate_places(plan: Plan, observed: Observed, state: RolloutState) -> int:
    """Return how many places the candidate gets now: one more than it has ready pods, up to what it needs."""
    if state.candidate is None or (state.stage in BLOCKED and not state.exposure.has_traffic):
        return 0
    return min(pods_needed(plan, state), observed.of(state.candidate).available + 1)


def _candidate_pods(plan: Plan, observed: Observed, state: RolloutState) -> int:
    needed = pods_needed(plan, state)
    if plan.rollout.surge or state.stable is None:
        return needed
    free = pods_for_all(plan, state) - _occupied_by_others(observed, state.candidate)
    # It keeps the pods that it has, whatever other revisions occupy.
    return min(needed, max(free, observed.of(state.candidate).occupied))


def _occupied_places(observed: Observed, revision: str | None) -> int:
    """Return the places that a revision occupies: by its pods, or by those that its Deployment is about to create."""
    facts = observed.of(revision)
    return max(facts.occupied, facts.deployment.replicas if facts.deployment else 0)


def _occupied_by_others(observed: Observed, revision: str | None) -> int:
    """Return the places that all other revisions occupy, also those whose last pod is still terminating."""
    return sum(_occupied_places(observed, other) for other in observed.revisions if other != revision)

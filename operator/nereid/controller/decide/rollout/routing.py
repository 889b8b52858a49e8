"""Which revision the routes send traffic to: for proxies, and in words for users."""

from typing import Final

from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import ACTIVATOR, Routing

FULL: Final = 100


def is_gated(state: RolloutState) -> bool:
    """Whether requests go through the activator, as stable has no pods, or is about to lose them."""
    return state.sleep is not None and state.sleep.state != "Awake"


def routing_of(state: RolloutState) -> Routing:
    """Return the routes for this state: each revision that gets traffic, with its weight in percent."""
    if is_gated(state):
        return Routing(weights=frozenset({(ACTIVATOR, FULL)}))
    weights = {(state.stable, FULL - state.weight), (state.candidate, state.weight)}
    mirrored, matched = state.exposure.mirror, state.exposure.matched
    return Routing(
        weights=frozenset((revision, weight) for revision, weight in weights if revision is not None and weight > 0),
        mirror=frozenset({(state.candidate, mirrored)} if state.candidate and mirrored else ()),
        matched=frozenset({(state.candidate, FULL)} if state.candidate and matched else ()),
    )


def describe(state: RolloutState) -> str:
    """Return which traffic the candidate gets, in words for users."""
    exposure = state.exposure
    if exposure.matched:
        return "the requests that match the A/B test"
    if exposure.mirror:
        return f"a copy of {exposure.mirror}% of the requests"
    return "the preview's requests" if exposure.preview else f"{exposure.weight}% of the traffic"

"""Revisions without traffic keep their pods until nothing is asked of them any more.

First the proxies learn of the new route, then requests in flight end. That takes a time that nobody knows, so it is
measured: two looks, some seconds apart, that find no new request and none in flight.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.controller.decide.asks import ActivityRequest
from nereid.controller.decide.rollout.state import Retiring, RolloutState, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.sample import Activity
from nereid.controller.plan.plan import Plan, RolloutPlan

QUIET_SECONDS: Final = 5
# Streams may go on for ever; a revision that is never quiet loses its pods all the same.
LONGEST_SECONDS: Final = 600


def wanted_looks(plan: Plan, state: RolloutState, now: datetime) -> tuple[ActivityRequest, ...]:
    """Return the looks at retiring revisions that are due."""
    return tuple(
        ActivityRequest(
            plan.owner.namespace, plan.owner.name, plan.model_name, one.revision, one.looked_at or one.since
        )
        for one in (*state.retiring, *stable_falling_asleep(state))
        if now >= next_look(plan.rollout, one)
    )


def stable_falling_asleep(state: RolloutState) -> tuple[Retiring, ...]:
    """Return stable, while it falls asleep, as a revision that drains: it is to be quiet before its pods end."""
    sleep = state.sleep
    if sleep is None or state.stable is None or sleep.state != "FallingAsleep":
        return ()
    return (
        Retiring(
            revision=state.stable, since=sleep.since, replicas=0, looked_at=sleep.looked_at, requests=sleep.requests
        ),
    )


def drained(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without the revisions whose pods may go, and with what was seen of the others."""
    kept = []
    for one in state.retiring:
        activity = observed.activity.get(one.revision) if now >= next_look(plan.rollout, one) else None
        if now >= latest(plan.rollout, one) or (activity and is_quiet(plan.rollout, one, activity, now)):
            continue
        kept.append(looked_at(one, activity, now) if activity else one)
    return state if tuple(kept) == state.retiring else replace(state, retiring=tuple(kept))


def moments(rollout: RolloutPlan, state: RolloutState, now: datetime) -> Iterator[datetime]:
    """Yield when time alone may change something; a look that is due already is under way, and wakes by itself."""
    for one in state.retiring:
        yield latest(rollout, one)
        if (look := next_look(rollout, one)) > now:
            yield look


def looked_at(one: Retiring, activity: Activity, now: datetime) -> Retiring:
    """Return a revision with what this look has seen, for the next one to compare with."""
    return replace(one, looked_at=whole_second(now), requests=activity.requests)


def is_quiet(rollout: RolloutPlan, one: Retiring, activity: Activity, now: datetime) -> bool:
    """Whether this look and the last one show that nothing is asked of the revision any more."""
    if now < _least(rollout, one):
        return False
    if activity.requests is None:
        return True  # It cannot be told, so the time has to do.
    return one.looked_at is not None and activity.requests == one.requests and not activity.in_flight


def next_look(rollout: RolloutPlan, one: Retiring) -> datetime:
    """Return when the revision is to be looked at next."""
    if one.looked_at is None:
        return one.since + timedelta(seconds=max(rollout.propagation, QUIET_SECONDS))
    return max(_least(rollout, one), one.looked_at + timedelta(seconds=QUIET_SECONDS))


def _least(rollout: RolloutPlan, one: Retiring) -> datetime:
    return one.since + timedelta(seconds=rollout.propagation + rollout.drain)


def latest(rollout: RolloutPlan, one: Retiring) -> datetime:
    """Return when the waiting for it to be quiet ends, whatever is seen."""
    return _least(rollout, one) + timedelta(seconds=LONGEST_SECONDS)

"""Revisions without traffic keep their pods until they no longer get requests.

The proxies have to receive the new route, and requests in flight have to end. How long that takes is not known, so it
is measured: two readings, some seconds apart, that show no new request and none in flight.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.controller.decide.measurement_requests import ActivityRequest
from nereid.controller.decide.rollout.state import Retiring, RolloutState, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.sample import Activity
from nereid.controller.plan.plan import Plan, RolloutPlan

QUIET_SECONDS: Final = 5
# Streams may never end: after this time, a revision loses its pods even if it still has requests.
LONGEST_SECONDS: Final = 600


def wanted_looks(plan: Plan, state: RolloutState, now: datetime) -> tuple[ActivityRequest, ...]:
    """Return the looks at retiring revisions that are due."""
    return tuple(
        ActivityRequest(
            plan.owner.namespace,
            plan.owner.name,
            plan.model_name,
            retiring.revision,
            retiring.looked_at or retiring.since,
        )
        for retiring in (*state.retiring, *stable_falling_asleep(state))
        if now >= next_look(plan.rollout, retiring)
    )


def stable_falling_asleep(state: RolloutState) -> tuple[Retiring, ...]:
    """Return stable as a draining revision while it falls asleep: its pods end when it no longer gets requests."""
    sleep = state.sleep
    if sleep is None or state.stable is None or sleep.state != "FallingAsleep":
        return ()
    return (
        Retiring(
            revision=state.stable, since=sleep.since, replicas=0, looked_at=sleep.looked_at, requests=sleep.requests
        ),
    )


def drained(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without the revisions whose pods may be removed, and with the last reading of the others."""
    still_retiring = []
    for retiring in state.retiring:
        is_due = now >= next_look(plan.rollout, retiring)
        activity = observed.activity.get(retiring.revision) if is_due else None
        is_drained = activity is not None and is_quiet(plan.rollout, retiring, activity, now)
        if is_drained or now >= latest(plan.rollout, retiring):
            continue
        still_retiring.append(with_reading(retiring, activity, now) if activity else retiring)
    return state if tuple(still_retiring) == state.retiring else replace(state, retiring=tuple(still_retiring))


def moments(rollout: RolloutPlan, state: RolloutState, now: datetime) -> Iterator[datetime]:
    """Yield the times at which time alone may change something.

    A reading that is due already is in progress; its result starts the next pass.
    """
    for retiring in state.retiring:
        yield latest(rollout, retiring)
        if (look := next_look(rollout, retiring)) > now:
            yield look


def with_reading(retiring: Retiring, activity: Activity, now: datetime) -> Retiring:
    """Return a revision with this reading, to which the next one is compared."""
    return replace(retiring, looked_at=whole_second(now), requests=activity.requests)


def is_quiet(rollout: RolloutPlan, retiring: Retiring, activity: Activity, now: datetime) -> bool:
    """Whether this reading and the last one show that the revision no longer gets requests."""
    if now < _earliest(rollout, retiring):
        return False
    if activity.requests is None:
        return True  # The counters cannot be read, so only the time counts.
    return retiring.looked_at is not None and activity.requests == retiring.requests and not activity.in_flight


def next_look(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    """Return when the counters of the revision's pods are to be read next."""
    if retiring.looked_at is None:
        return retiring.since + timedelta(seconds=max(rollout.propagation, QUIET_SECONDS))
    return max(_earliest(rollout, retiring), retiring.looked_at + timedelta(seconds=QUIET_SECONDS))


def _earliest(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    return retiring.since + timedelta(seconds=rollout.propagation + rollout.drain)


def latest(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    """Return when the revision's pods may be removed, whatever the readings show."""
    return _earliest(rollout, retiring) + timedelta(seconds=LONGEST_SECONDS)

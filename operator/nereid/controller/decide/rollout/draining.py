"""Revisions without traffic keep their pods until they no longer get requests.

The proxies have to receive the new route, and requests in flight have to end. How long that takes is not known, so it
is measured: two readings, some seconds apart, that show no new request and none in flight. Time alone removes nothing:
it counts from look to look, so that a clock that jumps ahead, or an operator that was away, skips none.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.controller.decide.measurement_requests import ActivityRequest
from nereid.controller.decide.rollout import kept_pod
from nereid.controller.decide.rollout.state import Retiring, RolloutState, whole_second
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.sample import Activity
from nereid.controller.plan.plan import Plan, RolloutPlan

QUIET_SECONDS: Final = 5
# Streams may never end: this long after its last new request, a revision loses its pods although some are in flight.
LONGEST_SECONDS: Final = 600
# How often a revision is looked at that still gets requests so long after its traffic has ended.
SELDOM_SECONDS: Final = 60
# A look that comes this much later than planned does not count as the end of a wait.
LATE_SECONDS: Final = 15


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
        for retiring in (*draining(state), *stable_falling_asleep(state))
        if now >= next_look(plan.rollout, retiring)
    )


def stable_falling_asleep(state: RolloutState) -> tuple[Retiring, ...]:
    """Return stable as a draining revision while it falls asleep: its pods end when it no longer gets requests."""
    sleep = state.sleep
    if sleep is None or state.stable is None or sleep.state != "FallingAsleep":
        return ()
    return (
        Retiring(
            revision=state.stable,
            since=sleep.since,
            replicas=0,
            looked_at=sleep.looked_at,
            requests=sleep.requests,
            was_late=sleep.was_late,
        ),
    )


def draining(state: RolloutState) -> tuple[Retiring, ...]:
    """Return the revisions that drain; a candidate that is a retiring one too drains as long as it has no traffic."""
    serves = state.candidate if state.exposure.has_traffic else None
    return tuple(retiring for retiring in state.retiring if retiring.revision != serves)


def drained(plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without the revisions whose pods may be removed, and with the last reading of the others.

    Of one that failed, a single pod is kept for its log.
    """
    state = kept_pod.given_up(plan, observed, state)
    looked = {retiring.revision: _after_look(plan.rollout, observed, retiring, now) for retiring in draining(state)}
    following = (looked.get(retiring.revision, retiring) for retiring in state.retiring)
    still_retiring = tuple(retiring for retiring in following if retiring is not None)
    return state if still_retiring == state.retiring else replace(state, retiring=still_retiring)


def _after_look(rollout: RolloutPlan, observed: Observed, retiring: Retiring, now: datetime) -> Retiring | None:
    """Return the revision with the present reading, if a look is due; None if all of its pods may be removed."""
    activity = observed.activity.get(retiring.revision) if now >= next_look(rollout, retiring) else None
    if activity is None:
        return retiring
    if late := late_reading(rollout, retiring, activity, now):
        return late
    if is_quiet(rollout, retiring, activity, now) or _has_only_streams(rollout, retiring, activity, now):
        return kept_pod.after_draining(rollout, retiring, now)
    return with_reading(retiring, activity, now)


def moments(rollout: RolloutPlan, state: RolloutState, now: datetime) -> Iterator[datetime]:
    """Yield the times at which time alone may change something.

    A reading that is due already is in progress; its result starts the next pass.
    """
    for retiring in draining(state):
        if (look := next_look(rollout, retiring)) > now:
            yield look


def late_reading(rollout: RolloutPlan, retiring: Retiring, activity: Activity, now: datetime) -> Retiring | None:
    """Return a revision with a look that came much later than planned; None if it did not.

    How much time has really passed is not known then: the clock may have jumped. Half of the wait counts, and the
    reading is one to compare the next one with. If that is late too, it is the operator that is slow, and it counts.
    A revision that has drained before waits for no proxies.
    """
    planned = next_look(rollout, retiring)
    if retiring.is_drained or retiring.was_late or now - planned <= timedelta(seconds=LATE_SECONDS):
        return None
    before = retiring.looked_at or retiring.since
    uncounted = now - before - (planned - before) / 2
    read = with_reading(retiring, activity, now)
    return replace(read, since=whole_second(retiring.since + uncounted), was_late=True)


def with_reading(retiring: Retiring, activity: Activity, now: datetime) -> Retiring:
    """Return a revision with this reading, to which the next one is compared."""
    moment = whole_second(now)
    has_new = retiring.requests is not None and activity.requests not in {None, retiring.requests}
    requested_at = moment if has_new else retiring.requested_at
    return replace(retiring, looked_at=moment, requests=activity.requests, requested_at=requested_at, was_late=False)


def is_quiet(rollout: RolloutPlan, retiring: Retiring, activity: Activity, now: datetime) -> bool:
    """Whether this reading and the last one show that the revision no longer gets requests."""
    if now < _earliest(rollout, retiring):
        return False
    if activity.requests is None:
        return True  # The counters cannot be read, so only the time counts.
    return retiring.looked_at is not None and activity.requests == retiring.requests and not activity.in_flight


def _has_only_streams(rollout: RolloutPlan, retiring: Retiring, activity: Activity, now: datetime) -> bool:
    """Whether what is in flight has been for so long without a new request that it is not waited for."""
    has_new = retiring.looked_at is None or activity.requests != retiring.requests
    return not has_new and now >= latest(rollout, retiring)


def next_look(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    """Return when the counters of the revision's pods are to be read next."""
    if retiring.is_drained:
        return _last_looks(rollout, retiring)
    if retiring.looked_at is None:
        return retiring.since + timedelta(seconds=max(rollout.propagation, QUIET_SECONDS))
    gap = QUIET_SECONDS if retiring.looked_at < _overdue(rollout, retiring) else SELDOM_SECONDS
    return max(_earliest(rollout, retiring), retiring.looked_at + timedelta(seconds=gap))


def _last_looks(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    """Return when a pod that is kept for its log is to be looked at: when that is over, and then until it is quiet."""
    over = kept_pod.ends(rollout, retiring) or retiring.since
    if retiring.looked_at is None:
        return over
    return max(over, retiring.looked_at + timedelta(seconds=SELDOM_SECONDS if retiring.requested_at else QUIET_SECONDS))


def _earliest(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    return retiring.since + timedelta(seconds=rollout.propagation + rollout.drain)


def _overdue(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    return _earliest(rollout, retiring) + timedelta(seconds=LONGEST_SECONDS)


def latest(rollout: RolloutPlan, retiring: Retiring) -> datetime:
    """Return from when on requests in flight are not waited for, unless new ones come."""
    last = max(_earliest(rollout, retiring), retiring.requested_at or retiring.since)
    return last + timedelta(seconds=LONGEST_SECONDS)

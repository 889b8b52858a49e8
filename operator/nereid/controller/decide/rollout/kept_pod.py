"""One pod of a revision that failed stays for a while after the revision has drained, so that its log can be read.

No route leads to it. It costs no place that another revision needs: with no surge none is kept, a new rollout ends it
at once, and so does a pod of stable for which there is no room. That it is over takes nothing away by itself: the pod
goes when two more readings show no request, as any that drains.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.controller.decide.rollout.state import Retiring, RolloutState
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Plan, RolloutPlan

# No pod has failed: somebody or a deadline has ended the rollout.
_ENDED_OTHERWISE: Final = frozenset({"Aborted", "Inconclusive", "MaxDurationExceeded", "ChecksNotRun", "RevisionLost"})
# There is no room for a pod: on the nodes, or in a quota.
_LACKS_ROOM: Final = frozenset({"InsufficientCapacity", "ReplicaFailure"})
# No container has run that could have written a log.
_WITHOUT_LOG: Final = _LACKS_ROOM | {"ImagePullFailed", "ConfigurationMissing"}


def is_wanted(plan: Plan, state: RolloutState, revision: str) -> bool:
    """Whether one pod of a revision that loses its traffic now is to be kept for its log."""
    failed = state.failed
    if failed is None or failed.revision != revision or not plan.rollout.surge or not plan.rollout.keep_failed_pod:
        return False
    return failed.reason not in _ENDED_OTHERWISE | _WITHOUT_LOG


def after_draining(rollout: RolloutPlan, retiring: Retiring, now: datetime) -> Retiring | None:
    """Return what is left of a revision that has drained: one pod, or nothing."""
    until = ends(rollout, retiring)
    if until is None or now >= until or not retiring.replicas:
        return None
    # The counters of one pod are not those of all: they are read anew before it goes.
    return replace(retiring, replicas=1, is_drained=True, looked_at=None, requests=None, requested_at=None)


def ends(rollout: RolloutPlan, retiring: Retiring) -> datetime | None:
    """Return until when one pod is kept for its log; None if none is, or no longer."""
    if retiring.log_kept_from is None or not rollout.surge or not rollout.keep_failed_pod:
        return None
    return retiring.log_kept_from + timedelta(seconds=rollout.keep_failed_pod)


def given_up(plan: Plan, observed: Observed, state: RolloutState) -> RolloutState:
    """Return the state without pods that are kept although stable has no room for one of its own, or that never ran."""
    lacking = observed.of(state.stable).problem
    has_room = lacking is None or lacking.reason not in _LACKS_ROOM
    return _given_up(
        state,
        (
            one.revision
            for one in state.retiring
            if not has_room or not plan.rollout.surge or (one.is_drained and not _has_log(observed, one.revision))
        ),
    )


def all_given_up(state: RolloutState) -> RolloutState:
    """Return the state in which no pod is kept for its log any longer."""
    return _given_up(state, (one.revision for one in state.retiring))


def _given_up(state: RolloutState, revisions: Iterable[str]) -> RolloutState:
    over = set(revisions)
    retiring = tuple(replace(one, log_kept_from=None) if one.revision in over else one for one in state.retiring)
    return state if retiring == state.retiring else replace(state, retiring=retiring)


def _has_log(observed: Observed, revision: str) -> bool:
    problem = observed.of(revision).problem
    return problem is None or problem.reason not in _WITHOUT_LOG


def until_gone(state: RolloutState, revision: str) -> RolloutState | None:
    """Return the state that waits for a kept pod to go before its revision is tried again, with new pods.

    None if there is none, or it still gets requests: then it is not waited for.
    """
    is_there = any(one.revision == revision and one.is_drained and one.requested_at is None for one in state.retiring)
    return all_given_up(state) if is_there else None

"""What is told when the mesh does not do what the routes say, or its counts contradict each other. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from nereid.api.status import Condition
from nereid.controller.decide.rollout.analysis import COUNTS_DISAGREE, disagrees
from nereid.controller.decide.rollout.draining import draining, next_look
from nereid.controller.decide.rollout.route_share import ROUTE_NOT_EFFECTIVE
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Retiring, RolloutState
from nereid.controller.decide.rollout.timing import lacks_effect
from nereid.controller.observed.facts import Observed, Problem
from nereid.controller.plan.plan import Plan
from nereid.controller.report.verdict import Verdict

REQUESTS_LEFT_OUT: Final = "RequestsLeftOut"
# Reasons of the condition RouteNotEffective.
CHANGED_ON_ITS_WAY: Final = "RoutesChanged"
SHARE_IS_OFF: Final = "ShareIsOff"
STILL_ASKED: Final = "RequestsWithoutRoute"
# A proxy that has not received a route by so long after its time is not going to by itself.
_PATIENCE: Final = timedelta(seconds=60)


def routes_problem(
    plan: Plan, observed: Observed, state: RolloutState, previous: Sequence[Condition], *, is_applied: bool
) -> Problem | None:
    """Return what is wrong with routes that do not read back as they were applied.

    Before they are applied, what was wrong after the last time stands.
    """
    if observed.is_routed(routing_of(state)):
        return None
    stood = any(
        one.type == ROUTE_NOT_EFFECTIVE and one.status == "True" and one.reason == CHANGED_ON_ITS_WAY
        for one in previous
    )
    if not is_applied and not stood:
        return None
    name = plan.owner.name
    return Problem(
        CHANGED_ON_ITS_WAY,
        f"The VirtualServices of {name} were applied, and are not as they were applied: something changes "
        "them, such as a mutating webhook, and nothing moves until it no longer does. Look at kubectl "
        f"get virtualservice --selector nereid.dev/model-deployment={name} --output yaml --show-managed-fields, and at "
        "kubectl get mutatingwebhookconfigurations",
    )


def share_problem(state: RolloutState) -> Problem | None:
    """Return what is wrong if the candidate's share of the requests cannot be by its weight."""
    share = state.analysis.share if state.analysis else None
    if share is None or state.candidate is None or not lacks_effect(state):
        return None
    return Problem(
        SHARE_IS_OFF,
        f"The mesh does not do what the route of candidate {state.candidate} says: {share.figures}. Nothing moves "
        "until it does. Is istiod running (istioctl proxy-status)? Has another VirtualService the same host (istioctl "
        "analyze)? Do all callers send their requests through a sidecar or a gateway?",
    )


def retiring_problem(plan: Plan, state: RolloutState, now: datetime) -> Problem | None:
    """Return what is wrong if a revision without traffic is still busy long after the proxies must have heard of it."""
    busy = next((one for one in draining(state) if _is_still_asked(plan, one, now)), None)
    if busy is None:
        return None
    return Problem(
        STILL_ASKED,
        f"No route has led to revision {busy.revision} since {busy.since:%Y-%m-%d %H:%M:%S} UTC, and it still gets "
        "requests, or has streams that do not end: its pods stay. Is istiod running (istioctl proxy-status)? Does "
        "another VirtualService, or a client itself, lead to it?",
    )


def _is_still_asked(plan: Plan, retiring: Retiring, now: datetime) -> bool:
    if retiring.looked_at is None or retiring.requests is None:
        return False
    if retiring.is_drained:
        return retiring.requested_at is not None  # The last looks at a pod that was kept for its log.
    drained_by = retiring.since + timedelta(seconds=plan.rollout.propagation + plan.rollout.drain) + _PATIENCE
    return now >= drained_by and next_look(plan.rollout, retiring) >= drained_by


def verdicts(problem: Problem | None, state: RolloutState) -> dict[str, Verdict]:
    """Return the conditions that exist only while something is wrong; `problem` is that of the routes, if any."""
    shown = {ROUTE_NOT_EFFECTIVE: Verdict("True", problem.reason, problem.message)} if problem else {}
    if state.candidate and state.analysis and disagrees(state.analysis):
        shown[COUNTS_DISAGREE] = Verdict("True", COUNTS_DISAGREE, state.analysis.error or "")
    left_out = state.analysis.left_out if state.analysis else None
    if state.candidate and left_out:
        shown[REQUESTS_LEFT_OUT] = Verdict("True", left_out.reason, left_out.message)
    return shown

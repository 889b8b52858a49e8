"""The steps of a rollout in words, and what comes next. Pure."""

from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import ResolutionStatus, RolloutStatus
from nereid.cli.asking import possible
from nereid.cli.figures import span, until
from nereid.cli.view import View, title_of
from nereid.controller.decide.rollout.stage import HELD_BY_SPEC, PAUSED_BY_SPEC, PREPARING, ROLLING_BACK
from nereid.controller.plan.plan import ALL_TRAFFIC, RolloutPlan, Step
from nereid.controller.report.lacking_pods import CANDIDATE_LACKS_PODS


def steps_of(view: View) -> tuple[Step, ...] | None:
    """Return the steps of the rollout; None if the spec no longer has them."""
    rollout, plan = view.rollout, view.plan
    if plan is None or (rollout and rollout.strategy and rollout.strategy != plan.strategy):
        return None
    return plan.steps


def described(step: Step, plan: RolloutPlan) -> str:
    """Return a step in words."""
    exposure, hold = step.exposure, "until promoted" if step.hold is None else f"for {span(step.hold)}"
    if exposure == ALL_TRAFFIC:
        return f"100%, the previous revision is kept {hold}"
    if exposure.preview:
        return f"preview at {', '.join(plan.preview_hosts) or 'its own Service'} {hold}"
    if exposure.matched:
        return f"{_matched(plan)} {hold}"
    share = f"a copy of {exposure.mirror}%" if exposure.mirror else f"{exposure.weight}%"
    return f"{share} {hold}"


def coming(view: View, now: datetime) -> str:
    """Return what happens next, and when or after what."""
    rollout, status = view.rollout, view.status
    if status.resolution and status.resolution.resolved_uri is None:
        return _once_resolved(status.resolution, now)
    if rollout is None:
        return "the operator processes it"
    if view.stage in ROLLING_BACK:
        return _while_rolling_back(view, rollout, now)
    if status.candidate is None:
        return _at_rest(view, rollout)
    if status.stable is None:
        return _first_traffic(view, rollout)
    match view.stage:
        case Stage.PREPARATION_PAUSED | Stage.PREPARATION_HELD | Stage.OUTSIDE_WINDOW | Stage.AWAITING_APPROVAL:
            return f"nothing, until {_end_of_pause(view)}"
        case stage if stage in PREPARING:
            return f"{_at(view, rollout.step)}, as soon as {_preparing(view)}{_time_left(rollout, now)}"
        case Stage.PROPAGATING | Stage.PROMOTING:
            return f"{_after_route(view, rollout)}, {_once_routed(view, rollout, now)}"
        case Stage.HOLDING | Stage.ANALYZING:
            return _while_held(view, rollout, now)
        case _:
            return f"nothing, until {_end_of_pause(view)}"


def _first_traffic(view: View, rollout: RolloutStatus) -> str:
    """Return when the first revision, before which there is no other, gets its traffic."""
    if rollout.failed:
        return "nothing, until you retry or promote it, or change the spec"
    if view.stage is Stage.RUNNING_CHECKS:
        return "it gets all traffic as soon as its checks have passed"
    checked = "" if view.status.candidate and view.status.candidate.weight else " and has passed its checks"
    return f"it gets all traffic as soon as one pod is ready{checked}"


def _once_resolved(resolution: ResolutionStatus, now: datetime) -> str:
    again = f"; it is resolved again in {until(resolution.next_check, now)}" if resolution.next_check else ""
    return f"the rollout of what {resolution.uri} resolves to{again}"


def hold_ends(view: View) -> datetime | None:
    """Return when the hold of the present step is over; None if no step is held, or if it is held until a promotion."""
    rollout, steps = view.rollout, steps_of(view)
    if rollout is None or view.stage not in {Stage.HOLDING, Stage.ANALYZING} or not steps or rollout.step >= len(steps):
        return None
    hold = steps[rollout.step].hold
    return None if hold is None else rollout.since + timedelta(seconds=hold)


def verdict_due(view: View) -> datetime | None:
    """Return when evidence that is still undecided becomes inconclusive; None while no deadline counts."""
    ends = hold_ends(view)
    if ends is None or view.plan is None or view.rollout is None or view.stage is not Stage.ANALYZING:
        return None
    return None if _lacks_effect(view.rollout) else ends + timedelta(seconds=view.plan.analysis.deadline)


def waits_for_pods(view: View) -> bool:
    """Whether a candidate that gets all traffic lacks pods, so that it is not stable yet."""
    return any(one.type == "Ready" and one.reason == CANDIDATE_LACKS_PODS for one in view.status.conditions)


def _matched(plan: RolloutPlan) -> str:
    if plan.match is None:
        return "the requests that match"
    headers = [f"header {header.name}" for header in plan.match.headers or ()]
    cookie = [f"cookie {plan.match.cookie.name}={plan.match.cookie.value}"] if plan.match.cookie else []
    return "requests with " + " or ".join([" and ".join(headers), *cookie] if headers else cookie)


def _at(view: View, step: int) -> str:
    """Return what the candidate gets at a step, in short."""
    steps = steps_of(view)
    if view.rollout and view.rollout.fast_track:
        return "all traffic"
    if steps is None:
        return "the next step"
    if step >= len(steps):
        return "it becomes the stable revision" if steps and steps[-1].exposure == ALL_TRAFFIC else "all traffic"
    exposure = steps[step].exposure
    if exposure.preview:
        return "the preview hosts lead to it"
    if exposure.matched:
        return "the requests that match"
    return f"a copy of {exposure.mirror}%" if exposure.mirror else f"{exposure.weight}% of the traffic"


def _preparing(view: View) -> str:
    return "its checks have passed" if view.stage is Stage.RUNNING_CHECKS else "its pods are ready"


def _time_left(rollout: RolloutStatus, now: datetime) -> str:
    return f"; it fails if that takes more than {until(rollout.next_look, now)}" if rollout.next_look else ""


def _in(rollout: RolloutStatus, now: datetime) -> str:
    return f", in {until(rollout.next_look, now)}" if rollout.next_look else ""


def _once_routed(view: View, rollout: RolloutStatus, now: datetime) -> str:
    if view.stage is Stage.PROMOTING and waits_for_pods(view):
        return f"when all of its pods are ready{_time_left(rollout, now)}"
    return f"when the proxies have received the route{_in(rollout, now)}"


def _after_route(view: View, rollout: RolloutStatus) -> str:
    steps = steps_of(view)
    if view.stage is Stage.PROMOTING or (steps is not None and rollout.step >= len(steps)):
        return "it becomes the stable revision"
    if steps is None:
        return "it is held there"
    return _hold(steps[rollout.step])


def _hold(step: Step) -> str:
    return "it is held there until promoted" if step.hold is None else f"it is held there for {span(step.hold)}"


def _while_held(view: View, rollout: RolloutStatus, now: datetime) -> str:
    if view.stage is Stage.ANALYZING and _lacks_effect(rollout):
        return f"nothing, until its share of the requests is what its route says, or {_by_command(view)}"
    return f"{_at(view, rollout.step + 1)}, {_condition(view, now)}"


def _condition(view: View, now: datetime) -> str:
    ends, due = hold_ends(view), verdict_due(view)
    hold_left = f"in {until(ends, now)}" if ends and ends > now else ""
    if view.stage is Stage.HOLDING:
        return hold_left or "now"
    if hold_left:
        return f"{hold_left} at the earliest, once it is judged good enough"
    limit = f"; in {until(due, now)} it is inconclusive" if due else ""
    return f"as soon as it is judged good enough{limit}"


_ENDS_OF_PAUSES: Final = {
    **dict.fromkeys(PAUSED_BY_SPEC, "spec.rollout.paused is false"),
    **dict.fromkeys(HELD_BY_SPEC, "the spec can be carried out"),
    Stage.OUTSIDE_WINDOW: "a window of spec.rollout.windows opens",
    Stage.AWAITING_APPROVAL: "a webhook approves",
    Stage.INCONCLUSIVE: "the evidence decides",
    Stage.METRICS_UNAVAILABLE: "the metrics are available again",
}


def _end_of_pause(view: View) -> str:
    end = _ENDS_OF_PAUSES.get(view.stage) if view.stage else None
    return ", or ".join(filter(None, [end, _by_command(view)]))


def _by_command(view: View) -> str:
    given = dict.fromkeys(command.command for command in possible(view))
    return f"you {' or '.join(command for command in given if command in {'promote', 'abort'})}"


def _lacks_effect(rollout: RolloutStatus) -> bool:
    """Whether the mesh does not do what the route says, so that nothing advances."""
    return bool(rollout.analysis and rollout.analysis.route and not rollout.analysis.route.effective)


def _while_rolling_back(view: View, rollout: RolloutStatus, now: datetime) -> str:
    if view.status.candidate is None:
        return f"stable has all traffic, when the proxies have received the route{_in(rollout, now)}"
    limit = f"; in {until(rollout.next_look, now)} they get up to twice their usual load" if rollout.next_look else ""
    return f"the rest of the traffic returns to stable as its pods become ready{limit}"


def _at_rest(view: View, rollout: RolloutStatus) -> str:
    if rollout.failed:
        return "nothing, until you retry it or change the spec"
    if rollout.pinned:
        return f"nothing, until the spec asks for another revision than {title_of(view, rollout.pinned.instead_of)}"
    if rollout.retiring:
        return "the pods of earlier revisions are removed when no requests are in flight"
    return "nothing, until the spec changes"

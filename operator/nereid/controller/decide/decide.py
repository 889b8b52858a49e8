"""decide: everything that a pass is to do, from its plan and the situation.

The state machines of the rollout and of the model's source do not depend on each other; their decisions are combined
here. Facts that only the API server has are requested as look-ups; the next pass has them. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from nereid.api.names import revision_child_name
from nereid.api.status import ModelDeploymentStatus, ResolutionStatus
from nereid.controller.decide.measurements import WantedMeasurements, measured, wanted_measurements
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.decide.rollout import calling, notifications
from nereid.controller.decide.rollout import decide as rollout
from nereid.controller.decide.rollout.consistency import consistent
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.decide.source.resolution import ModelJob, Resolution, resolve
from nereid.controller.decide.source.tagging import Tagging, tagging
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.facts import Observed, with_looked_up
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Held, Plan
from nereid.controller.plan.resolution import ResolutionRequest, request_of

# If applying a route took longer than this, times that were counted from the decision on are counted again.
_AT_ONCE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LookUps:
    """What is to be read from the API server before anything is done.

    existence: whether the ModelDeployment still exists. records: the revisions whose record is missing, each with its
    model's URI ("" if that is not known).
    """

    existence: bool = False
    records: Mapping[str, str] = field(default_factory=dict)

    @property
    def are_needed(self) -> bool:
        """Whether anything is to be read."""
        return self.existence or bool(self.records)


@dataclass(frozen=True, slots=True)
class Orders:
    """All that a pass is to do.

    before: the state before the decision. decision: the rollout's next state, the revisions that keep pods, and the
    checks that are to run. observed: the facts of the decision, with measurements. resolution: what the model's URI
    resolves to; None if it is not looked up. tagging: what the registry is to record; None if it is not tagged.
    calls: the webhooks that are to be called, and `next_call` after how many seconds the next one is. is_news: the
    status does not contain all of this yet.
    """

    before: RolloutState
    decision: Decision
    observed: Observed
    resolution: Resolution | None
    tagging: Tagging | None
    measurements: WantedMeasurements
    look_ups: LookUps
    is_news: bool
    calls: tuple[WebhookCall, ...] = ()
    next_call: float | None = None

    @property
    def source_jobs(self) -> tuple[ModelJob, ...]:
        """The Jobs for the model's source that are to exist; all others are deleted."""
        looks = (self.resolution.job,) if self.resolution and self.resolution.job else ()
        return (*looks, *(self.tagging.jobs if self.tagging else ()))

    @property
    def requeue_after(self) -> float | None:
        """The seconds after which time alone may change something; None when only an event can."""
        parts = (part for part in (self.decision, self.resolution, self.tagging) if part)
        return sooner(self.next_call, *(part.requeue_after for part in parts))


@dataclass(frozen=True, slots=True)
class SourceOrders:
    """All that is to be done for a first model whose URI is not resolved yet."""

    resolution: Resolution
    look_ups: LookUps

    @property
    def source_jobs(self) -> tuple[ModelJob, ...]:
        """The Jobs for the model's source that are to exist; all others are deleted."""
        return (self.resolution.job,) if self.resolution.job else ()


def decide(plan: Plan, situation: Situation, now: datetime) -> Orders:
    """Return what is to be done for a plan with a revision."""
    status = situation.status
    state = consistent(RolloutState.from_status(status, situation.unreadable))
    observed = with_looked_up(measured(plan, situation, state, now), situation.looked_up.records)
    known = calling.answered(plan, state, situation.webhook_answers, now)
    decision = notifications.with_news(plan, known, rollout.decide(plan, observed, known, now), now)
    resolution = _resolution(plan, situation, now)
    last_tagged = resolution.status.tagged if resolution else None
    tags = tagging(plan.source, decision.state.history, last_tagged, situation.model_jobs, now)
    return Orders(
        before=state,
        decision=decision,
        observed=observed,
        resolution=resolution,
        tagging=tags,
        measurements=wanted_measurements(plan, observed, state, now),
        look_ups=LookUps(_is_doubtful(situation, decision.live), _lost_records(situation, decision.live)),
        is_news=decision.state != state or resolution_status(resolution, tags) != status.resolution,
        calls=calling.wanted_calls(plan, state, now),
        next_call=calling.next_call(plan, decision.state, now),
    )


def decide_on_source(request: ResolutionRequest, situation: Situation, now: datetime) -> SourceOrders:
    """Return what is to be done while the URI of a first model is not resolved."""
    resolution = _look(request, situation, now)
    job = resolution.job
    has_job = job is None or any(facts.run == job.run for facts in situation.model_jobs)
    # The garbage collector would delete a Job of a deleted object, and each pass would create it again.
    return SourceOrders(resolution, LookUps(existence=not has_job and not situation.looked_up.exists))


def as_routed(orders: Orders, after: Observed, decided: datetime, now: datetime) -> Decision:
    """Return the decision of the orders, after they were applied: `decided` is when they were made, and `now` is after.

    If the route was applied in this pass, but late, all times that begin with a route begin again. Otherwise the
    decision is unchanged.
    """
    decision, routing = orders.decision, routing_of(orders.decision.state)
    if orders.observed.is_routed(routing) or not after.is_routed(routing):
        return decision
    was_behind = orders.before.stable is not None and not orders.observed.is_routed(routing_of(orders.before))
    elapsed = (now - decided).total_seconds()
    if decision.state == orders.before or was_behind or elapsed > _AT_ONCE_SECONDS:
        return replace(decision, state=rollout.routed_anew(decision.state, now))
    return decision


def resolution_status(resolution: Resolution | None, tags: Tagging | None) -> ResolutionStatus | None:
    """Return what status says about the resolution of the URI; None if it is not looked up."""
    if resolution is None:
        return None
    # Without tagging, the last tagged revision stays recorded.
    return resolution.status.model_copy(update={"tagged": tags.tagged}) if tags else resolution.status


def sooner(*waits: float | None) -> float | None:
    """Return the shortest of several waits in seconds; None means no limit."""
    return min((wait for wait in waits if wait is not None), default=None)


def _resolution(plan: Plan, situation: Situation, now: datetime) -> Resolution | None:
    if isinstance(plan, Held) and plan.rejection is not None:
        # Nothing is looked up for a rejected spec; the last resolution stays.
        before = situation.status.resolution
        return Resolution(before) if before else None
    request = request_of(plan.source)
    return _look(request, situation, now) if request else None


def _look(request: ResolutionRequest, situation: Situation, now: datetime) -> Resolution:
    return resolve(request, situation.status.resolution, situation.model_jobs, situation.served_uris, now)


def _is_doubtful(situation: Situation, live: Sequence[LiveRevision]) -> bool:
    """Whether a ModelDeployment that lacks a child may no longer exist.

    Its deletion may have been missed while the watch was interrupted. The garbage collector then deletes its children,
    and each pass would create them again.
    """
    if situation.status.rollout is None or situation.looked_up.exists:
        return False
    name = situation.subject.name
    # The root Service is there once something is routed.
    root = {name} if any(entry.weight for entry in live) else set()
    return not situation.services >= {*root, *(revision_child_name(name, entry.revision) for entry in live)}


def _lost_records(situation: Situation, live: Sequence[LiveRevision]) -> dict[str, str]:
    """Return the live revisions of the status whose record is missing, each with its model's URI."""
    uris, looked_up = _uris(situation.status), situation.looked_up.records
    observed = situation.observed
    lost = [entry.revision for entry in live if observed.of(entry.revision).record is None]
    # Its Deployment shows the model of a revision that status does not know.
    known = [revision for revision in lost if revision in uris or observed.of(revision).deployment]
    return {revision: uris.get(revision, "") for revision in known if revision not in looked_up}


def _uris(status: ModelDeploymentStatus) -> dict[str, str]:
    uris = {served.revision: "" for served in status.rollout.retiring} if status.rollout else {}
    return uris | {served.revision: served.model_uri for served in (status.stable, status.candidate) if served}

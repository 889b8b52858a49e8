"""One pass over one ModelDeployment: gather, plan, decide, record, build, apply, report.

The conductor: it holds the order of the steps, and leaves each of them to the module of its name.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from nereid.api.identity import Owner
from nereid.api.names import API_VERSION, KIND
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.build.manifests import manifests
from nereid.controller.build.model_job import model_job
from nereid.controller.build.provenance import with_labels
from nereid.controller.build.revision import named_as_made
from nereid.controller.build.routing import url
from nereid.controller.decide.rollout.decide import decide, routed_anew
from nereid.controller.decide.rollout.history import asked_before
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import Decision, Event, RolloutState
from nereid.controller.decide.source.resolution import Resolution, request_of, resolve
from nereid.controller.decide.source.tagging import Tagging, tagging
from nereid.controller.observed.facts import Observed, Trouble
from nereid.controller.plan.plan import InvalidSpecError, Plan, leading_to, plan
from nereid.controller.plan.settings import Settings
from nereid.controller.report.conditions import Picture, with_refusals
from nereid.controller.report.events import created_events, source_events, trouble_event
from nereid.controller.report.status import invalid, report, resolution_status, to_json, unresolved
from nereid.controller.report.verdict import condition
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.converge import Applied, converge, converge_model_jobs
from nereid.controller.shell.cluster.errors import ApiError, Conflict, NotFound
from nereid.controller.shell.cluster.model_deployments import ModelDeployment
from nereid.controller.shell.cluster.resources import MODEL_DEPLOYMENT
from nereid.controller.shell.gather import Gatherer, Stores
from nereid.controller.shell.log_object import works_on

# A child that the API server rejects, or whose name is taken, may become possible without any event that shows it: at
# once after a restart of the API server, which knows no roles for a moment, or whenever somebody raises a quota.
FIRST_RETRY_SECONDS: Final = 2.0
LATER_RETRY_SECONDS: Final = 30.0
_CHILD_PROBLEMS: Final = frozenset({"NameConflict", "ChildRejected", "ApplyFailed"})
# A route that took longer to be applied than this has not had the time that was counted from the decision on.
_AT_ONCE_SECONDS: Final = 2.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Subject:
    """The ModelDeployment that a pass works on, as it was last read or written, and its status."""

    seen: ModelDeployment
    status: ModelDeploymentStatus


class Reconciler:
    """Makes the cluster match one ModelDeployment at a time; safe to be called for several keys at once."""

    def __init__(
        self,
        gatherer: Gatherer,
        client: Client,
        stores: Stores,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        count_event: Callable[[str, str], None],
    ) -> None:
        """`count_event` is called with type and reason of each event, whether or not the API server takes it."""
        self._client = client
        self._stores = stores
        self._gatherer = gatherer
        self._count_event = count_event
        self._settings = settings
        self._clock = clock

    async def __call__(self, key: tuple[str, str]) -> float | None:
        """Work on the ModelDeployment `key` (namespace, name) once.

        Returns the seconds after which to be called again, None when only an event can change anything. Raises
        Conflict where somebody else wrote in between, and Unavailable where the API server did not answer: the pass
        is then to be repeated.
        """
        works_on(key)
        seen = self._stores.model_deployments.get(key)
        if seen is None or seen.deleting:
            self._gatherer.forget(*key)
            return None
        subject = _Subject(seen, ModelDeploymentStatus.model_validate(seen.status))
        try:
            return await self._carry_out(subject)
        except NotFound:
            if not await self._gatherer.is_deleted(seen):
                raise
            self._forget(seen)
            return None

    async def _carry_out(self, subject: _Subject) -> float | None:
        """Do what the spec asks for; while that is not known, look after what runs: judge, take back, scale, repair."""
        seen, status = subject.seen, subject.status
        try:
            asked = plan(_metadata(seen), seen.spec, self._settings)
        except InvalidSpecError as error:
            kept = _held(error.rest, status) if error.rest else None
            if kept is None:
                await self._write(subject, invalid(str(error), seen.generation, status, self._clock()))
                return None
            known = Resolution(status.resolution) if status.resolution else None
            return await self._converge(subject, kept, known)
        resolution = self._resolve(subject, asked)
        if resolution is None:
            return await self._converge(subject, asked, None)
        if resolution.uri:
            return await self._converge(subject, leading_to(asked, resolution.uri), resolution)
        kept = _held(asked, status)
        if kept is None:
            return await self._wait_for_model(subject, asked, resolution)
        return await self._converge(subject, kept, resolution)

    def _forget(self, gone: ModelDeployment) -> None:
        """Let go of an object that went while the pass was on its way; its children go with it."""
        self._stores.model_deployments.forget(gone)
        self._gatherer.forget(*gone.key)

    def _resolve(self, subject: _Subject, asked: Plan) -> Resolution | None:
        """Return what is known of where the model's URI leads; None where it says so itself."""
        request = request_of(asked)
        if request is None:
            return None
        status = subject.status
        served = {one.model_uri for one in (status.stable, status.candidate, *status.history) if one}
        return resolve(request, status.resolution, self._gatherer.model_jobs(asked.owner), served, self._clock())

    async def _wait_for_model(self, subject: _Subject, asked: Plan, resolution: Resolution) -> float | None:
        """Have it asked where the URI of the first model leads: nothing else is there yet."""
        generation, standing = subject.seen.generation, _standing_refusal(subject.status)
        told = replace(resolution, refusal=standing)
        await self._report(subject, unresolved(told, generation, subject.status, self._clock()))
        if resolution.job and await self._gatherer.is_deleted(subject.seen):
            # Its Job would be collected as garbage, and made again, without end.
            self._forget(subject.seen)
            return None
        applied = await self._ask(asked, resolution, None)
        refusals = _problems(applied)
        told = replace(resolution, refusal=refusals[0] if refusals else None)
        await self._report(subject, unresolved(told, generation, subject.status, self._clock()))
        applied.raise_failures()
        retry = LATER_RETRY_SECONDS if standing else FIRST_RETRY_SECONDS
        return _sooner(resolution.requeue_after, retry if refusals else None)

    async def _converge(self, subject: _Subject, wanted: Plan, resolution: Resolution | None) -> float | None:
        wanted, unreachable = self._gatherer.reachable(subject.seen, wanted)
        seen = await self._gatherer.observe(wanted.owner)
        if wanted.is_held:
            wanted = named_as_made(wanted, seen.of(wanted.revision).record)
        state, now = RolloutState.from_status(subject.status), self._clock()
        observed = self._gatherer.measured(wanted, seen, state, now)
        decision = decide(wanted, observed, state, now)
        if subject.status.rollout and await self._gatherer.is_gone(subject.seen, decision.live):
            self._forget(subject.seen)
            return None
        records = await self._gatherer.records(wanted, decision.live, observed, subject.status)
        records = with_labels(records, wanted, resolution)
        address = url(wanted, tls=self._gatherer.has_tls(wanted))
        standing, refusal = _standing_problems(subject.status), _standing_refusal(subject.status)
        asking = replace(resolution, refusal=refusal) if resolution and resolution.job else resolution
        tags = self._tags(wanted, decision, resolution)
        picture = Picture(wanted, decision, observed, (*standing, *unreachable), asking, tags, subject.seen.author)
        moved = decision.state != state
        has_news = moved or resolution_status(picture) != subject.status.resolution
        if has_news:
            await self._report(subject, report(picture, records, address, subject.status, self._clock()))
        applied, asked, _ = await asyncio.gather(
            converge(
                self._client,
                self._stores.children,
                wanted.owner,
                manifests(wanted, decision.live, records, decision.check_run),
                keep=[one.revision for one in decision.live],
                keep_records=[one.revision for one in decision.state.history],
            ),
            self._ask(wanted, resolution, tags),
            self._tell(wanted.owner, (*created_events(picture, state.candidate), *decision.events)),
        )
        after = await self._gatherer.observe(wanted.owner)
        routed = self._is_routed_late(decision.state, state, observed, after, now)
        if routed:
            decision = replace(decision, state=routed_anew(decision.state, self._clock()))
        problems = (*_problems(applied), *unreachable)
        picture = replace(picture, decision=decision, observed=after, problems=problems, resolution=resolution)
        picture = with_refusals(picture, _problems(asked))
        trouble = trouble_event(picture, subject.status)
        if not has_news or routed or picture.problems:
            # A move is followed by another pass at once, which reports what has come of it.
            await self._report(subject, report(picture, records, address, subject.status, self._clock()))
        if trouble:
            await self._tell(wanted.owner, (Event("Warning", trouble.reason, trouble.message),))
        applied.raise_failures()
        if has_news or after != seen:
            # No event tells of our own writes.
            return 0.0
        retry = LATER_RETRY_SECONDS if standing else FIRST_RETRY_SECONDS
        waits = [one.requeue_after for one in (decision, resolution, tags) if one]
        return _sooner(*waits, retry if _problems(applied) else None, _retry_of_jobs(asked))

    def _is_routed_late(
        self, state: RolloutState, previous: RolloutState, before: Observed, after: Observed, decided: datetime
    ) -> bool:
        """Whether a state's route has been applied in this pass, and not as soon as it was decided."""
        routing = routing_of(state)
        if before.is_routed(routing) or not after.is_routed(routing):
            return False
        was_refused = previous.stable is not None and not before.is_routed(routing_of(previous))
        took = (self._clock() - decided).total_seconds()
        return state == previous or was_refused or took > _AT_ONCE_SECONDS

    async def _ask(self, wanted: Plan, resolution: Resolution | None, tags: Tagging | None) -> Applied:
        """Let there be the Jobs that speak to the model's source, and no others of their kind."""
        asking = (resolution.job,) if resolution and resolution.job else ()
        jobs = [model_job(wanted, job) for job in (*asking, *(tags.jobs if tags else ()))]
        return await converge_model_jobs(self._client, self._stores.children, wanted.owner, jobs)

    def _tags(self, wanted: Plan, decision: Decision, resolution: Resolution | None) -> Tagging | None:
        """Return what the registry is to be told."""
        tagged = resolution.status.tagged if resolution else None
        return tagging(wanted, decision.state.history, tagged, self._gatherer.model_jobs(wanted.owner), self._clock())

    async def _report(self, subject: _Subject, status: ModelDeploymentStatus) -> None:
        """Write a status, and tell of what it has to say that is new of the model's source."""
        previous = subject.status
        await self._write(subject, status)
        await self._tell(subject.seen.owner, source_events(previous, status))

    async def _write(self, subject: _Subject, status: ModelDeploymentStatus) -> None:
        """Write a status if it is another one; on the resourceVersion that it was made from, or Conflict is raised."""
        seen, content = subject.seen, to_json(status)
        subject.status = status
        if content == seen.status:
            return
        raw = await self._client.apply_status(
            MODEL_DEPLOYMENT, seen.namespace, seen.name, content, seen.resource_version
        )
        self._stores.model_deployments.put(raw)
        subject.seen = ModelDeployment.from_raw(raw)

    async def _tell(self, owner: Owner, events: Sequence[Event]) -> None:
        regarding = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
        }
        for event in events:
            self._count_event(event.type, event.reason)
            _logger.info("%s: %s", event.reason, event.message)
            try:
                await self._client.create_event(
                    regarding=regarding, reason=event.reason, note=event.message, type_=event.type, action="Reconcile"
                )
            except ApiError as error:
                # Events are for people, and status says the same: losing one must not delay the rollout.
                _logger.warning("event %s is lost: %s", event.reason, error)


def _metadata(subject: ModelDeployment) -> dict[str, object]:
    return {
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
        "generation": subject.generation,
        "annotations": subject.annotations,
    }


def _held(asked: Plan, status: ModelDeploymentStatus) -> Plan | None:
    """Return the plan with the revision that was asked for before in its place; None where there was none."""
    before = asked_before(RolloutState.from_status(status)) if status.rollout else None
    return replace(asked, revision=before, is_held=True) if before else None


def _standing_problems(previous: ModelDeploymentStatus) -> tuple[Trouble, ...]:
    """Return the problem with children that the last status told of: it stands until they have been applied."""
    told, refusal = condition(previous, "Ready"), _standing_refusal(previous)
    if told is None or told.reason not in _CHILD_PROBLEMS:
        return ()
    found = Trouble(told.reason, told.message)
    return () if found == refusal else (found,)


def _standing_refusal(previous: ModelDeploymentStatus) -> Trouble | None:
    """Return why the Job that asks the model's source could not be made, as the last status told."""
    told = condition(previous, "ModelResolved")
    return Trouble(told.reason, told.message) if told and told.reason in _CHILD_PROBLEMS else None


def _problems(applied: Applied) -> tuple[Trouble, ...]:
    taken = [Trouble("NameConflict", one.message) for one in applied.conflicts]
    rejected = [
        Trouble("ChildRejected", f"the API server rejects {one.kind} {one.name}: {one.message}")
        for one in applied.rejections
    ]
    failed = [
        Trouble("ApplyFailed", f"the API server does not take a change: {one}")
        for one in applied.failures
        if not isinstance(one, Conflict)
    ]
    return (*taken, *rejected, *failed[:1])


def _retry_of_jobs(asked: Applied) -> float | None:
    """Return when to make the Jobs again that could not be made; soon, where somebody else only was in the way."""
    if asked.is_complete:
        return None
    was_in_the_way = any(isinstance(one, Conflict) for one in asked.failures)
    return FIRST_RETRY_SECONDS if was_in_the_way else LATER_RETRY_SECONDS


def _sooner(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)

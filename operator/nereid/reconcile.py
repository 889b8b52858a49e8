"""One pass over one ModelDeployment: gather, plan, decide, record, build, apply, report.

The conductor: it holds the order of the steps, and leaves each of them to the module of its name.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from nereid.api.status import ModelDeploymentStatus
from nereid.build.manifests import manifests
from nereid.build.revision import new_record
from nereid.build.routing import url
from nereid.cluster.children import Children
from nereid.cluster.client import Client
from nereid.cluster.converge import Applied, converge
from nereid.cluster.crash_causes import CrashCauses
from nereid.cluster.errors import ApiError
from nereid.cluster.model_deployments import ModelDeployment, ModelDeployments
from nereid.cluster.resources import DEPLOYMENT, MODEL_DEPLOYMENT
from nereid.names import API_VERSION, KIND, revision_child_name
from nereid.observed import Observed, RevisionRecord, Trouble, observe, recovered_record
from nereid.plan import InvalidSpecError, Owner, Plan, plan
from nereid.report.conditions import Picture
from nereid.report.status import invalid, report, to_json, trouble_event
from nereid.rollout.decide import decide
from nereid.rollout.state import Decision, Event, RolloutState
from nereid.settings import Settings

# A child that the API server rejects, or whose name is taken, may become possible without any event that shows it.
REJECTED_RETRY_SECONDS: Final = 30.0

_logger = logging.getLogger(__name__)


class Reconciler:
    """Makes the cluster match one ModelDeployment at a time; safe to be called for several keys at once."""

    def __init__(
        self,
        client: Client,
        children: Children,
        model_deployments: ModelDeployments,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._children = children
        self._model_deployments = model_deployments
        self._settings = settings
        self._clock = clock
        self._causes = CrashCauses(client)

    async def __call__(self, key: tuple[str, str]) -> float | None:
        """Work on the ModelDeployment `key` (namespace, name) once.

        Returns the seconds after which to be called again, None when only an event can change anything. Raises
        Conflict where somebody else wrote in between, and Unavailable where the API server did not answer: the pass
        is then to be repeated.
        """
        subject = self._model_deployments.get(key)
        if subject is None or subject.deleting:
            return None
        previous = ModelDeploymentStatus.model_validate(subject.status)
        try:
            wanted = plan(_metadata(subject), subject.spec, self._settings)
        except InvalidSpecError as error:
            await self._write(subject, invalid(str(error), subject.generation, previous, self._clock()))
            return None
        return await self._converge(subject, wanted, previous)

    async def _converge(self, subject: ModelDeployment, wanted: Plan, previous: ModelDeploymentStatus) -> float | None:
        observed = await self._observe(subject)
        state = RolloutState.from_status(previous)
        decision = decide(wanted, observed, state, self._clock())
        records = await self._records(wanted, decision, observed, previous)
        moved = decision.state != state
        if moved:
            picture = Picture(wanted, decision, observed, ())
            previous, subject = await self._report(subject, picture, records, previous)
        waves = manifests(wanted, decision.live, records)
        applied, _ = await asyncio.gather(
            converge(self._client, self._children, subject.owner, waves), self._tell(wanted.owner, decision.events)
        )
        picture = Picture(wanted, decision, await self._observe(subject), _problems(applied))
        _, subject = await self._report(subject, picture, records, previous)
        if trouble := trouble_event(picture, previous):
            await self._tell(wanted.owner, (Event("Warning", trouble.reason, trouble.message),))
        applied.raise_failures()
        return _next_look(decision, picture, moved=moved)

    async def _observe(self, subject: ModelDeployment) -> Observed:
        children = self._children.of(subject.owner)
        return observe([(child.revision, await self._causes.of(child)) for child in children])

    async def _records(
        self, wanted: Plan, decision: Decision, observed: Observed, previous: ModelDeploymentStatus
    ) -> Mapping[str, RevisionRecord]:
        """Return the record of each live revision: as kept, else as its Deployment shows it, else newly made."""
        records = {}
        uris = {one.revision: one.model_uri for one in (previous.stable, previous.candidate) if one}
        for live in decision.live:
            seen = observed.of(live.revision)
            if seen.record:
                records[live.revision] = seen.record
            elif seen.deployment:
                name = revision_child_name(wanted.owner.name, live.revision)
                raw = await self._client.get(DEPLOYMENT, wanted.owner.namespace, name)
                records[live.revision] = recovered_record(raw, uris.get(live.revision, ""))
            elif live.revision == wanted.revision:
                records[live.revision] = new_record(wanted)
        return records

    async def _report(
        self,
        subject: ModelDeployment,
        picture: Picture,
        records: Mapping[str, RevisionRecord],
        previous: ModelDeploymentStatus,
    ) -> tuple[ModelDeploymentStatus, ModelDeployment]:
        status = report(picture, records, url(picture.plan), previous, self._clock())
        return status, await self._write(subject, status)

    async def _write(self, subject: ModelDeployment, status: ModelDeploymentStatus) -> ModelDeployment:
        """Write a status if it is another one; on the resourceVersion that it was made from, or Conflict is raised."""
        content = to_json(status)
        if content == subject.status:
            return subject
        owner = subject.owner
        raw = await self._client.apply_status(
            MODEL_DEPLOYMENT, owner.namespace, owner.name, content, subject.resource_version
        )
        self._model_deployments.put(raw)
        return self._model_deployments.get(subject.key) or subject

    async def _tell(self, owner: Owner, events: Sequence[Event]) -> None:
        regarding = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
        }
        for event in events:
            _logger.info("%s/%s: %s: %s", owner.namespace, owner.name, event.reason, event.message)
            try:
                await self._client.create_event(
                    regarding=regarding, reason=event.reason, note=event.message, type_=event.type, action="Reconcile"
                )
            except ApiError as error:
                # Events are for people, and status says the same: losing one must not delay the rollout.
                _logger.warning("event %s of %s/%s is lost: %s", event.reason, owner.namespace, owner.name, error)


def _metadata(subject: ModelDeployment) -> dict[str, object]:
    return {
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
        "generation": subject.generation,
        "annotations": subject.annotations,
    }


def _problems(applied: Applied) -> tuple[Trouble, ...]:
    taken = [Trouble("NameConflict", one.message) for one in applied.conflicts]
    rejected = [
        Trouble("ChildRejected", f"the API server rejects {one.kind} {one.name}: {one.message}")
        for one in applied.rejections
    ]
    return (*taken, *rejected)


def _next_look(decision: Decision, picture: Picture, *, moved: bool) -> float | None:
    """Return when to look again: at once after a move, else when time or a retry may change something."""
    if moved:
        return 0.0
    waits = [decision.requeue_after, REJECTED_RETRY_SECONDS if picture.problems else None]
    return min((wait for wait in waits if wait is not None), default=None)

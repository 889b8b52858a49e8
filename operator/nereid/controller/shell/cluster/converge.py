"""Makes the cluster match what was built: applies what differs, and deletes what is no longer wanted.

A child is sent only if its manifest has changed since it was last applied, or if somebody has changed the object. An
object of the same name that is not ours is not touched.
"""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names
from nereid.api.identity import Owner
from nereid.controller.observed.facts import DeploymentFacts
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.objects import route_facts
from nereid.controller.shell.cluster.children import Child, Children, comparable, owner_uid
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.comparison import covers
from nereid.controller.shell.cluster.errors import ApiError, Conflict, NotFound, Rejected
from nereid.controller.shell.cluster.resources import (
    CHILDREN,
    CONTROLLER_REVISION,
    DESTINATION_RULE,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    SCALED_OBJECT,
    SERVICE,
    VIRTUAL_SERVICE,
    Manifest,
    resource_of,
)

# The API server ignores it when it creates an object and rejects it for one that exists: no object is older than 1.
_MUST_NOT_EXIST: Final = {"resourceVersion": "1"}
_CHILD_KINDS: Final = frozenset(resource.kind for resource in CHILDREN)
_SCALERS: Final = frozenset({HORIZONTAL_POD_AUTOSCALER.kind, SCALED_OBJECT.kind})
# They change what happens to all requests to the Service whose name they have, whoever owns it.
_OF_A_SERVICE: Final = frozenset({VIRTUAL_SERVICE.kind, DESTINATION_RULE.kind})


@dataclass(frozen=True, slots=True)
class NameConflict:
    """A child cannot exist because an object that is not ours has its name."""

    kind: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """The API server rejects a child, because of a quota, a policy or an invalid field."""

    kind: str
    name: str
    message: str


ApplyProblem = NameConflict | Rejection | ApiError


@dataclass(frozen=True, slots=True)
class Applied:
    """The problems of applying; none if all went well."""

    conflicts: tuple[NameConflict, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    failures: tuple[ApiError, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the cluster now matches what was built."""
        return not (self.conflicts or self.rejections or self.failures)

    def raise_failures(self) -> None:
        """Raise the first of the failures that may succeed when retried."""
        if self.failures:
            raise self.failures[0]


async def converge(
    client: Client,
    children: Children,
    owner: Owner,
    waves: Sequence[Sequence[Manifest]],
    keep: Collection[str] = (),
    keep_records: Collection[str] = (),
) -> Applied:
    """Apply the waves one after another, the members of each in parallel; then delete what is in none of them.

    A member that fails stops neither its wave nor the later ones: traffic must be able to return although a Deployment
    is rejected. But nothing is deleted then, as the member that failed may still point at it. Children of the
    revisions in `keep` are never deleted, except their scalers, which come and go while a revision exists; nor are the
    ControllerRevisions of those in `keep_records`.

    What takes a Service's requests, a VirtualService or DestinationRule of its name, exists only beside a Service that
    is the owner's: until then it is not applied, and if the Service is somebody else's, an earlier one is deleted.
    """
    convergence = _Convergence(client, children, owner, waves)
    for wave in waves:
        of_services = [manifest for manifest in wave if manifest["kind"] in _OF_A_SERVICE]
        others = [manifest for manifest in wave if manifest["kind"] not in _OF_A_SERVICE]
        await convergence.attempt_all([convergence.ensure(manifest) for manifest in others])
        await convergence.attempt_all([convergence.ensure_beside_service(manifest) for manifest in of_services])
    if not convergence.problems:
        wanted = {(manifest["kind"], manifest["metadata"]["name"]) for wave in waves for manifest in wave}
        unwanted = convergence.unwanted(wanted, keep, keep_records)
        await convergence.attempt_all(
            [convergence.delete(child) for child in unwanted if not isinstance(child.facts, ModelJobFacts)]
        )
    return convergence.result()


async def converge_model_jobs(client: Client, children: Children, owner: Owner, jobs: Sequence[Manifest]) -> Applied:
    """Create Jobs that contact a model's source, and delete earlier ones; all other children stay as they are.

    They are separate because nothing depends on them: a failure here delays no pod and no route.
    """
    convergence = _Convergence(client, children, owner, [jobs])
    await convergence.attempt_all([convergence.ensure(job) for job in jobs])
    wanted = {(job["kind"], job["metadata"]["name"]) for job in jobs}
    unwanted = [child for child in convergence.unwanted(wanted, (), ()) if isinstance(child.facts, ModelJobFacts)]
    await convergence.attempt_all([convergence.delete(child) for child in unwanted])
    return convergence.result()


class _Convergence:
    """One run for one owner."""

    def __init__(self, client: Client, children: Children, owner: Owner, waves: Sequence[Sequence[Manifest]]) -> None:
        self._client = client
        self._children = children
        self._owner = owner
        all_of_them = [manifest for wave in waves for manifest in wave]
        self._services = {one["metadata"]["name"]: one for one in all_of_them if one["kind"] == SERVICE.kind}
        self._failed_services: dict[str, ApplyProblem] = {}
        self.problems: list[ApplyProblem] = []

    async def attempt_all(self, attempts: Sequence[Any]) -> None:
        """Await all attempts at once and collect their problems."""
        results = await asyncio.gather(*attempts)
        self.problems += [problem for problem in results if problem is not None]

    async def ensure_beside_service(self, manifest: Manifest) -> ApplyProblem | None:
        """Apply what takes the requests of the Service of its name, if there is such a one, once that is the owner's.

        If the Service is somebody else's, delete what took its requests so far.
        """
        metadata = manifest["metadata"]
        problem = await self._claim(metadata["name"])
        if problem is None:
            return await self.ensure(manifest)
        child = self._children.get(manifest["kind"], metadata["namespace"], metadata["name"])
        if isinstance(problem, NameConflict) and child and child.belongs_to(self._owner) and not child.deleting:
            return await self.delete(child)
        return None

    async def ensure(self, manifest: Manifest) -> ApplyProblem | None:
        """Apply a manifest if there is anything to change; a Service that failed before is not tried again."""
        name = manifest["metadata"]["name"]
        if manifest["kind"] != SERVICE.kind:
            return await self._ensure(manifest)
        if name in self._failed_services:
            return None
        if problem := await self._ensure(manifest):
            self._failed_services[name] = problem
        return problem

    async def delete(self, child: Child) -> ApplyProblem | None:
        """Delete a child that is no longer wanted."""
        resource = resource_of({"kind": child.kind})
        try:
            await self._client.delete(resource, child.namespace, child.name, child.uid)
        except Rejected as error:
            return Rejection(child.kind, child.name, str(error))
        except ApiError as error:
            return error
        self._children.being_deleted(child)
        return None

    def unwanted(
        self, wanted: Collection[tuple[str, str]], keep: Collection[str], keep_records: Collection[str]
    ) -> list[Child]:
        """Return the owner's children that are not wanted and not being deleted yet."""
        return [
            child
            for child in self._children.of(self._owner)
            if child.kind in _CHILD_KINDS
            and (child.kind, child.name) not in wanted
            and (child.revision not in keep or child.kind in _SCALERS)
            and not (child.kind == CONTROLLER_REVISION.kind and child.revision in keep_records)
            and not child.deleting
        ]

    def result(self) -> Applied:
        """Return the result of all attempts."""
        return Applied(
            conflicts=tuple(problem for problem in self.problems if isinstance(problem, NameConflict)),
            rejections=tuple(problem for problem in self.problems if isinstance(problem, Rejection)),
            failures=tuple(problem for problem in self.problems if isinstance(problem, ApiError)),
        )

    async def _ensure(self, manifest: Manifest) -> ApplyProblem | None:
        kind, metadata = manifest["kind"], manifest["metadata"]
        child = self._children.get(kind, metadata["namespace"], metadata["name"])
        try:
            if child is None:
                return await self._create(manifest)
            if not child.belongs_to(self._owner):
                return _name_conflict(manifest, "belongs to another owner")
            if not child.deleting and kind != JOB.kind and not self._is_current(child, manifest):
                # A Job is made once: its template cannot be changed.
                await self._hand_over_replicas(child, manifest)
                await self._apply(manifest, {"uid": child.uid}, force=True)
        except Rejected as error:
            return Rejection(kind, metadata["name"], str(error))
        except ApiError as error:
            return error
        return None

    async def _claim(self, name: str) -> ApplyProblem | None:
        """Return why the Service of a name is not known to be the owner's; it is created if there is none."""
        if (service := self._services.get(name)) is None:
            return None
        child = self._children.get(SERVICE.kind, service["metadata"]["namespace"], name)
        if child and child.belongs_to(self._owner):
            return None
        if problem := await self.ensure(service):
            self.problems.append(problem)
        return self._failed_services.get(name)

    def _is_current(self, child: Child, manifest: Manifest) -> bool:
        if child.desired_hash != manifest["metadata"]["annotations"][names.ANNOTATION_DESIRED_HASH]:
            return False
        if child.content is None:
            return True
        if not covers(json.loads(child.content), comparable(manifest)):
            return False
        self._children.verified(child)
        return True

    async def _hand_over_replicas(self, child: Child, manifest: Manifest) -> None:
        """Keep the number of pods when a scaler takes over: a field without another manager is reset to its default.

        A hand-over field manager takes it, and loses it to the scaler at the scaler's first change.
        """
        if not child.holds_replicas or "replicas" in manifest["spec"] or not isinstance(child.facts, DeploymentFacts):
            return
        metadata = {key: manifest["metadata"][key] for key in ("namespace", "name")}
        body = {
            "apiVersion": manifest["apiVersion"],
            "kind": manifest["kind"],
            # A precondition: nobody has changed the number since.
            "metadata": {**metadata, "uid": child.uid, "resourceVersion": str(child.resource_version)},
            "spec": {"replicas": child.facts.replicas},
        }
        await self._client.apply(body, force=True, field_manager=names.HANDOVER_FIELD_MANAGER)

    async def _create(self, manifest: Manifest) -> NameConflict | None:
        try:
            await self._apply(manifest, _MUST_NOT_EXIST, force=False)
        except Conflict:
            return await self._adopt(manifest)
        return None

    async def _adopt(self, manifest: Manifest) -> NameConflict | None:
        """Adopt a child that is not observed because it has lost its labels; do not touch what is not ours."""
        metadata = manifest["metadata"]
        try:
            raw = await self._client.get(resource_of(manifest), metadata["namespace"], metadata["name"])
        except NotFound as error:
            raise Conflict(str(error)) from error
        if owner_uid(raw["metadata"]) != self._owner.uid:
            return _name_conflict(manifest, "exists already and is not Nereid's")
        await self._apply(manifest, {"uid": raw["metadata"]["uid"]}, force=True)
        return None

    async def _apply(self, manifest: Manifest, preconditions: dict[str, str], *, force: bool) -> None:
        body = {**manifest, "metadata": {**manifest["metadata"], **preconditions}}
        raw = await self._client.apply(body, force=force)
        # Routes that something has changed on their way are sent again at each pass, until it no longer does.
        is_as_sent = manifest["kind"] != VIRTUAL_SERVICE.kind or route_facts(raw) == route_facts(manifest)
        self._children.applied(manifest["kind"], raw, is_as_sent=is_as_sent)


def _name_conflict(manifest: Manifest, cause: str) -> NameConflict:
    kind, metadata = manifest["kind"], manifest["metadata"]
    name = metadata["name"]
    return NameConflict(kind, name, f"{kind} {name} {cause}: remove it, or give the ModelDeployment another name")

"""A cluster in memory: an API server that holds objects, and an operator's stores and conductor around it.

No network, no clock and no background: each pass is awaited, and what the API server was asked stands in a list.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.pods import container, pod
from tests.support.scenario import METADATA, NOW, SETTINGS

from nereid.api import names
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.model_deployment import Key
from nereid.controller.observed.situation import Measurements
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError, Conflict, NotFound
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.cluster.resources import Resource
from nereid.controller.shell.conductor import Reconciler
from nereid.controller.shell.gather import Gatherer, Stores
from nereid.controller.shell.metrics.sampler import Sampler
from nereid.controller.shell.webhooks.caller import WebhookCaller

KIND = "ModelDeployment"
KEY: Key = (METADATA["namespace"], METADATA["name"])
ObjectKey = tuple[str, str]


class Crash(BaseException):
    """The operator ends here, as if it were killed."""


@dataclass(frozen=True)
class Call:
    """A request: its verb, and the kind and name of its object; of an event, its reason."""

    verb: str
    kind: str
    name: str


class MemoryApiServer(Client):
    """Holds objects by kind and name. `failures` are raised for the objects that they are keyed by.

    `crash_at` is the index of the call at which the operator ends; `crash_after`: once it has been carried out.
    """

    def __init__(self) -> None:
        self.objects: dict[ObjectKey, dict[str, Any]] = {}
        self.calls: list[Call] = []
        self.failures: dict[ObjectKey, ApiError] = {}
        self.crash_at: int | None = None
        self.crash_after = False
        self._version = 100

    def writes(self) -> list[Call]:
        """Return the calls that change something, other than events."""
        return [call for call in self.calls if call.verb in {"apply", "status", "delete"}]

    def put(self, kind: str, raw: dict[str, Any]) -> dict[str, Any]:
        """Store an object as somebody has written it."""
        self._version += 1
        raw["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind, raw["metadata"]["name"]] = raw
        return deepcopy(raw)

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:  # noqa: ARG002
        self._begin("get", resource.kind, name)
        return deepcopy(self._existing(resource.kind, name))

    async def apply(self, manifest: Mapping[str, Any], *, force: bool, field_manager: str = "") -> dict[str, Any]:  # noqa: ARG002
        kind, metadata = manifest["kind"], manifest["metadata"]
        key = (kind, metadata["name"])
        self._begin("apply", *key)
        before = self.objects.get(key)
        if before and metadata.get("resourceVersion", "") not in {"", before["metadata"]["resourceVersion"]}:
            raise Conflict(f"{key} exists, or was changed")
        if metadata.get("uid") and (before is None or before["metadata"]["uid"] != metadata["uid"]):
            raise Conflict(f"{key} is another one")
        identity = {"uid": f"{kind}-{metadata['name']}", "creationTimestamp": "2026-11-20T12:00:00Z"}
        kept = {"status": before["status"]} if before and "status" in before else {}
        made = self.put(kind, {**kept, **deepcopy(dict(manifest)), "metadata": {**metadata, **identity}})
        self._end()
        return made

    async def apply_status(
        self,
        resource: Resource,
        namespace: str,  # noqa: ARG002
        name: str,
        status: Mapping[str, Any],
        resource_version: int | str,
    ) -> dict[str, Any]:
        self._begin("status", resource.kind, name)
        raw = self._existing(resource.kind, name)
        if raw["metadata"]["resourceVersion"] != str(resource_version):
            raise Conflict("somebody else has written")
        written = self.put(resource.kind, {**raw, "status": deepcopy(dict(status))})
        self._end()
        return written

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:  # noqa: ARG002
        self._begin("delete", resource.kind, name)
        self.objects.pop((resource.kind, name), None)
        self._end()

    async def create_event(
        self,
        regarding: Mapping[str, str],  # noqa: ARG002
        *,
        type_: str,  # noqa: ARG002
        reason: str,
        action: str,  # noqa: ARG002
        note: str,  # noqa: ARG002
    ) -> None:
        self._begin("event", "Event", reason)
        self._end()

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:  # noqa: ARG002
        raise NotFound(f"there is no log of {pod}")

    def _begin(self, *call: str) -> None:
        self.calls.append(Call(*call))
        if not self.crash_after:
            self._crash()
        failure = self.failures.get((call[1], call[2]))
        if failure:
            raise failure

    def _end(self) -> None:
        if self.crash_after:
            self._crash()

    def _crash(self) -> None:
        if self.crash_at is not None and len(self.calls) > self.crash_at:
            raise Crash

    def _existing(self, kind: str, name: str) -> dict[str, Any]:
        if (kind, name) not in self.objects:
            raise NotFound(f"there is no {kind} {name}")
        return self.objects[kind, name]


@dataclass
class MemorySampler(Sampler):
    """Measures nothing: remembers what it was asked, and gives the answers that the test puts there."""

    asked: list[object] = field(default_factory=list)
    given: Measurements = field(default_factory=Measurements)
    forgotten: list[tuple[str, str]] = field(default_factory=list)

    def sample(self, request: Any, pods: Any) -> None:  # noqa: ARG002
        self.asked.append(request)

    def activity(self, request: Any, pods: Any) -> None:  # noqa: ARG002
        self.asked.append(request)

    def answers(self, key: tuple[str, str]) -> Measurements:  # noqa: ARG002
        return self.given

    def forget(self, namespace: str, name: str) -> None:
        self.forgotten.append((namespace, name))


class MemoryWebhooks(WebhookCaller):
    """Calls nobody: remembers what it was to call, and gives the answers that the test puts there, by webhook."""

    def __init__(self) -> None:
        self.wanted: tuple[WebhookCall, ...] = ()
        self.given: dict[str, WebhookAnswer] = {}

    def call(self, key: tuple[str, str], calls: Sequence[WebhookCall]) -> None:  # noqa: ARG002
        self.wanted = tuple(calls)

    def answers(self, key: tuple[str, str]) -> Mapping[WebhookCall, WebhookAnswer]:  # noqa: ARG002
        return {call: self.given[call.webhook] for call in self.wanted if call.webhook in self.given}

    def forget(self, key: tuple[str, str]) -> None:  # noqa: ARG002
        self.wanted = ()


class MemoryCluster:
    """One ModelDeployment, its API server, and an operator that can be restarted."""

    def __init__(self, spec: Mapping[str, Any], settings: Settings = SETTINGS) -> None:
        self.server = MemoryApiServer()
        self.now = NOW
        self.activator_key = ""
        self._settings = settings
        metadata = {**METADATA, "creationTimestamp": "2026-11-20T11:00:00Z"}
        self.server.put(KIND, {"metadata": metadata, "spec": _unchecked(spec)})
        self.start()

    def start(self) -> None:
        """Start the operator, for the first time or again: it knows what its lists show."""
        self.children = Children(lambda _: None)
        self.model_deployments = ModelDeployments()
        self.sampler = MemorySampler()
        self.webhooks = MemoryWebhooks()
        self.events: list[str] = []
        stores = Stores(self.model_deployments, self.children, None, activator_key=lambda: self.activator_key)
        self.gatherer = Gatherer(self.server, stores, self.sampler, webhooks=self.webhooks)
        self.reconcile = Reconciler(
            self.gatherer,
            self.server,
            stores,
            self._settings,
            clock=self._clock,
            count_event=lambda _, reason: self.events.append(reason),
        )
        for (kind, _), raw in self.server.objects.items():
            if kind == KIND:
                self.model_deployments.put(deepcopy(raw))
            else:
                self.children.observe(kind, deepcopy(raw))

    async def run(self) -> float | None:
        """Let one pass go over it; return when the next is due."""
        return await self.reconcile(KEY)

    async def settle(self) -> float | None:
        """Let passes follow one another for as long as each asks for the next at once."""
        for _ in range(20):
            wait = await self.run()
            if wait != 0.0:
                return wait
        raise AssertionError("the passes do not come to an end")

    async def settle_in_spite_of_crashes(self) -> None:
        """Settle, the operator being started again where it crashes."""
        while True:
            try:
                await self.settle()
            except Crash:
                self.server.crash_at = None
                self.start()
            else:
                return

    async def serve(self) -> None:
        """Let the spec's revision become stable, with all of its pods."""
        await self.settle()
        self.start_pods()
        await self.settle()
        self.server.calls.clear()
        self.events.clear()

    def start_pods(self) -> None:
        """Let all Deployments have the pods that they are to have, and the watch show it."""
        for (kind, _), raw in self.server.objects.items():
            if kind == "Deployment":
                pods = raw["spec"].get("replicas", 1)
                raw["status"] = {"replicas": pods, "readyReplicas": pods, "availableReplicas": pods}
                self.children.observe(kind, self.server.put(kind, raw))

    def run_pod(self, revision: str) -> None:
        """Let the watch show a ready pod of a revision, whose counters can be read."""
        raw = pod(container("triton", {"running": {}}, ready=True), ready=True)
        raw["status"] |= {"phase": "Running", "podIP": "10.0.0.1"}
        labels = {names.LABEL_MODEL_DEPLOYMENT: METADATA["name"], names.LABEL_REVISION: revision}
        identity = {"namespace": METADATA["namespace"], "name": f"digits-{revision}-pod", "uid": revision}
        raw["metadata"] = {**identity, "labels": labels}
        self.children.observe("Pod", self.server.put("Pod", raw))

    def edit(self, **spec: Any) -> None:
        """Let the user change fields of the spec."""
        raw = self.server.objects[KIND, METADATA["name"]]
        raw["spec"] = _unchecked({**raw["spec"], **spec})
        raw["metadata"]["generation"] += 1
        self.model_deployments.put(self.server.put(KIND, raw))

    def lose(self, kind: str, name: str) -> None:
        """Let somebody delete a child, and the watch show it."""
        raw = self.server.objects.pop((kind, name))
        self.children.remove(kind, raw)

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)

    @property
    def status(self) -> dict[str, Any]:
        """What the API server holds as status."""
        found: dict[str, Any] = self.server.objects[KIND, METADATA["name"]].get("status", {})
        return found

    def condition(self, kind: str) -> dict[str, Any]:
        """Return a condition of the status."""
        found: dict[str, Any] = next(one for one in self.status["conditions"] if one["type"] == kind)
        return found

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of all objects of a kind."""
        return sorted(name for found, name in self.server.objects if found == kind)

    def _clock(self) -> datetime:
        return self.now


def _unchecked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec without the built-in check, unless it says something of checks: nothing here runs its Job."""
    return {**deepcopy(dict(spec)), "rollout": {"checks": {"smoke": False}, **spec.get("rollout", {})}}

"""The facts themselves, and all of them together, by revision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why pods are not ready: a reason for a condition, and a sentence with the cause."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """A revision's Deployment: how many pods it has, and what keeps it from making more."""

    replicas: int
    ready: int
    available: int
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Crash:
    """A run of the Triton container that ended in failure: which one, and whether another has begun since."""

    run: int
    exit_code: int
    restarted: bool


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a revision: whether it is ready, and why not.

    `crash` tells that the cause stands in Triton's log alone, as the pod's status holds too little of it.
    """

    name: str
    ready: bool
    trouble: Trouble | None
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """A revision as it was made: the content of its ControllerRevision, resolved once and never changed.

    It keeps the whole pod template, so that a later operator with other defaults re-rolls nothing; as JSON, which takes
    a tenth of the memory.
    """

    revision: str
    number: int
    version: str
    model_uri: str
    template_json: bytes

    @property
    def template(self) -> dict[str, Any]:
        """The pod template."""
        template: dict[str, Any] = json.loads(self.template_json)
        return template

    def data(self) -> dict[str, Any]:
        """Return the record as the ControllerRevision's `data`."""
        return {"version": self.version, "modelUri": self.model_uri, "template": self.template}


@dataclass(frozen=True, slots=True)
class RevisionObserved:
    """All that is seen of one revision."""

    record: RevisionRecord | None = None
    deployment: DeploymentFacts | None = None
    pods: Sequence[PodFacts] = ()
    has_service: bool = False

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return self.deployment.ready if self.deployment else 0

    @property
    def available(self) -> int:
        """Pods that have been ready long enough to get traffic."""
        return self.deployment.available if self.deployment else 0

    @property
    def trouble(self) -> Trouble | None:
        """The most telling reason why a pod is not ready, if one is known."""
        found = [pod.trouble for pod in self.pods if pod.trouble and not pod.ready]
        if self.deployment and self.deployment.trouble:
            found.append(self.deployment.trouble)
        return min(found, key=lambda trouble: (trouble.reason == "InsufficientCapacity", trouble.message), default=None)


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """An Istio Gateway: the host patterns that it serves with TLS, `*` and `*.example.com` among them."""

    tls_hosts: tuple[str, ...]

    def serves_with_tls(self, host: str) -> bool:
        """Whether clients reach `host` by https."""
        return any(fnmatchcase(host, pattern) for pattern in self.tls_hosts)


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A revision's Service exists, and so may be routed to."""


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A VirtualService: the destination hosts of each of its routes, with their weights in percent."""

    routes: tuple[frozenset[tuple[str, int]], ...]


Facts = DeploymentFacts | PodFacts | RevisionRecord | RouteFacts | ServiceFacts | None


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of a ModelDeployment's children, by revision, and where its routes lead."""

    revisions: Mapping[str, RevisionObserved]
    routes: frozenset[frozenset[tuple[str, int]]] = frozenset()

    def is_routed(self, weights: Mapping[str, int]) -> bool:
        """Whether every route leads to just these revisions, with these weights in percent."""
        return self.routes == {frozenset(weights.items())}

    def of(self, revision: str | None) -> RevisionObserved:
        """Return what is seen of a revision; nothing seen is a value too."""
        return self.revisions.get(revision or "", _NOTHING)


_NOTHING: Final = RevisionObserved()


def observe(children: Sequence[tuple[str | None, Facts]]) -> Observed:
    """Group the children's facts, each with its revision label, by revision."""
    records: dict[str, RevisionRecord] = {}
    deployments: dict[str, DeploymentFacts] = {}
    pods: dict[str, list[PodFacts]] = {}
    services: set[str] = set()
    routes: set[frozenset[tuple[str, int]]] = set()
    for revision, facts in children:
        if isinstance(facts, RouteFacts):
            routes |= {_by_revision(route) for route in facts.routes}
        elif revision is None:
            continue
        elif isinstance(facts, ServiceFacts):
            services.add(revision)
        elif isinstance(facts, RevisionRecord):
            records[revision] = facts
        elif isinstance(facts, DeploymentFacts):
            deployments[revision] = facts
        elif isinstance(facts, PodFacts):
            pods.setdefault(revision, []).append(facts)
    return Observed(
        {
            revision: RevisionObserved(
                records.get(revision), deployments.get(revision), tuple(pods.get(revision, ())), revision in services
            )
            for revision in {*records, *deployments, *pods, *services}
        },
        frozenset(routes),
    )


def _by_revision(route: frozenset[tuple[str, int]]) -> frozenset[tuple[str, int]]:
    """Return a route's weights by revision, which ends the name of the Service that a destination host begins with."""
    return frozenset((host.partition(".")[0].rpartition("-")[2], weight) for host, weight in route)

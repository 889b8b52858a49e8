"""The facts themselves, and all of them together, by revision."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import Activity, Sample, SampleFailure

# A VirtualService has a route for each protocol, and where an A/B test runs one more for what its match picks.
PROTOCOLS: Final = ("grpc", "http")
MATCHED: Final = "matched-"

# What stands in a routing for the activator, where requests wait for a pod of the stable revision: the last word of its
# Service's name, as a revision is that of its own.
ACTIVATOR: Final = "activator"


Shares = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why pods are not ready: a reason for a condition, and a sentence with the cause."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """A revision's Deployment: how many pods it has, and what keeps it from making more."""

    replicas: int
    ready: int
    available: int
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Crash:
    """A run of the Triton container that ended in failure: which one, how, and whether another has begun since."""

    run: int
    exit_code: int
    restarted: bool


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a revision: whether it is ready, and why not.

    `crash` tells that the cause stands in Triton's log alone, as the pod's status holds too little of it. `address` is
    where its counters can be read. `occupies` tells whether it still holds its place, and its GPU, on a node. `digest`
    is that of the model that it has fetched, once it has.
    """

    name: str
    ready: bool
    problem: Problem | None
    crash: Crash | None = None
    address: PodAddress | None = None
    occupies: bool = True
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """A revision as it was made: the content of its ControllerRevision, resolved once and never changed.

    It keeps the whole pod template, so that a later operator with other defaults re-rolls nothing; as JSON, which takes
    a tenth of the memory. `model_name` is how clients call the model; None in a record that is older than this field,
    and then the spec's name counts. `provenance_labels` are what its objects tell of its model's origin; no part of
    what is kept.
    """

    revision: str
    number: int
    version: str
    model_uri: str
    template_json: bytes
    model_name: str | None = None
    provenance_labels: tuple[tuple[str, str], ...] = ()

    @property
    def template(self) -> dict[str, Any]:
        """The pod template."""
        template: dict[str, Any] = json.loads(self.template_json)
        return template

    def data(self) -> dict[str, Any]:
        """Return the record as the ControllerRevision's `data`."""
        name = {"modelName": self.model_name} if self.model_name else {}
        return {"version": self.version, "modelUri": self.model_uri, **name, "template": self.template}


@dataclass(frozen=True, slots=True)
class ScalerFacts:
    """A revision's HorizontalPodAutoscaler or ScaledObject.

    is_active: whether somebody asks for the revision; None where the scaler does not know. works: whether it reads what
    it follows; None before it has said so. problem: why it does not.
    """

    is_active: bool | None
    works: bool | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class RevisionObserved:
    """All that is seen of one revision."""

    record: RevisionRecord | None = None
    deployment: DeploymentFacts | None = None
    pods: Sequence[PodFacts] = ()
    has_service: bool = False
    scaler: ScalerFacts | None = None

    @property
    def is_idle(self) -> bool:
        """Whether its scaler knows that nobody asks for it."""
        return self.scaler is not None and self.scaler.is_active is False and self.scaler.works is not False

    @property
    def is_asked_for(self) -> bool:
        """Whether its scaler knows that somebody asks for it."""
        return self.scaler is not None and self.scaler.is_active is True

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return self.deployment.ready if self.deployment else 0

    @property
    def available(self) -> int:
        """Pods that have been ready long enough to get traffic."""
        return self.deployment.available if self.deployment else 0

    @property
    def occupied(self) -> int:
        """Places on nodes that its pods hold, those of pods that are ending among them."""
        return sum(pod.occupies for pod in self.pods)

    @property
    def digests(self) -> tuple[str, ...]:
        """What its pods have fetched; several where the object behind the URI has changed."""
        return tuple(sorted({pod.digest for pod in self.pods if pod.digest}))

    @property
    def problem(self) -> Problem | None:
        """The most telling reason why a pod is not ready, if one is known."""
        found = [pod.problem for pod in self.pods if pod.problem and not pod.ready]
        if self.deployment and self.deployment.problem:
            found.append(self.deployment.problem)
        return min(found, key=lambda problem: (problem.reason == "InsufficientCapacity", problem.message), default=None)


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
class Route:
    """One route of a VirtualService: its name, destination hosts and mirrors, these with percentages of requests."""

    name: str
    destinations: Shares
    mirrors: Shares

    @property
    def is_matched(self) -> bool:
        """Whether it is for the requests that an A/B test's match picks."""
        return self.name.startswith(MATCHED)

    @property
    def protocol(self) -> str:
        """The protocol that it is for; a route that somebody added has the name that they gave it."""
        return self.name.removeprefix(MATCHED)


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A VirtualService that carries the model's own traffic: its routes."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """Where requests are led, as revisions with percentages of requests.

    weights: who answers them. mirror: who gets copies of them. matched: who answers those that an A/B test's match
    picks.
    """

    weights: Shares = frozenset()
    mirror: Shares = frozenset()
    matched: Shares = frozenset()


Facts = (
    DeploymentFacts
    | PodFacts
    | RevisionRecord
    | RouteFacts
    | ServiceFacts
    | ScalerFacts
    | ChecksFacts
    | ModelJobFacts
    | None
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of a ModelDeployment's children, by revision, and where its routes lead: one if they agree.

    sample: what was measured of the candidate, if that was asked for. checks: what has come of the checks that run.
    why_not_running: what keeps these from running, as far as is known.
    activity: what the pods of retiring revisions do, by revision, where that was asked for.
    has_keda: whether the cluster has KEDA's ScaledObjects.
    """

    revisions: Mapping[str, RevisionObserved]
    routings: frozenset[Routing] = frozenset()
    sample: Sample | SampleFailure | None = None
    checks: ChecksFacts | None = None
    why_not_running: str | None = None
    activity: Mapping[str, Activity] = field(default_factory=dict)
    has_keda: bool = True

    def is_routed(self, wanted: Routing) -> bool:
        """Whether all routes there are lead just where they are wanted to."""
        return self.routings == {wanted}

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
    scalers: dict[str, ScalerFacts] = {}
    routings: set[Routing] = set()
    for revision, facts in children:
        if isinstance(facts, RouteFacts):
            routings |= _routings(facts)
        elif revision is None:
            continue
        elif isinstance(facts, ServiceFacts):
            services.add(revision)
        elif isinstance(facts, ScalerFacts):
            scalers[revision] = facts
        elif isinstance(facts, RevisionRecord):
            records[revision] = facts
        elif isinstance(facts, DeploymentFacts):
            deployments[revision] = facts
        elif isinstance(facts, PodFacts):
            pods.setdefault(revision, []).append(facts)
    return Observed(
        {
            revision: RevisionObserved(
                records.get(revision),
                deployments.get(revision),
                tuple(pods.get(revision, ())),
                revision in services,
                scalers.get(revision),
            )
            for revision in {*records, *deployments, *pods, *services, *scalers}
        },
        frozenset(routings),
    )


def _routings(facts: RouteFacts) -> set[Routing]:
    """Return where each protocol's requests are led: one value, unless somebody changed, added or removed a route."""
    protocols = {*PROTOCOLS, *(route.protocol for route in facts.routes)}
    return {_routing([route for route in facts.routes if route.protocol == one]) for one in protocols}


def _routing(routes: Sequence[Route]) -> Routing:
    return Routing(
        weights=_by_revision(route.destinations for route in routes if not route.is_matched),
        mirror=_by_revision(route.mirrors for route in routes),
        matched=_by_revision(route.destinations for route in routes if route.is_matched),
    )


def _by_revision(shares: Iterable[Shares]) -> Shares:
    """Return shares by revision, which ends the name of the Service that a destination host begins with."""
    return frozenset((host.partition(".")[0].rpartition("-")[2], percent) for one in shares for host, percent in one)

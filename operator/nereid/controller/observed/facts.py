"""The facts themselves, and all of them together, by revision."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import Activity, Sample, SampleFailure

# A VirtualService has a route for each protocol and, during an A/B test, one more for the requests that it matches.
PROTOCOLS: Final = ("grpc", "http")
MATCHED: Final = "matched-"

# Stands for the activator in a routing, where requests wait for a pod of the stable revision: the last part of its
# Service's name, just as a revision is the last part of its own Service's name.
ACTIVATOR: Final = "activator"


Shares = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: a reason for a condition, and a sentence with the cause."""

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
    """A run of the Triton container that failed: its number, its exit code, and whether the container was restarted."""

    run: int
    exit_code: int
    restarted: bool


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a revision: whether it is ready, and why not.

    `crash` is set if the cause is only in Triton's log, of which the pod's status holds too little. `address` is where
    its counters can be read. `occupies`: whether it still holds its place, and its GPU, on a node. `digest` is that of
    the model, once it has been fetched.
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

    It keeps the whole pod template, so that a later operator with other defaults restarts no pods; as JSON, which takes
    a tenth of the memory. `model_name` is the name by which clients request the model; None in a record that is older
    than this field, and then the spec's name counts. `provenance_labels` are those of its objects, and not part of the
    stored record.
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

    is_active: whether the revision gets requests; None if the scaler does not know. works: whether it can read its
    metrics; None before it has reported. problem: why it cannot.
    """

    is_active: bool | None
    works: bool | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class RevisionObserved:
    """Everything observed of one revision.

    endpoints: how many of its pods are ready endpoints of its Service; None if no EndpointSlice is known.
    """

    record: RevisionRecord | None = None
    deployment: DeploymentFacts | None = None
    pods: Sequence[PodFacts] = ()
    has_service: bool = False
    scaler: ScalerFacts | None = None
    endpoints: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether its scaler reports that it gets no requests."""
        return self.scaler is not None and self.scaler.is_active is False and self.scaler.works is not False

    @property
    def is_asked_for(self) -> bool:
        """Whether its scaler reports that it gets requests."""
        return self.scaler is not None and self.scaler.is_active is True

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return self.deployment.ready if self.deployment else 0

    @property
    def available(self) -> int:
        """Pods that get traffic: they have been ready long enough, and the Service has them as endpoints.

        These come from different controllers. That of the EndpointSlices may be seconds behind, and what is routed to a
        Service without endpoints fails.
        """
        available = self.deployment.available if self.deployment else 0
        return available if self.endpoints is None else min(available, self.endpoints)

    @property
    def late_endpoints(self) -> str | None:
        """Tell of pods that would get traffic if they were endpoints of the Service; None if there are none."""
        ready = self.deployment.available if self.deployment else 0
        if ready <= self.available:
            return None
        return (
            f"{ready} pods are ready, but the Service has {self.available} as endpoints: the cluster's controller of "
            "EndpointSlices is behind"
        )

    @property
    def occupied(self) -> int:
        """Places on nodes that its pods hold, including pods that are terminating."""
        return sum(pod.occupies for pod in self.pods)

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the models that its pods have fetched; several if the object behind the URI has changed."""
        return tuple(sorted({pod.digest for pod in self.pods if pod.digest}))

    @property
    def problem(self) -> Problem | None:
        """The main reason why a pod is not ready, if one is known."""
        problems = [pod.problem for pod in self.pods if pod.problem and not pod.ready]
        if self.deployment and self.deployment.problem:
            problems.append(self.deployment.problem)
        return min(
            problems, key=lambda problem: (problem.reason == "InsufficientCapacity", problem.message), default=None
        )


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """An Istio Gateway: the host patterns that it serves with TLS, `*` and `*.example.com` among them.

    hosts: all that it serves, each as NAMESPACE/PATTERN, `*` for any namespace; none if that cannot be seen. ports and
    selector: where, and by which pods.
    """

    tls_hosts: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset()
    selector: frozenset[tuple[str, str]] = frozenset()

    def serves_with_tls(self, host: str) -> bool:
        """Whether clients reach `host` by https."""
        return any(fnmatchcase(host, pattern) for pattern in self.tls_hosts)

    def accepts(self, host: str, namespace: str) -> bool:
        """Whether VirtualServices of a namespace may have a host."""
        entries = [entry.partition("/") for entry in self.hosts]
        return not entries or any(
            allowed in ("*", namespace) and fnmatchcase(host, pattern) for allowed, _, pattern in entries
        )

    @property
    def is_egress(self) -> bool:
        """Whether it is for requests that leave the mesh, by the names that Istio gives such a Gateway's pods."""
        return any(key in ("istio", "app") and value.endswith("egressgateway") for key, value in self.selector)

    def is_same_door(self, other: "GatewayFacts") -> bool:
        """Whether both configure a port of the same pods, as far as their selectors show."""
        return bool(self.ports & other.ports) and (self.selector <= other.selector or other.selector <= self.selector)


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A revision's Service exists, so that requests may be routed to it."""


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An EndpointSlice of a revision's Service: the type of its addresses, and how many of them may get requests."""

    address_type: str
    ready: int


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a VirtualService: its name, destination hosts and mirrors, these with percentages of requests.

    target: the host for which the activator holds the requests, if they lead there.
    """

    name: str
    destinations: Shares
    mirrors: Shares
    target: str = ""

    @property
    def is_matched(self) -> bool:
        """Whether it is for the requests that an A/B test matches."""
        return self.name.startswith(MATCHED)

    @property
    def protocol(self) -> str:
        """The protocol that it is for; for a route that a user added, its name."""
        return self.name.removeprefix(MATCHED)


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A VirtualService that carries the model's own traffic: its routes."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """Where requests are routed, as revisions with percentages of requests.

    weights: which revisions answer them. mirror: which get copies of them. matched: which answer those that an A/B test
    matches.
    """

    weights: Shares = frozenset()
    mirror: Shares = frozenset()
    matched: Shares = frozenset()


NOWHERE: Final = Routing()

Facts = (
    DeploymentFacts
    | PodFacts
    | RevisionRecord
    | RouteFacts
    | ServiceFacts
    | EndpointFacts
    | ScalerFacts
    | ChecksFacts
    | ModelJobFacts
    | None
)


@dataclass(frozen=True, slots=True)
class Observed:
    """A ModelDeployment's observed children, by revision, and its routings: a single one if all routes agree.

    sample: the measurement of the candidate, if one was requested. checks: the outcome of the checks that run.
    why_not_running: what keeps these from running, if known.
    activity: that of the pods of retiring revisions, by revision, if it was requested.
    has_keda: whether the cluster has KEDA's ScaledObjects.
    gated: the revisions for which the activator holds requests. gone: those of which the API server has nothing left
    from which they could be made again, as far as that was looked up.
    """

    revisions: Mapping[str, RevisionObserved]
    routings: frozenset[Routing] = frozenset()
    sample: Sample | SampleFailure | None = None
    checks: ChecksFacts | None = None
    why_not_running: str | None = None
    activity: Mapping[str, Activity] = field(default_factory=dict)
    has_keda: bool = True
    gated: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    def is_routed(self, routing: Routing) -> bool:
        """Whether all existing routes agree with `routing`; if it leads nowhere, there need be none."""
        return self.routings <= {routing} if routing == NOWHERE else self.routings == {routing}

    def of(self, revision: str | None) -> RevisionObserved:
        """Return the observed revision; an empty one if nothing of it exists."""
        return self.revisions.get(revision or "", _NOTHING)


_NOTHING: Final = RevisionObserved()


def with_looked_up(observed: Observed, records: Mapping[str, RevisionRecord | None]) -> Observed:
    """Return the facts with records that were looked up; None: nothing is left of that revision."""
    found = {revision: record for revision, record in records.items() if observed.of(revision).record is None}
    seen = {revision: replace(observed.of(revision), record=record) for revision, record in found.items() if record}
    gone = frozenset(revision for revision, record in found.items() if record is None)
    return replace(observed, revisions={**observed.revisions, **seen}, gone=gone) if found else observed


def observe(children: Sequence[tuple[str | None, Facts]]) -> Observed:
    """Group the children's facts, each with its revision label, by revision."""
    records: dict[str, RevisionRecord] = {}
    deployments: dict[str, DeploymentFacts] = {}
    pods: dict[str, list[PodFacts]] = {}
    services: set[str] = set()
    scalers: dict[str, ScalerFacts] = {}
    endpoints: dict[str, Counter[str]] = {}
    routings: set[Routing] = set()
    gated: set[str] = set()
    for revision, facts in children:
        if isinstance(facts, RouteFacts):
            routings |= _routings(facts)
            gated |= {_revision_of(route.target) for route in facts.routes if route.target}
        elif revision is None:
            continue
        elif isinstance(facts, ServiceFacts):
            services.add(revision)
        elif isinstance(facts, EndpointFacts):
            endpoints.setdefault(revision, Counter())[facts.address_type] += facts.ready
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
                # A Service of two families of addresses has each pod twice.
                max(endpoints[revision].values()) if revision in endpoints else None,
            )
            for revision in {*records, *deployments, *pods, *services, *scalers}
        },
        frozenset(routings),
        gated=frozenset(gated),
    )


def _routings(facts: RouteFacts) -> set[Routing]:
    """Return the routing of each protocol: a single value, unless somebody changed, added or removed a route."""
    protocols = {*PROTOCOLS, *(route.protocol for route in facts.routes)}
    return {_routing([route for route in facts.routes if route.protocol == protocol]) for protocol in protocols}


def _routing(routes: Sequence[Route]) -> Routing:
    return Routing(
        weights=_by_revision(route.destinations for route in routes if not route.is_matched),
        mirror=_by_revision(route.mirrors for route in routes),
        matched=_by_revision(route.destinations for route in routes if route.is_matched),
    )


def _by_revision(shares: Iterable[Shares]) -> Shares:
    """Return shares by revision."""
    return frozenset((_revision_of(host), percent) for route in shares for host, percent in route)


def _revision_of(host: str) -> str:
    """Return the revision of a destination host: the last part of the Service's name."""
    return host.partition(".")[0].rpartition("-")[2]

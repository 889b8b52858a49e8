"""The whole input of a pass as one value: it is gathered once, and nothing in it is decided.

It includes the measurements and look-ups that are available: a pass that lacks one orders it, and a later pass finds it
here. Pure.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.observed.facts import GatewayFacts, Observed, Problem, RevisionRecord
from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.sample import Activity, Sample, SampleFailure
from nereid.controller.observed.webhook_answers import WebhookAnswer


@dataclass(frozen=True, slots=True)
class Rival:
    """Another ModelDeployment with one of the hosts on one of the Gateways.

    name: NAMESPACE/NAME. hosts: all that its spec names. is_older: whether it comes first where neither has a route.
    serves: the hosts of which it has a route there.
    """

    name: str
    hosts: frozenset[str]
    is_older: bool
    serves: frozenset[str] = frozenset()

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class KeptHost:
    """A host without a route that is not free yet: the namespace that had it, if it is known, and for how long."""

    namespace: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class HostClaims:
    """Who has hosts already.

    own: the hosts and Gateways of the ModelDeployment's own routes. taken: hosts of the spec that a VirtualService of
    another namespace that is not Nereid's has there; below: those that lie below one of its hosts. kept: by host.
    """

    own: frozenset[tuple[str, str]] = frozenset()
    taken: frozenset[str] = frozenset()
    below: frozenset[str] = frozenset()
    kept: Mapping[str, KeptHost] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurements:
    """The measurements that are available, each by exactly the request that it answers."""

    samples: Mapping[Hashable, Sample | SampleFailure] = field(default_factory=dict)
    activities: Mapping[Hashable, Activity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was read from the API server beside the watches.

    exists: whether the ModelDeployment was confirmed to exist. records: those that were looked up, by revision; None if
    nothing is left that shows what a revision was made from.
    """

    exists: bool = False
    records: Mapping[str, RevisionRecord | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """The input of a pass over one ModelDeployment.

    status: the last reported one, which is all that the operator remembers. services: the names of its Services.
    gateways: those of its Gateways that exist, by NAMESPACE/NAME; None if the operator may not read Gateways.
    unreadable: the parts of the stored status that `status` lacks, as the operator cannot have written them.
    callers: why all recent requests to stable fail, if they do. webhook_answers: each by exactly the call that it
    answers. activator_key: with which the proofs for the activator are made; empty if there is none.
    """

    subject: ModelDeployment
    status: ModelDeploymentStatus
    observed: Observed
    services: frozenset[str] = frozenset()
    rivals: Sequence[Rival] = ()
    claims: HostClaims = HostClaims()
    gateways: Mapping[str, GatewayFacts] | None = None
    check_jobs: Sequence[ChecksFacts] = ()
    model_jobs: Sequence[ModelJobFacts] = ()
    measurements: Measurements = Measurements()
    looked_up: LookedUp = LookedUp()
    unreadable: tuple[str, ...] = ()
    callers: Problem | None = None
    webhook_answers: Mapping[Any, WebhookAnswer] = field(default_factory=dict)
    activator_key: str = field(default="", repr=False)

    @property
    def served_uris(self) -> frozenset[str]:
        """The model URIs of revisions that serve or have served."""
        status = self.status
        return frozenset(served.model_uri for served in (status.stable, status.candidate, *status.history) if served)

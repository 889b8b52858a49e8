"""All that a pass looks at, as one value: it is gathered once, and nothing in it is decided.

Measurements and look-ups are among it as far as they are there: a pass that lacks one orders it, and a later pass finds
it here. Pure.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.observed.facts import GatewayFacts, Observed, RevisionRecord
from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.sample import Activity, Sample, SampleFailure


@dataclass(frozen=True, slots=True)
class Rival:
    """Another ModelDeployment that asks for one of the hosts on one of the Gateways; an older one has the right to it.

    name: NAMESPACE/NAME. hosts: all that it asks for.
    """

    name: str
    hosts: frozenset[str]
    is_older: bool


@dataclass(frozen=True, slots=True)
class Measurements:
    """The answers that are there, each by the request that it answers exactly."""

    samples: Mapping[Hashable, Sample | SampleFailure] = field(default_factory=dict)
    activities: Mapping[Hashable, Activity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the API server has told beside the watches.

    exists: that the ModelDeployment is still there. records: by revision, of those that were looked up; None where
    nothing is left that shows what a revision was made from.
    """

    exists: bool = False
    records: Mapping[str, RevisionRecord | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a pass over one ModelDeployment looks at.

    status: what was reported last: all that is remembered. services: names of the Services that it has. gateways: those
    of its Gateways that exist, by NAMESPACE/NAME; None where the operator may not look at them.
    """

    subject: ModelDeployment
    status: ModelDeploymentStatus
    observed: Observed
    services: frozenset[str] = frozenset()
    rivals: Sequence[Rival] = ()
    gateways: Mapping[str, GatewayFacts] | None = None
    check_jobs: Sequence[ChecksFacts] = ()
    model_jobs: Sequence[ModelJobFacts] = ()
    measurements: Measurements = Measurements()
    looked_up: LookedUp = LookedUp()

    @property
    def served_uris(self) -> frozenset[str]:
        """Where the models of revisions come from that serve, or have served."""
        status = self.status
        return frozenset(served.model_uri for served in (status.stable, status.candidate, *status.history) if served)

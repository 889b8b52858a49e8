"""Gathers the input of a pass, once, from the stores and the sampler; and does the look-ups that a pass orders.

It only reads, and decides nothing. It returns values of the pure core.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nereid.api.identity import Owner
from nereid.api.names import revision_child_name
from nereid.controller.decide.decide import LookUps
from nereid.controller.decide.measurements import WantedMeasurements
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.observed.facts import GatewayFacts, Observed, RevisionRecord, observe
from nereid.controller.observed.last_status import last_status
from nereid.controller.observed.model_deployment import Key, ModelDeployment
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.objects import recovered_record, revision_record
from nereid.controller.observed.situation import LookedUp, Situation
from nereid.controller.shell.cluster.children import Child, Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.crash_causes import CrashCauses
from nereid.controller.shell.cluster.errors import NotFound
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.cluster.host_routes import HostRoutes, nothing_routed
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.cluster.resources import CONTROLLER_REVISION, DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from nereid.controller.shell.host_claims import HostClaimsReader
from nereid.controller.shell.metrics.callers import Callers
from nereid.controller.shell.metrics.sampler import Sampler
from nereid.controller.shell.webhooks.caller import WebhookCaller

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """The observed cluster. `gateways` is None if the operator may not read Gateways.

    `host_routes` are the hosts that Nereid's own VirtualServices have, `other_routes` those of all others.
    activator_key: returns the key with which the proofs for the activator are made, or an empty text.
    """

    model_deployments: ModelDeployments
    children: Children
    gateways: Gateways | None
    host_routes: HostRoutes = field(default_factory=nothing_routed)
    other_routes: HostRoutes = field(default_factory=nothing_routed)
    has_keda: Callable[[], bool] = lambda: True
    activator_key: Callable[[], str] = lambda: ""


class Gatherer:
    """Gathers what is observed of one ModelDeployment at a time."""

    def __init__(
        self,
        client: Client,
        stores: Stores,
        sampler: Sampler,
        callers: Callers | None = None,
        webhooks: WebhookCaller | None = None,
    ) -> None:
        """`callers`: None if there is no Prometheus. `webhooks`: None if none is ever called."""
        self._client = client
        self._stores = stores
        self._sampler = sampler
        self._callers = callers
        self._webhooks = webhooks
        self._causes = CrashCauses(client)
        self._hosts = HostClaimsReader(
            stores.model_deployments, stores.gateways, stores.host_routes, stores.other_routes
        )
        # With the uid of the object that it was looked up for: its name may be another's by the next pass.
        self._looked_up: dict[Key, tuple[str, LookedUp]] = {}

    async def gather(self, subject: ModelDeployment) -> Situation:
        """Return the input of a pass; what was looked up for it is returned once."""
        children = self._stores.children.of(subject.owner)
        status, unreadable = last_status(subject.status)
        return Situation(
            subject=subject,
            status=status,
            unreadable=unreadable,
            observed=await self._observed(children),
            services=frozenset(child.name for child in children if child.kind == SERVICE.kind),
            rivals=self._hosts.rivals(subject),
            claims=self._hosts.claims(subject),
            gateways=self._gateways(subject),
            check_jobs=tuple(child.facts for child in children if isinstance(child.facts, ChecksFacts)),
            model_jobs=tuple(child.facts for child in children if isinstance(child.facts, ModelJobFacts)),
            measurements=self._sampler.answers(subject.key),
            looked_up=self._take_looked_up(subject),
            callers=self._callers.problem(subject) if self._callers else None,
            webhook_answers=self._webhooks.answers(subject.key) if self._webhooks else {},
            activator_key=self._stores.activator_key(),
        )

    async def observe(self, owner: Owner) -> Observed:
        """Return the owner's children as they are observed now."""
        return await self._observed(self._stores.children.of(owner))

    def measure(self, measurements: WantedMeasurements) -> None:
        """Start measuring in the background; the key is queued when a result is available."""
        if measurements.sample:
            self._sampler.sample(*measurements.sample)
        for request, pods in measurements.activities:
            self._sampler.activity(request, pods)

    def call(self, key: Key, calls: Sequence[WebhookCall]) -> None:
        """Call webhooks in the background; the key is queued when one has answered."""
        if self._webhooks:
            self._webhooks.call(key, calls)

    async def look_up(self, situation: Situation, look_ups: LookUps) -> bool:
        """Read from the API server, for the next pass; return whether the ModelDeployment still exists."""
        subject, before = situation.subject, situation.looked_up
        if look_ups.existence and await self.is_deleted(subject):
            return False
        records = {
            revision: await self._lost_record(subject.owner, revision, uri)
            for revision, uri in look_ups.records.items()
        }
        exists = before.exists or look_ups.existence
        self._looked_up[subject.key] = subject.uid, LookedUp(exists, {**before.records, **records})
        return True

    async def is_deleted(self, subject: ModelDeployment) -> bool:
        """Whether the API server no longer has a ModelDeployment, or has another one of its name."""
        try:
            raw = await self._client.get(MODEL_DEPLOYMENT, subject.namespace, subject.name)
        except NotFound:
            return True
        return bool(raw["metadata"]["uid"] != subject.uid)

    def forget(self, key: Key) -> None:
        """Forget everything about a ModelDeployment that no longer exists."""
        self._looked_up.pop(key, None)
        self._sampler.forget(*key)
        if self._webhooks:
            self._webhooks.forget(key)

    def _take_looked_up(self, subject: ModelDeployment) -> LookedUp:
        uid, looked_up = self._looked_up.pop(subject.key, (subject.uid, LookedUp()))
        return looked_up if uid == subject.uid else LookedUp()

    async def _observed(self, children: list[Child]) -> Observed:
        await self._causes.read(children)
        observed = observe([(child.revision, self._causes.facts(child)) for child in children])
        return replace(observed, has_keda=self._stores.has_keda())

    def _gateways(self, subject: ModelDeployment) -> Mapping[str, GatewayFacts] | None:
        if self._stores.gateways is None:
            return None
        gateways = {reference: self._stores.gateways.get(reference) for reference in subject.gateways}
        return {reference: facts for reference, facts in gateways.items() if facts}

    async def _lost_record(self, owner: Owner, revision: str, model_uri: str) -> RevisionRecord | None:
        """Return the record of a live revision that is not observed: its labels were removed, or it was deleted.

        If it was deleted, it is recovered from the revision's Deployment; None if that is missing too.
        """
        name = revision_child_name(owner.name, revision)
        try:
            record = revision_record(await self._client.get(CONTROLLER_REVISION, owner.namespace, name))
            if record:
                return replace(record, revision=revision)
        except NotFound:
            _logger.warning(
                "ControllerRevision %s/%s was not found: its content is recovered from the Deployment",
                owner.namespace,
                name,
            )
        try:
            deployment = await self._client.get(DEPLOYMENT, owner.namespace, name)
        except NotFound:
            return None
        return replace(recovered_record(deployment, model_uri), revision=revision)

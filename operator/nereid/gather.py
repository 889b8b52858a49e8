"""What a pass looks at, gathered from the stores and, where they do not tell enough, from the API server.

Reads only. What it returns are values of the pure core: facts, records, troubles.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nereid.api.status import ModelDeploymentStatus
from nereid.build.revision import new_record
from nereid.cluster.children import Children
from nereid.cluster.client import Client
from nereid.cluster.crash_causes import CrashCauses
from nereid.cluster.errors import NotFound
from nereid.cluster.gateways import Gateways
from nereid.cluster.model_deployments import ModelDeployment, ModelDeployments
from nereid.cluster.resources import CONTROLLER_REVISION, DEPLOYMENT, MODEL_DEPLOYMENT
from nereid.names import revision_child_name
from nereid.observed.facts import Observed, RevisionRecord, Trouble, observe
from nereid.observed.objects import recovered_record, revision_record
from nereid.plan import LiveRevision, Owner, Plan

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What is known of the cluster. `gateways` is None where the operator may not look at them."""

    model_deployments: ModelDeployments
    children: Children
    gateways: Gateways | None


class Gatherer:
    """Looks at the cluster for one ModelDeployment at a time."""

    def __init__(self, client: Client, stores: Stores) -> None:
        self._client = client
        self._stores = stores
        self._causes = CrashCauses(client)

    async def observe(self, owner: Owner) -> Observed:
        """Return what is seen of the owner's children."""
        children = self._stores.children.of(owner)
        await self._causes.read(children)
        return observe([(child.revision, self._causes.facts(child)) for child in children])

    async def is_gone(self, subject: ModelDeployment, live: Sequence[LiveRevision]) -> bool:
        """Whether a ModelDeployment that lacks a child does not exist any more.

        Its deletion may have been missed while the watch was broken. The garbage collector then takes its children, and
        to make them again would be a fight without end; so before one is made again, the API server is asked.
        """
        names = [subject.name, *(revision_child_name(subject.name, one.revision) for one in live)]
        if all(self._stores.children.get("Service", subject.namespace, name) for name in names):
            return False
        try:
            raw = await self._client.get(MODEL_DEPLOYMENT, subject.namespace, subject.name)
        except NotFound:
            return True
        return bool(raw["metadata"]["uid"] != subject.uid)

    def reachable(self, subject: ModelDeployment, wanted: Plan) -> tuple[Plan, tuple[Trouble, ...]]:
        """Return the plan without the hosts that others have an older right to, and what is wrong with its routes."""
        troubles = []
        for rival in self._stores.model_deployments.rivals(subject.key):
            taken = [host for host in wanted.hosts if host in rival.hosts and rival.is_before(subject)]
            if taken:
                wanted = replace(wanted, hosts=tuple(host for host in wanted.hosts if host not in taken))
                owner, hosts = "/".join(rival.key), ", ".join(taken)
                sentence = f"ModelDeployment {owner}, which is older, serves {hosts}: choose another host"
                troubles.append(Trouble("HostConflict", sentence))
        if not wanted.hosts:
            wanted = replace(wanted, gateways=())
        return wanted, (*troubles, *self._missing_gateways(wanted))

    def has_tls(self, wanted: Plan) -> bool:
        """Whether clients reach the plan's first host by https."""
        known = [self._stores.gateways.get(one) for one in wanted.gateways] if self._stores.gateways else []
        return any(facts.serves_with_tls(wanted.hosts[0]) for facts in known if facts)

    async def records(
        self, wanted: Plan, live: Sequence[LiveRevision], observed: Observed, previous: ModelDeploymentStatus
    ) -> Mapping[str, RevisionRecord]:
        """Return the record of each live revision: as kept, else as it can be found again, else newly made."""
        uris = {one.revision: "" for one in previous.rollout.retiring} if previous.rollout else {}
        uris |= {one.revision: one.model_uri for one in (previous.stable, previous.candidate) if one}
        records = {}
        for revision in (one.revision for one in live):
            record = observed.of(revision).record
            if record is None and revision in uris:
                record = await self._lost_record(wanted.owner, revision, uris[revision])
            if record is None and revision == wanted.revision:
                record = new_record(wanted)
            if record is not None:
                records[revision] = record
        return records

    async def _lost_record(self, owner: Owner, revision: str, model_uri: str) -> RevisionRecord | None:
        """Find the record of a revision that was live before: unseen because somebody took its labels, or deleted.

        Without it, the revision's Deployment still shows what it was made from.
        """
        name = revision_child_name(owner.name, revision)
        try:
            kept = revision_record(await self._client.get(CONTROLLER_REVISION, owner.namespace, name))
            if kept:
                return replace(kept, revision=revision)
        except NotFound:
            _logger.warning("the ControllerRevision %s/%s is lost", owner.namespace, name)
        try:
            deployment = await self._client.get(DEPLOYMENT, owner.namespace, name)
        except NotFound:
            return None
        return replace(recovered_record(deployment, model_uri), revision=revision)

    def _missing_gateways(self, wanted: Plan) -> tuple[Trouble, ...]:
        gateways = self._stores.gateways
        if gateways is None:
            return ()
        return tuple(
            Trouble("GatewayNotFound", f"there is no Istio Gateway {one}: create it or correct spec.traffic.gateways")
            for one in wanted.gateways
            if gateways.get(one) is None
        )

"""What a pass looks at, gathered from the stores and, where they do not tell enough, from the API server.

Reads only. What it returns are values of the pure core: facts, records, troubles. Measurements go on in the background,
so that a slow provider of metrics delays no pass.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nereid.api.identity import Owner
from nereid.api.names import revision_child_name
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.build.revision import new_record
from nereid.controller.decide.asks import ActivityRequest
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.decide.rollout import checks
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.decide.rollout.draining import wanted_looks
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.check_results import ChecksFacts, combine, hindrance
from nereid.controller.observed.facts import Observed, RevisionRecord, Trouble, observe
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.observed.objects import recovered_record, revision_record
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import Activity, Sample, SampleFailure
from nereid.controller.plan.plan import Plan
from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.crash_causes import CrashCauses
from nereid.controller.shell.cluster.errors import NotFound
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.cluster.model_deployments import ModelDeployment, ModelDeployments
from nereid.controller.shell.cluster.resources import CONTROLLER_REVISION, DEPLOYMENT, MODEL_DEPLOYMENT
from nereid.controller.shell.metrics.sampler import Sampler

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What is known of the cluster. `gateways` is None where the operator may not look at them."""

    model_deployments: ModelDeployments
    children: Children
    gateways: Gateways | None
    has_keda: Callable[[], bool] = lambda: True


class Gatherer:
    """Looks at the cluster for one ModelDeployment at a time."""

    def __init__(self, client: Client, stores: Stores, sampler: Sampler) -> None:
        self._client = client
        self._stores = stores
        self._sampler = sampler
        self._causes = CrashCauses(client)

    async def observe(self, owner: Owner) -> Observed:
        """Return what is seen of the owner's children."""
        children = self._stores.children.of(owner)
        await self._causes.read(children)
        seen = observe([(child.revision, self._causes.facts(child)) for child in children])
        return replace(seen, has_keda=self._stores.has_keda())

    def model_jobs(self, owner: Owner) -> list[ModelJobFacts]:
        """Return what is seen of the Jobs that speak to the owner's model's source, and of their pods."""
        facts = [child.facts for child in self._stores.children.of(owner)]
        return [one for one in facts if isinstance(one, ModelJobFacts)]

    def measured(self, wanted: Plan, observed: Observed, state: RolloutState, now: datetime) -> Observed:
        """Return what is seen with the measurements that the state asks for, as far as they are there.

        One that is not there yet is begun; the key is put into the queue when it is.
        """
        looks = {look.revision: self._activity(look, observed) for look in wanted_looks(wanted, state, now)}
        outcome, obstacle = self._checks(wanted, state)
        return replace(
            observed,
            sample=self._sample(wanted, observed, state, now),
            checks=outcome,
            hindrance=obstacle,
            activity={revision: found for revision, found in looks.items() if found},
        )

    def forget(self, namespace: str, name: str) -> None:
        """Let go of what is being measured for a ModelDeployment that does not exist any more."""
        self._sampler.forget(namespace, name)

    def _sample(
        self, wanted: Plan, observed: Observed, state: RolloutState, now: datetime
    ) -> Sample | SampleFailure | None:
        request = wanted_sample(wanted, state, now)
        if request is None:
            return None
        pods = {revision: _addresses(observed, revision) for revision in (request.candidate, request.stable)}
        return self._sampler.sample(request, pods)

    def _activity(self, look: ActivityRequest, observed: Observed) -> Activity | None:
        pods = _addresses(observed, look.revision)
        return self._sampler.activity(look, {look.revision: pods}) if pods else Activity(None, None)

    def _checks(self, wanted: Plan, state: RolloutState) -> tuple[ChecksFacts | None, str | None]:
        run = checks.due(wanted, state)
        if run is None:
            return None, None
        facts = [child.facts for child in self._stores.children.of(wanted.owner)]
        told = [one for one in facts if isinstance(one, ChecksFacts)]
        return combine(run.id, told), hindrance(run.id, told)

    async def is_gone(self, subject: ModelDeployment, live: Sequence[LiveRevision]) -> bool:
        """Whether a ModelDeployment that lacks a child does not exist any more.

        Its deletion may have been missed while the watch was broken. The garbage collector then takes its children, and
        to make them again would be a fight without end; so before one is made again, the API server is asked.
        """
        names = [subject.name, *(revision_child_name(subject.name, one.revision) for one in live)]
        if all(self._stores.children.get("Service", subject.namespace, name) for name in names):
            return False
        return await self.is_deleted(subject)

    async def is_deleted(self, subject: ModelDeployment) -> bool:
        """Whether the API server does not have a ModelDeployment any more, or another one of its name."""
        try:
            raw = await self._client.get(MODEL_DEPLOYMENT, subject.namespace, subject.name)
        except NotFound:
            return True
        return bool(raw["metadata"]["uid"] != subject.uid)

    def reachable(self, subject: ModelDeployment, wanted: Plan) -> tuple[Plan, tuple[Trouble, ...]]:
        """Return the plan without the hosts that others have an older right to, and what is wrong with its routes."""
        troubles = []
        for rival in self._stores.model_deployments.rivals(subject.key):
            asked = {*wanted.hosts, *wanted.rollout.preview_hosts}
            taken = asked & rival.hosts if rival.is_before(subject) else frozenset()
            if taken:
                wanted = _without_hosts(wanted, taken)
                owner, hosts = "/".join(rival.key), ", ".join(sorted(taken))
                sentence = f"ModelDeployment {owner}, which is older, serves {hosts}: choose another host"
                troubles.append(Trouble("HostConflict", sentence))
        return wanted, (*troubles, *self._missing_gateways(wanted))

    def has_tls(self, wanted: Plan) -> bool:
        """Whether clients reach the plan's first host by https."""
        if not wanted.hosts or self._stores.gateways is None:
            return False
        known = [self._stores.gateways.get(one) for one in wanted.gateways]
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
            if record is None and revision == wanted.revision and not wanted.is_held:
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


def _without_hosts(wanted: Plan, taken: Collection[str]) -> Plan:
    """Return the plan without hosts; without any left, it needs no gateways, of which an empty list is the mesh."""
    hosts = tuple(host for host in wanted.hosts if host not in taken)
    previews = tuple(host for host in wanted.rollout.preview_hosts if host not in taken)
    rollout = replace(wanted.rollout, preview_hosts=previews)
    gateways = wanted.gateways if hosts or previews else ()
    return replace(wanted, hosts=hosts, gateways=gateways, rollout=rollout)


def _addresses(observed: Observed, revision: str) -> tuple[PodAddress, ...]:
    return tuple(pod.address for pod in observed.of(revision).pods if pod.address)

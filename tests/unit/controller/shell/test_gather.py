"""What a pass looks at: gathered once, from the stores alone."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.memory_cluster import KEY, KIND, Call, MemoryCluster
from tests.support.scenario import plan_of

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.decide import LookUps
from nereid.controller.observed.facts import GatewayFacts
from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.observed.situation import LookedUp, Measurements, Rival, Situation
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.gather import Gatherer, Stores

HOSTS = {"hosts": ["one.example.com"], "gateways": ["istio-system/public", "istio-system/absent"]}
SPEC: dict[str, Any] = {"model": {"uri": "pvc://models/digits/1/model.onnx"}, "traffic": HOSTS}
REVISION = plan_of(SPEC).revision
CHILD = f"digits-{REVISION}"


@pytest.fixture
async def serving() -> MemoryCluster:
    cluster = MemoryCluster(SPEC)
    await cluster.serve()
    return cluster


def subject_of(cluster: MemoryCluster) -> ModelDeployment:
    found = cluster.model_deployments.get(KEY)
    assert found
    return found


async def gathered(cluster: MemoryCluster) -> Situation:
    return await cluster.gatherer.gather(subject_of(cluster))


def neighbour(cluster: MemoryCluster, name: str, created: str) -> None:
    metadata = {"namespace": "models", "name": name, "uid": name, "generation": 1, "resourceVersion": "5"}
    cluster.model_deployments.put({"metadata": {**metadata, "creationTimestamp": created}, "spec": SPEC})


class TestGather:
    async def test_children_and_status_are_seen_and_the_api_server_is_not_asked(self, serving: MemoryCluster) -> None:
        situation = await gathered(serving)
        assert situation.observed.of(REVISION).available == 1
        assert situation.observed.of(REVISION).record is not None
        assert situation.services == {"digits", CHILD}
        assert situation.status == ModelDeploymentStatus.model_validate(serving.status)
        assert situation.served_uris == {SPEC["model"]["uri"]}
        assert serving.server.calls == []

    async def test_nothing_is_seen_of_what_is_new(self) -> None:
        situation = await gathered(MemoryCluster(SPEC))
        assert situation.observed.revisions == {}
        assert (situation.services, situation.looked_up) == (frozenset(), LookedUp())

    async def test_rivals_are_told_by_age(self, serving: MemoryCluster) -> None:
        neighbour(serving, "old", "2026-11-20T10:00:00Z")
        neighbour(serving, "young", "2026-11-20T12:00:00Z")
        hosts = frozenset(HOSTS["hosts"])
        assert set((await gathered(serving)).rivals) == {
            Rival("models/old", hosts, is_older=True),
            Rival("models/young", hosts, is_older=False),
        }

    async def test_gateways_are_those_of_its_own_that_exist(self, serving: MemoryCluster) -> None:
        assert (await gathered(serving)).gateways is None
        gateways = Gateways(lambda _: None)
        for name in ("public", "other"):
            metadata = {"namespace": "istio-system", "name": name, "uid": name, "resourceVersion": "1"}
            gateways.observe("Gateway", {"metadata": metadata, "spec": {}})
        stores = Stores(serving.model_deployments, serving.children, gateways)
        situation = await Gatherer(serving.server, stores, serving.sampler).gather(subject_of(serving))
        assert situation.gateways == {"istio-system/public": GatewayFacts(())}

    async def test_measurements_are_those_that_are_there(self, serving: MemoryCluster) -> None:
        serving.sampler.given = Measurements({"asked": object()})  # type: ignore[dict-item]
        assert (await gathered(serving)).measurements is serving.sampler.given


class TestLookUp:
    async def test_what_is_found_is_told_to_one_pass(self, serving: MemoryCluster) -> None:
        situation = await gathered(serving)
        assert await serving.gatherer.look_up(situation, LookUps(existence=True, records={REVISION: ""}))
        assert serving.server.calls == [Call("get", KIND, "digits"), Call("get", "ControllerRevision", CHILD)]
        looked_up = (await gathered(serving)).looked_up
        assert looked_up.exists
        record = looked_up.records[REVISION]
        assert record
        assert record.data() == serving.server.objects["ControllerRevision", CHILD]["data"]
        assert (await gathered(serving)).looked_up == LookedUp()

    async def test_a_deployment_shows_what_a_lost_revision_was_made_from(self, serving: MemoryCluster) -> None:
        serving.lose("ControllerRevision", CHILD)
        await serving.gatherer.look_up(await gathered(serving), LookUps(records={REVISION: "s3://models/1"}))
        record = (await gathered(serving)).looked_up.records[REVISION]
        assert record
        assert (record.revision, record.model_uri) == (REVISION, "pvc://models/digits/1/model.onnx")
        assert record.template == serving.server.objects["Deployment", CHILD]["spec"]["template"]

    async def test_what_is_nowhere_is_told_too_so_that_it_is_not_looked_up_again(self, serving: MemoryCluster) -> None:
        await serving.gatherer.look_up(await gathered(serving), LookUps(records={"xxxxxxxx": ""}))
        assert (await gathered(serving)).looked_up == LookedUp(records={"xxxxxxxx": None})

    async def test_a_further_look_up_keeps_what_the_one_before_has_told(self, serving: MemoryCluster) -> None:
        await serving.gatherer.look_up(await gathered(serving), LookUps(existence=True))
        await serving.gatherer.look_up(await gathered(serving), LookUps(records={"xxxxxxxx": ""}))
        assert (await gathered(serving)).looked_up == LookedUp(exists=True, records={"xxxxxxxx": None})

    @pytest.mark.parametrize("successor", [False, True])
    async def test_one_that_is_gone_is_told_and_nothing_more_is_asked(
        self, serving: MemoryCluster, *, successor: bool
    ) -> None:
        gone = serving.server.objects.pop((KIND, "digits"))
        if successor:
            serving.server.put(KIND, {**gone, "metadata": {**gone["metadata"], "uid": "another"}})
        look_ups = LookUps(existence=True, records={REVISION: ""})
        assert not await serving.gatherer.look_up(await gathered(serving), look_ups)
        assert serving.server.calls == [Call("get", KIND, "digits")]

    async def test_what_was_looked_up_is_forgotten_with_its_object(self, serving: MemoryCluster) -> None:
        await serving.gatherer.look_up(await gathered(serving), LookUps(existence=True))
        serving.gatherer.forget(KEY)
        assert (await gathered(serving)).looked_up == LookedUp()

    async def test_what_was_looked_up_of_one_does_not_count_for_another_of_its_name(
        self, serving: MemoryCluster
    ) -> None:
        situation = await gathered(serving)
        await serving.gatherer.look_up(situation, LookUps(existence=True, records={REVISION: ""}))
        assert (await serving.gatherer.gather(replace(situation.subject, uid="another"))).looked_up == LookedUp()

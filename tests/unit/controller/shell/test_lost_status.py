"""A ModelDeployment whose status is lost, or that is made again beside its children: what serves goes on serving."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from tests.support.memory_cluster import KIND, Call, MemoryCluster
from tests.support.scenario import METADATA, plan_of

ONE, TWO, THREE = ({"uri": f"pvc://models/digits/{number}/model.onnx"} for number in (1, 2, 3))
SPEC: dict[str, Any] = {
    "model": ONE,
    "scaling": {"minReplicas": 4},
    "rollout": {"steps": [{"weight": 10, "hold": "1h"}], "analysis": {"provider": "None"}},
}
OF = [plan_of({**SPEC, "model": model}).revision for model in (ONE, TWO, THREE)]
Loss = Callable[[MemoryCluster], None]


def wipe(cluster: MemoryCluster) -> None:
    """Let somebody empty the status."""
    raw = cluster.server.objects[KIND, METADATA["name"]]
    cluster.model_deployments.put(cluster.server.put(KIND, {**raw, "status": {}}))


def make_again(cluster: MemoryCluster) -> None:
    """Let somebody delete it with its children left, and make it again with the next version."""
    fresh = deepcopy(cluster.server.objects[KIND, METADATA["name"]])
    for (kind, name), raw in list(cluster.server.objects.items()):
        if (kind, name) != (KIND, METADATA["name"]):
            raw["metadata"].pop("ownerReferences", None)
            cluster.children.observe(kind, cluster.server.put(kind, raw))
    fresh["metadata"] |= {"uid": "another", "generation": 1}
    fresh |= {"spec": {**fresh["spec"], "model": THREE}, "status": {}}
    cluster.model_deployments.put(cluster.server.put(KIND, fresh))


async def rolling() -> MemoryCluster:
    """A second model with a tenth of the traffic."""
    cluster = MemoryCluster(SPEC)
    await cluster.serve()
    cluster.edit(model=TWO)
    await go_on(cluster, 2)
    assert weights(cluster) == {OF[0]: 90, OF[1]: 10}
    cluster.server.calls.clear()
    cluster.events.clear()
    return cluster


async def go_on(cluster: MemoryCluster, times: int) -> None:
    """Let pods become ready and time go by, the operator being started again where it crashes."""
    for _ in range(times):
        await cluster.settle_in_spite_of_crashes()
        cluster.start_pods()
        cluster.wait(11)


def weights(cluster: MemoryCluster) -> dict[str, int]:
    """Return what the route inside the mesh gives to each revision."""
    route = cluster.server.objects["VirtualService", "digits"]["spec"]["http"][-1]["route"]
    hosts = {one["destination"]["host"].partition(".")[0].removeprefix("digits-"): one for one in route}
    return {revision: one.get("weight", 100) for revision, one in hosts.items()}


@pytest.mark.parametrize("lose", [wipe, make_again])
async def test_no_pod_and_no_record_goes_and_no_share_changes_in_that_pass(lose: Loss) -> None:
    cluster = await rolling()
    lose(cluster)
    await cluster.run()
    assert cluster.server.calls[0] == Call("status", KIND, "digits"), "acted before it was written"
    assert not [call for call in cluster.server.calls if call.verb == "delete"]
    assert weights(cluster) == {OF[0]: 90, OF[1]: 10}
    assert cluster.status["stable"]["revision"] == OF[0]
    assert cluster.events == ["Adopted"]


async def test_the_unjudged_one_begins_its_step_again() -> None:
    cluster = await rolling()
    wipe(cluster)
    await go_on(cluster, 5)
    assert weights(cluster) == {OF[0]: 90, OF[1]: 10}
    assert (cluster.status["candidate"]["revision"], cluster.status["rollout"]["state"]) == (OF[1], "Holding")


async def test_the_next_version_takes_its_steps_beside_the_good_one() -> None:
    cluster = await rolling()
    make_again(cluster)
    await go_on(cluster, 8)
    assert weights(cluster) == {OF[0]: 90, OF[2]: 10}
    owners = {
        raw["metadata"]["ownerReferences"][0]["uid"]
        for (kind, _), raw in cluster.server.objects.items()
        if kind != KIND
    }
    assert owners == {"another"}


@pytest.mark.parametrize("after", [False, True], ids=["before-a-call", "after-a-call"])
@pytest.mark.parametrize("lose", [wipe, make_again])
async def test_wherever_the_operator_ends_the_good_one_keeps_its_share(lose: Loss, *, after: bool) -> None:
    whole = await rolling()
    lose(whole)
    await go_on(whole, 2)
    for crash in range(len(whole.server.calls)):
        cluster = await rolling()
        lose(cluster)
        cluster.server.crash_at, cluster.server.crash_after = crash, after
        for _ in range(2):
            await go_on(cluster, 1)
            assert weights(cluster)[OF[0]] >= 90, f"after a crash at call {crash}"
            assert ("Deployment", f"digits-{OF[0]}") in cluster.server.objects
        assert weights(cluster) == weights(whole)


async def test_a_deployment_without_its_record_is_adopted_with_a_record() -> None:
    cluster = await rolling()
    wipe(cluster)
    cluster.lose("ControllerRevision", f"digits-{OF[0]}")
    await go_on(cluster, 1)
    assert cluster.status["stable"]["modelUri"] == ONE["uri"]
    assert f"digits-{OF[0]}" in cluster.names("ControllerRevision")


async def test_a_status_that_names_a_revision_that_is_not_there_leads_nobody_to_it() -> None:
    cluster = await rolling()
    raw = cluster.server.objects[KIND, METADATA["name"]]
    raw["status"]["stable"]["revision"] = "ghost"
    cluster.model_deployments.put(cluster.server.put(KIND, raw))
    await go_on(cluster, 4)
    assert weights(cluster) == {OF[0]: 90, OF[1]: 10}
    assert cluster.status["stable"]["revision"] == OF[0]

"""Sleeping models whose spec is rejected stay reachable: what stands there gets the present proof, and nothing else."""

from copy import deepcopy
from typing import Any

import pytest
from tests.support.memory_cluster import Call, Crash, MemoryCluster
from tests.support.scenario import SCALING_SETTINGS, plan_of

from nereid.activator.keys import Keys
from nereid.api.identity import Owner
from nereid.contract.proof import route_proof
from nereid.controller.build.revision import new_record
from nereid.controller.build.routing import virtual_services
from nereid.controller.build.scaler import scaler
from nereid.controller.decide.orders import LiveRevision, Scale
from nereid.controller.plan.plan import ALL_TRAFFIC, Specified
from nereid.controller.plan.reading import read_spec
from nereid.controller.shell.cluster.errors import ApiError, Conflict, Rejected, Unavailable
from nereid.controller.shell.outcome import FIRST_RETRY_SECONDS, LATER_RETRY_SECONDS

KEY, NEXT_KEY = "k" * 40, "n" * 40
SPEC: dict[str, Any] = {
    "model": {"uri": "pvc://models/digits/1/model.onnx"},
    "scaling": {"minReplicas": 0, "maxReplicas": 2},
    "traffic": {"hosts": ["digits.example.com"], "gateways": ["mesh/public"]},
    "rollout": {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["preview.example.com"]}},
}
UNREADABLE: dict[str, Any] = {}
REVISION = plan_of(SPEC).revision
TARGET = f"digits-{REVISION}.models.svc.cluster.local"
ROUTES = ("digits", "digits.gateways", "digits.preview")
SCALER = f"digits-{REVISION}"
OBJECTS = [*(("VirtualService", name) for name in ROUTES), ("ScaledObject", SCALER)]


def asleep_plan() -> Specified:
    return read_spec(Owner("models", "digits", "1f7c", 3), {}, SPEC, SCALING_SETTINGS).plan


@pytest.fixture
def asleep() -> MemoryCluster:
    """A model that sleeps, with the routes of a release without proofs, whose spec cannot be read any more."""
    cluster = MemoryCluster(SPEC, SCALING_SETTINGS)
    plan = asleep_plan()
    live = LiveRevision(REVISION, 0, ALL_TRAFFIC, Scale(2, sleeps=True, in_charge=True), is_gated=True)
    for manifest in (*virtual_services(plan, [live]), *scaler(plan, new_record(plan), live)):
        put(cluster, manifest)
    cluster.edit(model=UNREADABLE)
    cluster.activator_key = KEY
    return cluster


def put(cluster: MemoryCluster, manifest: dict[str, Any]) -> None:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    raw = {**manifest, "metadata": {**manifest["metadata"], "uid": f"{kind}-{name}"}, "status": {"seen": True}}
    cluster.children.observe(kind, cluster.server.put(kind, raw))


def told(cluster: MemoryCluster, name: str) -> list[dict[str, str]]:
    """Return what the routes of a VirtualService say to the activator."""
    routes = cluster.server.objects["VirtualService", name]["spec"]["http"]
    return [one["headers"]["request"]["set"] for one in routes]


def trigger(cluster: MemoryCluster) -> dict[str, str]:
    [found] = cluster.server.objects["ScaledObject", SCALER]["spec"]["triggers"]
    return dict(found["metadata"])


def is_proven(cluster: MemoryCluster, keys: Keys) -> bool:
    """Whether the activator takes requests by all routes, and the questions of KEDA."""
    sets = [one for name in ROUTES for one in told(cluster, name)]
    routes = [
        keys.route_is_proven(one.get("x-nereid-proof"), one["x-nereid-target"], one["x-nereid-cold-start-seconds"])
        for one in sets
    ]
    asked = trigger(cluster)
    return len(routes) == 6 and all(routes) and keys.trigger_is_proven(asked.get("proof"), asked["target"])


def keys_of(tmp_path, key: str) -> Keys:
    (tmp_path / "keys").write_text(key)
    return Keys(tmp_path)


async def test_routes_of_a_release_without_proofs_are_proven(asleep: MemoryCluster, tmp_path) -> None:
    keys = keys_of(tmp_path, KEY)
    assert not is_proven(asleep, keys)
    assert await asleep.run() is None
    assert is_proven(asleep, keys)
    assert asleep.condition("SpecValid")["status"] == "False"


async def test_so_are_those_with_a_proof_of_the_last_key(asleep: MemoryCluster, tmp_path) -> None:
    await asleep.run()
    asleep.activator_key = NEXT_KEY
    await asleep.run()
    assert is_proven(asleep, keys_of(tmp_path, NEXT_KEY))


async def test_nothing_else_of_them_is_changed(asleep: MemoryCluster) -> None:
    before = {one: deepcopy(asleep.server.objects[one]) for one in OBJECTS}
    await asleep.run()
    for kind, name in OBJECTS:
        after = asleep.server.objects[kind, name]
        for route in after["spec"].get("http", ()):
            del route["headers"]["request"]["set"]["x-nereid-proof"]
        for one in after["spec"].get("triggers", ()):
            del one["metadata"]["proof"]
        assert after["spec"] == before[kind, name]["spec"]
        for field in ("labels", "annotations", "ownerReferences"):
            assert after["metadata"][field] == before[kind, name]["metadata"][field]


async def test_what_has_the_present_proof_is_not_looked_at_again(asleep: MemoryCluster) -> None:
    await asleep.run()
    asleep.start()
    asleep.server.calls.clear()
    assert await asleep.run() is None
    assert asleep.server.calls == []


async def test_without_a_key_nothing_is_written(asleep: MemoryCluster) -> None:
    asleep.activator_key = ""
    await asleep.run()
    assert [call.verb for call in asleep.server.calls] == ["status"]


async def test_it_goes_on_where_a_crash_has_ended_it(asleep: MemoryCluster, tmp_path) -> None:
    for crash in range(2 * len(OBJECTS)):
        asleep.server.calls.clear()
        asleep.server.crash_at = crash
        asleep.activator_key = chr(ord("a") + crash) * 40
        with pytest.raises(Crash):
            await asleep.run()
        asleep.server.crash_at = None
        asleep.start()
        await asleep.run()
        assert is_proven(asleep, keys_of(tmp_path, asleep.activator_key))


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (Rejected("a webhook"), LATER_RETRY_SECONDS),
        (Unavailable("no answer"), LATER_RETRY_SECONDS),
        (Conflict("changed"), FIRST_RETRY_SECONDS),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_fails_is_tried_again_and_keeps_nothing_from_being_told(
    asleep: MemoryCluster, tmp_path, failure: ApiError, seconds: float
) -> None:
    asleep.server.failures["VirtualService", "digits"] = failure
    assert await asleep.run() == seconds
    assert asleep.condition("SpecValid")["status"] == "False"
    assert all(one["x-nereid-proof"] for one in told(asleep, "digits.gateways"))
    asleep.server.failures.clear()
    assert await asleep.run() is None
    assert is_proven(asleep, keys_of(tmp_path, KEY))


@pytest.mark.parametrize(
    "target",
    [
        TARGET.replace(".models.", ".shop."),
        f"fraud-{REVISION}.models.svc.cluster.local",
        f"digits-of-shop-{REVISION}.models.svc.cluster.local",
        "elsewhere",
    ],
)
async def test_no_proof_is_made_for_a_model_of_others_that_somebody_has_written_there(
    asleep: MemoryCluster, target: str
) -> None:
    for kind, name in OBJECTS:
        raw = deepcopy(asleep.server.objects[kind, name])
        for route in raw["spec"].get("http", ()):
            route["headers"]["request"]["set"]["x-nereid-target"] = target
        for one in raw["spec"].get("triggers", ()):
            one["metadata"]["target"] = target
        put(asleep, raw)
    await asleep.run()
    assert [call.verb for call in asleep.server.calls] == ["status"]


async def test_nor_where_it_stands_beside_a_route_of_its_own(asleep: MemoryCluster) -> None:
    raw = deepcopy(asleep.server.objects["VirtualService", "digits"])
    raw["spec"]["http"][0]["headers"]["request"]["set"]["x-nereid-target"] = "fraud-1.shop.svc.cluster.local"
    put(asleep, raw)
    await asleep.run()
    foreign, own = told(asleep, "digits")
    assert "x-nereid-proof" not in foreign
    assert own["x-nereid-proof"] == route_proof(KEY, TARGET, own["x-nereid-cold-start-seconds"])


async def test_a_spec_that_is_mended_has_its_routes_made_anew(asleep: MemoryCluster) -> None:
    asleep.edit(model=SPEC["model"])
    await asleep.settle()
    asleep.start_pods()
    await asleep.settle()
    asleep.edit(model=UNREADABLE)
    asleep.activator_key = NEXT_KEY
    await asleep.settle()
    asleep.server.calls.clear()
    asleep.edit(model=SPEC["model"])
    await asleep.settle()
    scalers = [call for call in asleep.server.calls if call == Call("apply", "ScaledObject", SCALER)]
    assert scalers, "a hash that another manifest has left there is taken for this one's"

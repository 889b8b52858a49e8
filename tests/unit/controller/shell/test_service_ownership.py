"""What takes the requests of a Service exists only beside a Service that is the ModelDeployment's own."""

from typing import Any

from tests.support.memory_cluster import MemoryCluster
from tests.support.scenario import METADATA, plan_of

from nereid.controller.shell.cluster.errors import Rejected

SPEC: dict[str, Any] = {
    "model": {"uri": "pvc://models/digits/1/model.onnx"},
    "traffic": {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]},
}
REVISION_SERVICE = f"digits-{plan_of(SPEC).revision}"


def take(cluster: MemoryCluster, name: str) -> None:
    """Let somebody else have a Service of a name."""
    if ("Service", name) in cluster.server.objects:
        cluster.lose("Service", name)
    metadata = {"namespace": METADATA["namespace"], "name": name, "uid": "somebody-elses"}
    cluster.server.put("Service", {"kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}})


async def test_service_of_the_model_comes_before_its_route() -> None:
    cluster = MemoryCluster(SPEC)
    await cluster.settle()
    cluster.start_pods()
    await cluster.settle()
    applied = [(call.kind, call.name) for call in cluster.server.calls if call.verb == "apply"]
    assert applied.index(("Service", "digits")) < applied.index(("VirtualService", "digits"))


async def test_route_goes_with_the_service_and_the_hosts_own_route_stays() -> None:
    cluster = MemoryCluster(SPEC)
    await cluster.serve()
    assert cluster.names("VirtualService") == ["digits", "digits.gateways"]
    take(cluster, "digits")
    await cluster.settle()
    assert cluster.names("VirtualService") == ["digits.gateways"]
    assert cluster.condition("Ready")["reason"] == "NameConflict"
    assert "Service digits" in cluster.condition("Ready")["message"]


async def test_a_conflict_is_told_and_tried_once_in_a_pass() -> None:
    cluster = MemoryCluster(SPEC)
    take(cluster, REVISION_SERVICE)
    await cluster.settle()
    assert await cluster.run() == 0  # looks whether the ModelDeployment still exists
    cluster.server.calls.clear()
    await cluster.run()
    tried = [call for call in cluster.server.calls if (call.verb, call.name) == ("apply", REVISION_SERVICE)]
    assert [call.kind for call in tried] == ["Service"]
    assert cluster.names("DestinationRule") == []


async def test_a_service_that_cannot_be_made_has_no_route_yet() -> None:
    cluster = MemoryCluster(SPEC)
    cluster.server.failures["Service", "digits"] = Rejected("exceeded quota")
    await cluster.settle()
    cluster.start_pods()
    await cluster.settle()
    assert "digits" not in cluster.names("VirtualService")
    cluster.server.failures.clear()
    await cluster.settle()
    assert "digits" in cluster.names("VirtualService")


async def test_an_update_of_its_own_service_that_is_rejected_stops_no_route() -> None:
    cluster = MemoryCluster(SPEC)
    await cluster.serve()
    cluster.server.failures["Service", "digits"] = Rejected("exceeded quota")
    cluster.edit(traffic={"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"], "timeout": "7s"})
    await cluster.settle()
    assert cluster.server.objects["VirtualService", "digits"]["spec"]["http"][0]["timeout"] == "7s"

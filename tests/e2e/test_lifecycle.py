"""The life of a pod: it serves from when it is warm until its last request is over, and no client can rule it."""

import pytest
from digits.cluster import wait_for
from digits.traffic import Tally
from tests.support.e2e.case import Case
from tests.support.e2e.interfaces import GRPC_CLOSED, GRPC_OPEN, REST_CLOSED, REST_OPEN, over_grpc, over_rest
from tests.support.e2e.nodes import draining, node_name, uncordon
from tests.support.e2e.readiness import names_of, pods_of, ready_pods, seconds_to_readiness
from tests.support.e2e.scaling import CAPACITY, wait_for_pods

RATE = 50
WARM_UPS = 200
# Each takes a tenth of a second.
WARM_UP_SECONDS = WARM_UPS / CAPACITY
WARM_UP = {
    "name": "zeros",
    "batchSize": 1,
    "count": WARM_UPS,
    "inputs": {"image": {"dataType": "TYPE_FP32", "dims": [64], "zeroData": True}},
}


def assert_nothing_lost(total: Tally, seconds: float) -> None:
    """Expect an answer to every request of at least so many seconds."""
    assert total.failed == 0, total.failures()
    assert total.sent > RATE * seconds
    assert total.by_version("REST").keys() == total.by_version("gRPC").keys() == {"1"}


@pytest.mark.usefixtures("disturbs")
def test_node_drain_loses_nothing(case: Case) -> None:
    # A drain chooses its pods in all namespaces.
    name = f"moving-{case.namespace[-4:]}"
    served = case.apply(name, scaling={"minReplicas": 2})
    served.wait_until_ready()
    at_first, node = names_of(pods_of(served)), node_name(case.cluster)
    staying = []
    with case.traffic(name) as client:
        client.start(RATE)
        with draining(case.cluster, node, f"nereid.dev/model-deployment={name}") as end:
            wait_for("a pod is to replace one", lambda: names_of(pods_of(served)) - at_first, seconds=30)
            # The only node here is where they move to.
            uncordon(case.cluster, node)

            def is_over() -> bool:
                staying.append(ready_pods(served))
                return end.done()

            wait_for("the drain is over", is_over, seconds=180, seen=served.describe)
            assert all(f"pod/{pod} evicted" in end.result() for pod in at_first)
        wait_for_pods(served, 2)
        total = client.stop()
    assert_nothing_lost(total, seconds=30)
    assert min(staying) >= 1, staying
    assert not at_first & names_of(pods_of(served))


def test_deleting_each_pod_in_turn_loses_nothing(case: Case) -> None:
    served = case.apply(scaling={"minReplicas": 2})
    served.wait_until_ready()
    assert ready_pods(served) == 2
    # As long as the pod asks for, and as short as an impatient person may.
    deletions = zip(sorted(names_of(pods_of(served))), ("--grace-period=-1", "--grace-period=20"), strict=True)
    with case.traffic() as client:
        client.start(RATE)
        for pod, grace in deletions:
            case.cluster.kubectl("delete", "pod", pod, grace, namespace=case.namespace)
            wait_for_pods(served, 2)
        total = client.stop()
    assert_nothing_lost(total, seconds=30)


@pytest.mark.long
def test_scaling_down_loses_nothing(case: Case) -> None:
    served = case.apply(scaling={"minReplicas": 3})
    served.wait_until_ready()
    assert ready_pods(served) == 3
    with case.traffic() as client:
        client.start(RATE)
        case.apply(scaling={"minReplicas": 1})
        left = f"nereid.dev/model-deployment={served.name}"
        wait_for(
            "two of three pods are gone",
            lambda: len(case.cluster.list("Pod", case.namespace, left)) == 1,
            seconds=90,
            seen=served.describe,
        )
        total = client.stop()
    assert_nothing_lost(total, seconds=15)


def test_a_pod_gets_no_request_before_its_warm_up_is_over(case: Case) -> None:
    model = {**case.faulty("busy"), "config": {"modelWarmup": [WARM_UP]}}
    served = case.apply(model=model)
    served.wait_until_ready()
    with case.traffic() as client:
        client.start(CAPACITY / 2)
        case.apply(model=model, scaling={"minReplicas": 2})
        wait_for_pods(served, 2)
        before = client.tally().sent
        wait_for("both have been asked", lambda: client.tally().sent > before + CAPACITY, seconds=30)
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert max(answer.seconds for answer in total.answers) < WARM_UP_SECONDS / 2
    assert min(seconds_to_readiness(pod) for pod in pods_of(served)) >= WARM_UP_SECONDS


def test_clients_cannot_administer_triton(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    endpoint = case.endpoint()
    refused = {call: over_rest(endpoint, call) for call in REST_CLOSED}
    assert refused == dict.fromkeys(REST_CLOSED, 403)
    allowed = {call: over_rest(endpoint, call) for call in REST_OPEN}
    assert allowed == dict.fromkeys(REST_OPEN, 200)
    words = over_grpc(endpoint, GRPC_CLOSED)
    assert all("restricted" in said for said in words.values()), words
    assert over_grpc(endpoint, GRPC_OPEN) == dict.fromkeys(GRPC_OPEN, "OK")
    with case.traffic() as client:
        assert client.burst(20).by_version() == {"1": 20}


def test_users_close_other_interfaces_instead(case: Case) -> None:
    word = {"secret": "word"}
    served = case.apply(runtime={"args": ["--http-restricted-api=model-config:secret=word"]})
    served.wait_until_ready()
    endpoint = case.endpoint()
    assert over_rest(endpoint, "GET /v2/models/digits/config") == 403
    assert over_rest(endpoint, "GET /v2/models/digits/config", word) == 200
    assert over_rest(endpoint, "POST /v2/repository/index") == 200
    assert "restricted" in over_grpc(endpoint, GRPC_CLOSED)["repository index"]

"""Costs: what a pod asks for, what that is an hour, and what a million predictions are."""

import pytest

from nereid.cli.tune.cost import cost_per_million, hourly_price, pod_requests, pods_needed, unpriced

GIB = 2.0**30


def container(cpu: str, **fields: object) -> dict[str, object]:
    return {"resources": {"requests": {"cpu": cpu}}, **fields}


def test_a_pod_asks_for_its_containers_and_sidecars():
    pod = {
        "initContainers": [container("100m", restartPolicy="Always"), container("50m")],
        "containers": [container("2")],
    }
    assert pod_requests(pod) == {"cpu": pytest.approx(2.1)}


def test_an_init_container_that_asks_for_more_decides():
    pod = {
        "initContainers": [container("100m", restartPolicy="Always"), container("4")],
        "containers": [container("2")],
    }
    assert pod_requests(pod) == {"cpu": pytest.approx(4.1)}


def test_limits_are_requests_where_there_are_none():
    pod = {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}, {}]}
    assert pod_requests(pod) == {"nvidia.com/gpu": 1}


def test_the_price_of_an_hour():
    requests = {"cpu": 2.0, "memory": 4 * GIB, "nvidia.com/gpu": 1.0, "ephemeral-storage": GIB}
    prices = {"cpu": 0.04, "memory": 0.005, "nvidia.com/gpu": 2.5}
    assert hourly_price(requests, prices) == pytest.approx(0.08 + 0.02 + 2.5)
    assert unpriced(requests, prices) == {"ephemeral-storage"}


def test_the_cost_of_a_million_predictions():
    assert cost_per_million(3.6, 1000) == pytest.approx(1.0)
    assert cost_per_million(3.6, 1000, rate=1000) == pytest.approx(1.0)
    assert cost_per_million(3.6, 1000, rate=500) == pytest.approx(2.0)


@pytest.mark.parametrize(("rate", "pods"), [(1, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_whole_pods_are_needed(rate, pods):
    assert pods_needed(1000, rate) == pods

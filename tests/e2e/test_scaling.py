"""Pods follow the load: up before clients notice, down when it is over, and never on a metric that is not there."""

import time

import pytest
from digits.cluster import wait_for
from tests.support.e2e.case import WAITS_AT_20, Case
from tests.support.e2e.processes import frozen, frozen_prometheus
from tests.support.e2e.scaling import CAPACITY, pods, scaled, wait_for_fewer_pods, wait_for_pods, wait_until_scaled

WITHOUT_KEDA_SECONDS = 30
HALF_FULL = [{"type": "RequestRate", "target": CAPACITY / 2}]


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_pods_come_before_requests_have_to_wait_and_go_when_the_load_is_over(case: Case) -> None:
    served = case.apply(model=case.faulty("busy"), scaling=scaled(metrics=HALF_FULL))
    wait_until_scaled(served)
    with case.traffic() as client:
        client.start(CAPACITY * 0.8)
        wait_for_pods(served, 2)
        client.stop()
        began = time.monotonic()
        client.start(CAPACITY * 1.4)
        wait_for_pods(served, 3)
        # One pod does a second's requests in 1.4 s: the last ones would wait for all the others' share of that.
        with_one_pod = (time.monotonic() - began) * 0.4
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert total.latency(next(iter(total.by_version())), 99) < with_one_pod / 2
    wait_for_fewer_pods(served, 1)
    served.wait_until_ready()


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_queue_brings_pods_by_default(case: Case) -> None:
    served = case.apply(model=case.faulty("busy"), scaling={"maxReplicas": 2})
    wait_until_scaled(served)
    with case.traffic() as client:
        client.start(CAPACITY * 1.3)
        wait_for_pods(served, 2)
        total = client.stop()
    assert total.failed == 0, total.failures()


@pytest.mark.long
@pytest.mark.usefixtures("undisturbed")
def test_a_rollout_while_pods_come_takes_none_from_stable(case: Case) -> None:
    scaling = scaled(metrics=HALF_FULL)
    served = case.apply(model=case.faulty("busy"), scaling=scaling)
    wait_until_scaled(served)
    stable = served.revision("stable")
    with case.traffic() as client:
        client.start(CAPACITY * 0.8)
        wait_for_pods(served, 2)
        case.apply(version="2", scaling=scaling, rollout={**WAITS_AT_20, "steps": [{"weight": 50}]})
        served.wait_until_split(50)
        client.stop()
        # Each of the two has a part of a load that is no more: a scaler alone would take pods from both.
        client.start(1)
        wait_for("half a minute of little load", lambda: client.tally().sent > CAPACITY * 0.8 * 20 + 30, seconds=90)
        assert pods(served, stable) >= 2
        assert pods(served, served.revision("candidate")) >= 1
        served.promote()
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert pods(served, served.revision("stable")) >= 2


@pytest.mark.long
def test_cpu_is_followed_without_keda(case: Case) -> None:
    runtime = {"resources": {"requests": {"cpu": "100m"}}}
    served = case.apply(runtime=runtime, scaling={"maxReplicas": 2, "metrics": [{"type": "CPU", "target": 20}]})
    wait_until_scaled(served)
    assert case.cluster.kubectl("get", "scaledobjects", "--output=name", namespace=case.namespace) == ""
    with case.traffic() as client:
        client.start(60)
        wait_for_pods(served, 2)
        assert client.stop().failed == 0


def test_a_scaler_of_the_users_own_is_obeyed(case: Case) -> None:
    served = case.apply()
    served.wait_until_ready()
    case.cluster.kubectl("scale", "mdep/digits", "--replicas=2", namespace=case.namespace)
    wait_for_pods(served, 2)
    assert served.status["replicas"] == 2


@pytest.mark.long
@pytest.mark.usefixtures("disturbs")
def test_pods_stay_while_prometheus_or_keda_is_down(case: Case) -> None:
    served = case.apply(model=case.faulty("busy"), scaling=scaled(metrics=HALF_FULL))
    wait_until_scaled(served)
    with case.traffic() as client:
        client.start(CAPACITY * 0.8)
        wait_for_pods(served, 2)
        client.stop()
        with frozen_prometheus(case.cluster):
            found = served.wait_for_condition("Scaling", "False")
            assert "RequestRate" in found["message"] or "cannot be read" in found["message"], found
            assert pods(served) == 2
        served.wait_for_condition("Scaling", "True")
    kept = pods(served)
    with frozen(case.cluster, "keda", "app=keda-operator", "keda-operator"), case.traffic() as client:
        client.start(1)
        wait_for("half a minute without KEDA", lambda: client.tally().sent >= WITHOUT_KEDA_SECONDS, seconds=90)
        assert client.stop().failed == 0
        assert pods(served) >= min(kept, 2)
    served.wait_for_condition("Scaling", "True")


@pytest.mark.usefixtures("undisturbed")
def test_a_query_that_finds_nothing_is_named(case: Case) -> None:
    metrics = [{"type": "Query", "target": 1, "query": 'sum(no_such_metric{namespace="{{namespace}}"})'}]
    served = case.apply(scaling=scaled(metrics=metrics))
    served.wait_until_ready()
    found = served.wait_for_condition("Scaling", "False")
    assert "Query" in found["message"], found
    assert pods(served) == 1

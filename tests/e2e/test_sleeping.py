"""A model that nobody asks for has no pods; who asks then is answered all the same, over REST and gRPC."""

import pytest
from digits.cluster import wait_for
from digits.traffic import PROTOCOLS
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import wait_until_kiali_is_content
from tests.support.e2e.journey import Journey
from tests.support.e2e.promql import ask
from tests.support.e2e.rollouts import judged, serve_first
from tests.support.e2e.scaling import PATIENCE, SLEEP_AFTER_SECONDS, may_sleep, wait_until_asleep

pytestmark = pytest.mark.usefixtures("undisturbed")

AT_ONCE = 1000
# After a rollout, stable keeps its pods for five minutes before it may sleep.
SETTLED_SECONDS = 600


def test_a_thousand_requests_at_once_wake_a_model_and_all_are_answered(case: Case) -> None:
    served = case.apply(scaling=may_sleep())
    served.wait_until_ready()
    wait_until_asleep(served)
    wait_until_kiali_is_content(case, "asleep")
    with case.traffic(patience=PATIENCE) as client:
        total = client.burst(AT_ONCE, at_once=AT_ONCE)
    assert total.failed == 0, total.failures()
    assert [total.by_version(protocol)["1"] for protocol in PROTOCOLS] == [AT_ONCE // 2] * 2
    served.wait_for("it is awake", lambda seen: seen["scaling"]["state"] == "Awake")


@pytest.mark.long
def test_the_first_request_wakes_a_model_over_each_protocol(case: Case) -> None:
    served = case.apply(scaling=may_sleep())
    served.wait_until_ready()
    with case.traffic(patience=PATIENCE) as client:
        # The protocols take turns.
        for protocol in PROTOCOLS:
            wait_until_asleep(served)
            total = client.burst(1, at_once=1)
            assert total.failed == 0, total.failures()
            assert total.by_version(protocol) == {"1": 1}
            served.wait_for("it is awake", lambda seen: seen["scaling"]["state"] == "Awake")


@pytest.mark.long
def test_rare_requests_never_fail_whatever_they_meet(case: Case) -> None:
    """One request every so often, so that some of them meet a model that falls asleep, sleeps, and wakes up."""
    served = case.apply(scaling=may_sleep())
    served.wait_until_ready()
    with case.traffic(patience=PATIENCE) as client:
        for _ in range(3):
            wait_until_asleep(served)
            client.start(0.03)
            served.wait_for("it is awake", lambda seen: seen["scaling"]["state"] == "Awake")
            client.stop()
        total = client.stop()
    assert total.failed == 0, total.failures()


@pytest.mark.long
def test_a_sleeping_model_is_woken_for_a_new_version(case: Case) -> None:
    served = case.apply(scaling=may_sleep(), rollout=judged())
    served.wait_until_ready()
    wait_until_asleep(served)
    # As long as Prometheus remembers the pod, KEDA would wake it by itself.
    counted = f'count(increase(nv_inference_request_success{{namespace="{case.namespace}"}}[{SLEEP_AFTER_SECONDS}s]))'
    wait_for("nothing is measured any more", lambda: ask(case.cluster, counted) == 0, seconds=60)
    case.apply(version="2", scaling=may_sleep(), rollout={"strategy": "Direct", "drain": "5s"})
    served.wait_for("version 2 is stable", lambda seen: seen["stable"]["version"].startswith("2-"))
    with case.traffic(patience=PATIENCE) as client:
        total = client.burst(20)
    assert total.failed == 0, total.failures()
    assert total.by_version() == {"2": 20}


@pytest.mark.long
def test_a_model_that_nobody_asks_gets_a_new_version_by_its_checks_and_sleeps_again(case: Case) -> None:
    served = serve_first(case, judged(), scaling=may_sleep())
    wait_until_asleep(served)
    with Journey(served) as journey:
        checked = judged(analysis={"deadline": "10m"}, checks={"smoke": True})
        case.apply(version="2", scaling=may_sleep(), rollout=checked)
        status = served.wait_for("version 2 is stable", lambda seen: seen["stable"]["version"].startswith("2-"), 300)
    assert "Paused" not in journey.states
    assert [check["name"] for check in status["rollout"]["checks"]["results"]] == ["smoke"]
    wait_until_asleep(served, SETTLED_SECONDS)
    with case.traffic(patience=PATIENCE) as client:
        total = client.burst(2, at_once=1)
    assert total.failed == 0, total.failures()
    assert total.by_version() == {"2": 2}

"""What a rollout stands on goes away in the middle of it: the operator, at any state, and Prometheus."""

import time

import pytest
from digits.model_deployment import ModelDeployment
from tests.support.e2e.case import Case
from tests.support.e2e.checks import comparison
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.processes import frozen_prometheus, kill_operator
from tests.support.e2e.rollouts import (
    RATE,
    judged,
    serve_first,
    wait_until_analyzed,
    wait_until_over,
    wait_until_paused,
    wait_until_rolled_back,
)

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("disturbs")]

OUTAGE_SECONDS = 120


def kill_at(case: Case, served: ModelDeployment, state: str, reason: str | None = None) -> None:
    """Wait until the rollout is in a state and kill the operator."""

    def is_there(status: dict[str, dict[str, str]]) -> bool:
        rollout = status["rollout"]
        return rollout["state"] == state and reason in (None, rollout["reason"])

    served.wait_for(f"the rollout is {reason or state}", is_there)
    kill_operator(case.cluster)


def test_promotion_survives_the_death_of_the_operator_at_every_state(case: Case) -> None:
    checks = {"items": [comparison(case)]}
    rollout = judged(steps=[{"weight": 20, "hold": "20s"}, {"weight": 50}], checks=checks)
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        kill_at(case, served, "Preparing", "StartingPods")
        kill_at(case, served, "Preparing", "RunningChecks")
        kill_at(case, served, "Propagating")
        kill_at(case, served, "Analyzing")
        kill_at(case, served, "Paused", "AwaitingPromotion")
        served.promote()
        kill_at(case, served, "Promoting")
        served.wait_for("the old version drains", lambda seen: seen["rollout"].get("retiring"))
        kill_operator(case.cluster)
        served.wait_until_ready()
        wait_until_over(served)
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


def test_evidence_survives_the_death_of_the_operator(case: Case) -> None:
    # Far more evidence is asked for than comes, so that the judge is never done.
    rollout = judged(analysis={"judge": {"negligiblePercent": 0.01}, "deadline": "10m"})
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        wait_until_analyzed(served, 20)
        served.wait_for("some requests are counted", lambda status: counted(status) > 100)
        before = counted(served.status)
        kill_operator(case.cluster)
        served.wait_for("more requests are counted", lambda status: counted(status) > before)
        after, sent = counted(served.status), client.tally().by_version()["2"]
    assert before < after <= sent


def counted(status: dict[str, dict[str, dict[str, list[dict[str, dict[str, int]]]]]]) -> int:
    """Return how many of the candidate's requests the judge has counted."""
    metrics = (status["rollout"].get("analysis") or {}).get("metrics") or []
    return metrics[0]["candidate"]["requests"] if metrics else 0


def test_rollback_survives_the_death_of_the_operator(case: Case) -> None:
    served = serve_first(case, judged())
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=judged())
        wait_until_analyzed(served, 20)
        served.abort()
        kill_at(case, served, "RollingBack")
        status = wait_until_rolled_back(served)
        wait_until_over(served)
        total = client.stop()
    assert status["rollout"]["failed"]["reason"] == "Aborted"
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "1")


def test_rollout_waits_while_prometheus_is_away(case: Case) -> None:
    rollout = judged(analysis={"provider": "Prometheus", "deadline": "10m"})
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        wait_until_analyzed(served, 20)
        with frozen_prometheus(case.cluster):
            began = time.monotonic()
            status = wait_until_paused(served, "MetricsUnavailable")
            assert status["candidate"]["weight"] == 20
            time.sleep(max(0.0, began + OUTAGE_SECONDS - time.monotonic()))  # not for a condition: it is to last
            assert served.status["candidate"]["weight"] == 20
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")

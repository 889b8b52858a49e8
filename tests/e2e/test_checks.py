"""Checks before traffic: what a candidate is asked by a Job of its namespace before any client gets an answer of it."""

import pytest
from digits.model_deployment import ModelDeployment
from tests.support.e2e.case import Case
from tests.support.e2e.checks import accuracy, comparison, dataset_on_s3, example, impossible, latency
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.faulty_models import NONSENSE
from tests.support.e2e.journey import Journey
from tests.support.e2e.rollouts import RATE, WAITS, judged, serve_first, wait_until_paused, wait_until_rolled_back
from tests.support.e2e.sources import Sources

pytestmark = pytest.mark.usefixtures("undisturbed")


def results(served: ModelDeployment) -> dict[str, bool]:
    """Return which checks the status tells of, and whether each passed."""
    return {result["name"]: result["passed"] for result in served.status["rollout"]["checks"]["results"]}


def test_nonsense_is_stopped_before_any_client_sees_it(case: Case) -> None:
    rollout = judged(checks={"items": [comparison(case)]})
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(model=case.faulty("nonsense"), rollout=rollout)
        status = wait_until_rolled_back(served)
        total = client.stop()
    failed = status["rollout"]["failed"]
    assert failed["reason"] == "CheckFailed"
    assert "agreement" in failed["message"]
    assert results(served) == {"agreement": False}
    assert journey.weights == [0]
    assert total.by_version()[NONSENSE] == 0
    assert total.failed == 0, total.failures()
    served.wait_for_condition("Ready", "False", "CheckFailed")


def test_checks_of_every_kind_pass_for_a_good_version(case: Case, sources: Sources) -> None:
    """With data sets in a ConfigMap, and in a bucket from which the Job fetches it."""
    held_out = dataset_on_s3(case, sources)
    checks = [example(case, "2"), accuracy(case, 95, held_out), latency(case), comparison(case)]
    rollout = judged(steps=WAITS, checks={"items": checks})
    served = serve_first(case, rollout)
    case.apply(version="2", rollout=rollout)
    wait_until_paused(served, "AwaitingPromotion")
    assert results(served) == {"example": True, "accuracy": True, "latency": True, "agreement": True}
    served.promote()
    served.wait_until_ready()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_one_failing_check_is_enough(case: Case) -> None:
    rollout = judged(checks={"items": [example(case, "2"), accuracy(case, 99.9)]})
    served = serve_first(case, rollout)
    case.apply(version="2", rollout=rollout)
    wait_until_rolled_back(served)
    assert results(served) == {"example": True, "accuracy": False}
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_checks_that_cannot_run_give_no_traffic(case: Case) -> None:
    rollout = judged(checks={"items": [impossible()], "timeout": "30s"})
    served = serve_first(case, rollout)
    with Journey(served) as journey:
        case.apply(version="2", rollout=rollout)
        failed = wait_until_rolled_back(served)["rollout"]["failed"]
    assert failed["reason"] in ("ChecksNotRun", "CheckFailed")
    assert "nowhere" in failed["message"]
    assert journey.weights == [0]

"""Candidates are judged by what they do with real traffic: good ones take over alone, bad ones are rolled back alone.

A client sends requests all the time, over REST and gRPC, and counts every answer.
"""

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment, condition
from digits.traffic import Tally
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.faulty_models import SOUND, Fault
from tests.support.e2e.journey import Journey
from tests.support.e2e.model_server import MALFORMED
from tests.support.e2e.rollouts import (
    LATENCY_OBJECTIVE,
    RATE,
    WAITS,
    judged,
    serve_first,
    wait_until_over,
    wait_until_paused,
    wait_until_rolled_back,
)

pytestmark = pytest.mark.usefixtures("undisturbed")


def roll_out_faulty(case: Case, served: ModelDeployment, fault: Fault, rollout: dict[str, object]) -> Tally:
    """Roll a faulty version out under steady traffic until it is rolled back, and return the count of the whole run."""
    with case.traffic() as client:
        client.start(RATE)
        case.apply(model=case.faulty(fault), rollout=rollout)
        wait_until_rolled_back(served)
        return client.stop()


def failure(served: ModelDeployment) -> dict[str, str]:
    """Return why the last rollout failed, as conditions and state agree on it."""
    status = served.status
    failed: dict[str, str] = status["rollout"]["failed"]
    assert condition(status, "Ready")["reason"] == failed["reason"]
    assert condition(status, "RolloutPassed")["reason"] == failed["reason"]
    assert failed["message"] in condition(status, "RolloutPassed")["message"]
    assert status["phase"] == "Degraded"
    assert status["stable"]["weight"] == 100
    return failed


@pytest.mark.parametrize("provider", ["Prometheus", pytest.param("Triton", marks=pytest.mark.long)])
def test_good_version_goes_through_all_steps_alone(case: Case, provider: str) -> None:
    rollout = judged(analysis={"provider": provider})
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        status = served.wait_until_ready()
        total = client.stop()
    assert status["stable"]["version"].startswith("2-")
    assert journey.weights == [0, 20, 50, 100, 0]
    assert "Paused" not in journey.states
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.parametrize("provider", ["Prometheus", "Triton"])
def test_version_that_fails_is_rolled_back_before_it_harms(case: Case, provider: str) -> None:
    rollout = judged(analysis={"provider": provider})
    served = serve_first(case, rollout)
    total = roll_out_faulty(case, served, "fails", rollout)
    assert failure(served)["reason"] in ("GuardExceeded", "AnalysisFailed")
    assert total.failed < 0.05 * total.sent, total.by_kind()
    assert set(total.by_kind()) <= {"REST HTTP 500", "gRPC INTERNAL"}
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_slow_version_is_rolled_back(case: Case) -> None:
    rollout = judged(analysis={"latencyObjectiveMilliseconds": LATENCY_OBJECTIVE})
    served = serve_first(case, rollout)
    total = roll_out_faulty(case, served, "slow", rollout)
    failed = failure(served)
    assert failed["reason"] == "AnalysisFailed"
    assert "slow" in failed["message"]
    assert 1000 * total.latency(SOUND, 5) > LATENCY_OBJECTIVE
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_version_that_refuses_what_clients_send_is_rolled_back(case: Case) -> None:
    served = serve_first(case, judged())
    total = roll_out_faulty(case, served, "rejects", judged())
    failed = failure(served)
    assert failed["reason"] == "AnalysisFailed"
    assert "rejections" in failed["message"]
    assert total.failed < 0.15 * total.sent, total.by_kind()
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_version_that_crashes_under_traffic_is_rolled_back(case: Case) -> None:
    served = serve_first(case, judged())
    total = roll_out_faulty(case, served, "crashes", judged())
    assert failure(served)["reason"] in ("NoReadyReplica", "GuardExceeded", "AnalysisFailed")
    assert total.failed < 0.05 * total.sent, total.by_kind()
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_version_that_cannot_load_never_gets_traffic(case: Case) -> None:
    rollout = judged(progressDeadlineSeconds=60)
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(model=case.model("2", uri=case.server.uri(MALFORMED)), rollout=rollout)
        wait_until_rolled_back(served)
        status = wait_until_over(served)
        total = client.stop()
    assert failure(served)["reason"] == "ModelLoadFailed"
    assert_log_can_be_read(case, status)
    assert journey.weights == [0]
    assert total.by_version() == {"1": total.sent}


def assert_log_can_be_read(case: Case, status: Manifest) -> None:
    """Type what the message says: one pod of the version that failed is left, and says why Triton ends."""
    (kept,) = status["rollout"]["retiring"]
    command = condition(status, "Ready")["message"].partition(" for its log: kubectl ")[2]
    assert kept["revision"] in command
    # The container may have just started again.
    wait_for("the log says why", lambda: "failed to load" in case.cluster.kubectl(*command.split()), seconds=60)
    pods = case.cluster.list("Pod", case.namespace, f"nereid.dev/revision={kept['revision']}")
    assert sum("deletionTimestamp" not in pod["metadata"] for pod in pods) == 1


@pytest.mark.long
def test_paused_version_that_goes_bad_is_rolled_back(case: Case) -> None:
    rollout = judged(steps=WAITS)
    served = serve_first(case, rollout)
    case.apply(model=case.faulty("fails"), rollout=rollout)
    wait_until_paused(served, "AwaitingPromotion")
    with case.traffic() as client:
        client.start(RATE)
        wait_until_rolled_back(served)
    assert failure(served)["reason"] in ("GuardExceeded", "AnalysisFailed")


@pytest.mark.long
def test_hardly_any_traffic_pauses_until_the_user_decides(case: Case) -> None:
    rollout = judged(analysis={"deadline": "10s"})
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(1)
        case.apply(version="2", rollout=rollout)
        status = wait_until_paused(served, "Inconclusive")
        assert status["phase"] == "Paused"
        assert status["candidate"]["weight"] == 20
        assert "undecided" in condition(status, "Progressing")["message"]
        served.promote()
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_default_steps_suit_little_traffic(case: Case) -> None:
    """About 110 requests make a pass here: too many for 10% of one per second, and few enough for half of it."""
    rollout = {key: value for key, value in judged().items() if key != "steps"}
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(1)
        case.apply(version="2", rollout=rollout)
        served.wait_for("version 2 is stable", lambda seen: seen["stable"]["version"].startswith("2-"), 900)
        total = client.stop()
    assert journey.weights == [0, 10, 50, 100, 0]
    assert "Paused" not in journey.states
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_paused_as_inconclusive_goes_on_once_there_is_traffic(case: Case) -> None:
    rollout = judged(analysis={"deadline": "10s"})
    served = serve_first(case, rollout)
    case.apply(version="2", rollout=rollout)
    wait_until_paused(served, "Inconclusive")
    with case.traffic() as client:
        client.start(RATE)
        served.wait_until_ready()
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_inconclusive_takes_back_where_the_spec_says_so(case: Case) -> None:
    rollout = judged(analysis={"deadline": "10s", "onInconclusive": "Rollback"})
    served = serve_first(case, rollout)
    case.apply(version="2", rollout=rollout)
    wait_until_rolled_back(served)
    assert failure(served)["reason"] == "Inconclusive"
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_query_of_the_users_own_takes_back(case: Case) -> None:
    query = {
        "name": "pods",
        "query": 'count(up{namespace="{{namespace}}",pod=~"{{workload}}-.*"})',
        "max": 0,
        "failureLimit": 2,
    }
    rollout = judged(analysis={"provider": "Prometheus", "queries": [query]})
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        wait_until_rolled_back(served)
        total = client.stop()
    failed = failure(served)
    assert failed["reason"] == "QueryFailed"
    assert "pods" in failed["message"]
    assert total.failed == 0, total.failures()


def test_version_that_fails_only_some_time_after_it_got_everything_is_rolled_back_in_the_bake(case: Case) -> None:
    rollout = judged(strategy="Direct", bake="60s")
    served = serve_first(case, rollout)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(model=case.faulty("tires"), rollout=rollout)
        wait_until_rolled_back(served)
        client.stop()
    assert failure(served)["reason"] == "GuardExceeded"
    states = [stage.state for stage in journey.stages]
    assert "Baking" in states
    assert "Completed" not in states[states.index("Baking") :]
    assert_only_version_answers(case, "1")

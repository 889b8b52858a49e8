"""Judged rollouts: the operator asks a Prometheus, whose samples the test writes, and does what these say."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.api.control_plane import ControlPlane
from tests.support.api.fake_prometheus import FakePrometheus, Traffic
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.mortal_operator import MortalOperator, status_write
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.routes import destinations
from tests.support.api.waiting import wait_until

NEXT = {"uri": "pvc://models/digits/2"}
Record = Callable[[str], Recording]


@pytest.fixture
def operator(new_operator: Callable[..., Operator], prometheus: FakePrometheus) -> Operator:
    """An operator that knows the test's Prometheus."""
    running = new_operator(NEREID_PROMETHEUS_URL=prometheus.url)
    running.start()
    return running


def judged(*weights: int, **analysis: object) -> Object:
    """Return a canary that is judged as often as may be."""
    steps = [{"weight": weight, "hold": "1s"} for weight in weights]
    return {"steps": steps, "drain": "0s", "analysis": {"interval": "5s", **analysis}}


def begin(models: Models, name: str = "digits", **rollout: object) -> str:
    """Begin a rollout to a second revision, and return its id."""
    models.create(name, rollout=rollout or judged(10, 50))
    models.wait_settled(name)
    models.change(name, model=NEXT)
    candidate = wait_until(lambda: models.candidate(name), seconds=15, what=f"a candidate of {name}")
    assert candidate
    return candidate


def time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def counted(statuses: list[Object], role: str) -> list[tuple[float, int, int]]:
    """Return until when, how many requests and how many errors status told of, each time."""
    analyses = [status["rollout"]["analysis"] for status in statuses if "analysis" in status["rollout"]]
    return [
        (time(one["sampledAt"]), metric[role]["requests"], metric[role]["bad"])
        for one in analyses
        for metric in one["metrics"]
        if metric["name"] == "errors"
    ]


def assert_counted_without_gap(prometheus: FakePrometheus, statuses: list[Object]) -> None:
    """Each status must tell of just the requests that there were since the first traffic, of both revisions."""
    begun = next(time(one["rollout"]["analysis"]["sampledAt"]) for one in statuses if "analysis" in one["rollout"])
    candidate, stable = (one["revision"] for one in statuses[-1]["history"])
    for role, revision in (("candidate", candidate), ("stable", stable)):
        told = counted(statuses, role)
        assert len(told) > 2
        for until, requests, errors in told:
            assert (requests, errors) == prometheus.counted(f"digits-{revision}", begun, until)


@pytest.mark.usefixtures("operator")
def test_good_candidate_passes_all_steps(models: Models, prometheus: FakePrometheus, record: Record) -> None:
    seen, routes = record("ModelDeployment"), record("VirtualService")
    candidate = begin(models)
    assert models.wait_settled(seconds=90)["status"]["stable"]["revision"] == candidate
    statuses = [one["status"] for one in seen.of("digits") if one.get("status", {}).get("candidate")]
    weights = [destinations(one).get(f"digits-{candidate}", 0) for one in routes.of("digits")]
    assert list(dict.fromkeys(weights)) == [0, 10, 50, 100]
    states = [status["rollout"]["state"] for status in statuses if status["candidate"]["revision"] == candidate]
    assert list(dict.fromkeys(states)) == ["Preparing", "Propagating", "Analyzing", "Promoting"]
    assert_counted_without_gap(prometheus, [one["status"] for one in seen.of("digits") if "status" in one])
    models.wait_for_events("RolloutCompleted")


@pytest.mark.parametrize(("errors", "reason"), [(24, "AnalysisFailed"), (200, "GuardExceeded")])
@pytest.mark.usefixtures("operator")
def test_failing_candidate_is_rolled_back(
    models: Models, prometheus: FakePrometheus, record: Record, errors: int, reason: str
) -> None:
    routes = record("VirtualService")
    candidate = begin(models)
    stable = models.stable()
    prometheus.traffic[f"digits-{candidate}"] = Traffic(errors=errors)
    failed = models.wait_for("Failed", reason, seconds=60)["rollout"]["failed"]
    assert failed["revision"] == candidate
    assert f"{errors / 400:.1%} of" in failed["message"]
    weights = [destinations(one).get(f"digits-{candidate}", 0) for one in routes.of("digits")]
    assert list(dict.fromkeys(weights)) == [0, 10]
    assert weights[-1] == 0
    passed, ready = models.condition("RolloutPassed"), models.condition("Ready")
    assert (passed["status"], passed["reason"]) == ("False", reason)
    assert (ready["status"], models.status()["phase"]) == ("False", "Degraded")
    assert models.stable() == stable
    models.wait_for_events("RolledBack")
    assert f"kubectl logs --namespace {models.namespace} deployment/digits-{candidate}" in ready["message"]
    wait_until(
        lambda: [one.get("drained") for one in models.rollout()["retiring"]] == [True],
        seconds=20,
        what="a single pod being left, for its log",
    )
    models.change("digits", rollout={**judged(10, 50), "keepFailedPod": "0s"})
    models.wait_without_pods(candidate)


@pytest.mark.usefixtures("operator")
def test_query_beyond_its_limit_takes_the_candidate_back(models: Models, prometheus: FakePrometheus) -> None:
    prometheus.values["queue_duration"] = 5.0
    query = {"name": "queue", "query": 'queue_duration{pod=~"{{workload}}-.+"}', "max": 4, "failureLimit": 1}
    candidate = begin(models, **judged(10, queries=[query]))
    failed = models.wait_for("Failed", "QueryFailed", seconds=40)["rollout"]["failed"]
    assert "queue" in failed["message"]
    assert any(f'queue_duration{{pod=~"digits-{candidate}-.+"}}' in asked for asked in prometheus.asked)


@pytest.mark.usefixtures("operator")
def test_rollout_waits_for_a_prometheus_that_is_down(models: Models, prometheus: FakePrometheus) -> None:
    prometheus.stop()
    candidate = begin(models, **judged(10))
    analysis = models.wait_for("Paused", "MetricsUnavailable", seconds=60)["rollout"]["analysis"]
    assert analysis["errors"] >= 4
    assert "cannot be reached" in analysis["error"]
    assert models.status()["candidate"]["weight"] == 10
    models.wait_for_events("MetricsUnavailable")
    prometheus.start()
    assert models.wait_settled(seconds=60)["status"]["stable"]["revision"] == candidate


@pytest.mark.usefixtures("operator")
def test_hanging_prometheus_delays_nobody_else(models: Models, prometheus: FakePrometheus) -> None:
    prometheus.hanging.add("slow-")
    begin(models, "slow", **judged(10))
    wait_until(
        lambda: any("slow-" in asked for asked in prometheus.asked), seconds=30, what="a query that gets no answer"
    )
    begin(models, "digits", **judged(10))
    models.wait_settled(seconds=60)
    assert models.rollout("slow")["state"] in ("Analyzing", "Paused")
    assert models.status("slow")["candidate"]["weight"] == 10
    # And what else there is to do for it is done at once.
    models.kubernetes.delete("VirtualService", models.namespace, "slow")
    wait_until(
        lambda: models.kubernetes.find("VirtualService", models.namespace, "slow"), seconds=5, what="the route of slow"
    )


@pytest.fixture
def mortal(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, prometheus: FakePrometheus
) -> Iterator[MortalOperator]:
    operator = MortalOperator(
        control_plane, tmp_path, counts=status_write, namespaces=namespace, NEREID_PROMETHEUS_URL=prometheus.url
    )
    operator.start()
    yield operator
    operator.stop()


def test_evidence_outlives_the_operator(
    models: Models, mortal: MortalOperator, prometheus: FakePrometheus, record: Record
) -> None:
    seen = record("ModelDeployment")
    models.create(rollout=judged(10, 50))
    mortal.live_until(models.is_settled, "the first revision being ready")
    first = models.stable()
    models.change(model=NEXT)
    mortal.live_until(models.is_settled, "the rollout of the second revision")
    assert models.stable() != first
    statuses = [one["status"] for one in seen.of("digits") if "status" in one]
    assert_counted_without_gap(prometheus, statuses)
    assert len(mortal.killed_at) > 10

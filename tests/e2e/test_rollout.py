"""How a new version takes over, and how it does not: split, promotion, abort, timed steps, changes on the way."""

import json
from collections import Counter

import pytest
from digits.model_deployment import ModelDeployment
from digits.pods import helper_pod
from digits.traffic import PROTOCOLS
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers, is_a_fifth, wait_until_alone
from tests.support.e2e.mesh_client import MeshClient

REQUESTS = 2000
BY_TIME_ALONE = {
    "steps": [{"weight": 30, "hold": "10s"}, {"weight": 60, "hold": "10s"}],
    "drain": "5s",
    "analysis": {"provider": "None"},
}


def begin_rollout(case: Case, version: str = "2") -> ModelDeployment:
    """Serve version 1 and stop with another version at 20%."""
    case.apply(version="1").wait_until_ready()
    served = case.apply(version=version)
    served.wait_until_split(20)
    return served


def client_in_mesh(case: Case) -> MeshClient:
    command = ["python3", "-c", "import signal; signal.pause()"]
    case.cluster.apply(
        helper_pod("client", case.cluster.operator_image, command, in_mesh=True), namespace=case.namespace
    )
    case.cluster.wait_for_pod("client", case.namespace)
    return MeshClient(case.cluster, case.namespace, "client")


def ask_in_mesh(case: Case, client: MeshClient, requests: int) -> Counter[str]:
    """Send the first held-out image to the root Service and return the versions that answered."""
    tensor = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": case.digits.images[0].tolist()}
    body = json.dumps({"inputs": [tensor], "outputs": [{"name": "probabilities"}]})
    outcomes = client.ask("http://digits:8000/v2/models/digits/infer", body, requests)
    answered: Counter[str] = Counter()
    for outcome, count in outcomes.items():
        answered[version_of(case, outcome)] += count
    return answered


def version_of(case: Case, outcome: str) -> str:
    """Return the version whose probabilities for the first image an in-mesh outcome shows; else the outcome itself."""
    if outcome.startswith("["):
        for version, trained in case.digits.versions.items():
            if json.loads(outcome) == pytest.approx(trained.probabilities[0].tolist(), abs=1e-3):
                return version
    return outcome


@pytest.mark.long
def test_split_then_promotion(case: Case) -> None:
    served = begin_rollout(case)
    inside = client_in_mesh(case)
    with case.traffic() as outside:
        tally = outside.burst(REQUESTS)
    assert tally.failed == 0, tally.failures()
    assert is_a_fifth(tally.by_version()["2"], of=REQUESTS)
    for protocol in PROTOCOLS:
        assert is_a_fifth(tally.by_version(protocol)["2"], of=REQUESTS // 2), protocol
    answered = ask_in_mesh(case, inside, REQUESTS)
    assert answered["1"] + answered["2"] == REQUESTS, answered
    assert is_a_fifth(answered["2"], of=REQUESTS)

    candidate = served.revision("candidate")
    served.promote()
    status = served.wait_until_ready()
    assert status["stable"]["revision"] == candidate
    assert_only_version_answers(case, "2")
    assert ask_in_mesh(case, inside, 200) == {"2": 200}
    wait_until_alone(served, candidate)


@pytest.mark.long
def test_abort(case: Case) -> None:
    served = begin_rollout(case)
    stable, candidate = served.revision("stable"), served.revision("candidate")
    served.abort()
    failed = served.wait_for_condition("Ready", "False", "Aborted")
    assert candidate in failed["message"]
    status = served.wait_for("the rollback is over", lambda seen: seen["rollout"]["state"] == "Failed")
    assert status["stable"]["revision"] == stable
    assert status["phase"] == "Degraded"
    assert_only_version_answers(case, "1")
    wait_until_alone(served, stable)


@pytest.mark.long
def test_steps_without_analysis_go_by_time(case: Case) -> None:
    case.apply(version="1", rollout=BY_TIME_ALONE).wait_until_ready()
    served = case.apply(version="2", rollout=BY_TIME_ALONE)
    for weight in (30, 60):
        served.wait_until_split(weight)
    status = served.wait_until_ready()
    assert status["stable"]["version"].startswith("2-")
    assert_only_version_answers(case, "2")


@pytest.mark.long
def test_new_revision_supersedes_the_candidate(case: Case) -> None:
    served = begin_rollout(case)
    stable, second = served.revision("stable"), served.revision("candidate")
    case.apply(version="3")
    status = served.wait_until_split(20)
    assert status["stable"]["revision"] == stable
    assert status["candidate"]["revision"] != second
    with case.traffic() as client:
        tally = client.burst(500)
    assert set(tally.by_version()) == {"1", "3"}
    served.promote()
    assert served.wait_until_ready()["stable"]["version"].startswith("3-")
    assert_only_version_answers(case, "3")


def test_spec_set_back_is_an_abort_without_blame(case: Case) -> None:
    served = begin_rollout(case)
    stable = served.revision("stable")
    case.apply(version="1")
    status = served.wait_until_ready()
    assert status["stable"]["revision"] == stable
    assert "failed" not in status["rollout"]
    assert_only_version_answers(case, "1")
    wait_until_alone(served, stable)

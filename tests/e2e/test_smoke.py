"""Without a line of configuration: what answers nothing meets no client, and what nobody reaches is not Ready."""

import pytest
from digits.model_deployment import condition
from tests.support.e2e.case import WAITS_AT_20, Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.journey import Journey
from tests.support.e2e.rollouts import RATE, wait_until_paused, wait_until_rolled_back

pytestmark = pytest.mark.usefixtures("undisturbed")

# It says something of checks, and leaves them at their defaults.
DEFAULTS = {**WAITS_AT_20, "checks": {}}
# A look each half minute, and two minutes between the first and the last that agree.
TOLD_WITHIN = 300.0


def test_a_version_that_fails_every_inference_never_meets_a_client(case: Case) -> None:
    served = case.apply(version="1", rollout=DEFAULTS)
    served.wait_until_ready()
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(model=case.faulty("broken"), rollout=DEFAULTS)
        failed = wait_until_rolled_back(served)["rollout"]["failed"]
        total = client.stop()
    assert failed["reason"] == "CheckFailed"
    assert "the model lost all of its weights" in failed["message"]
    assert journey.weights == [0]
    assert total.failed == 0, total.failures()
    assert total.by_version()["broken"] == 0
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_a_version_that_answers_goes_on_to_its_first_step(case: Case) -> None:
    served = case.apply(version="1", rollout=DEFAULTS)
    served.wait_until_ready()
    case.apply(version="2", rollout=DEFAULTS)
    status = wait_until_paused(served, "AwaitingPromotion")
    (result,) = status["rollout"]["checks"]["results"]
    assert (result["name"], result["message"]) == ("smoke", "a request made from its metadata is answered")


def test_a_first_version_that_fails_every_inference_is_not_routed_until_it_is_fixed(case: Case) -> None:
    served = case.apply(model=case.faulty("broken"), rollout=DEFAULTS)
    failed = served.wait_for_condition("Ready", "False", "CheckFailed")
    assert "the model lost all of its weights" in failed["message"]
    assert served.status["phase"] == "Failed"
    assert not served.cluster.list("VirtualService", case.namespace, "nereid.dev/model-deployment=digits")
    with case.traffic() as client:
        assert client.burst(20).failed == 20

    case.apply(version="1", rollout=DEFAULTS)
    served.wait_until_ready()
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_a_model_whose_callers_are_all_denied_is_not_ready(case: Case) -> None:
    served = case.apply(version="1")
    served.wait_until_ready()
    denial = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "deny-all"},
        "spec": {"selector": {"matchLabels": {"app": "digits"}}, "action": "DENY", "rules": [{}]},
    }
    case.cluster.apply(denial, namespace=case.namespace)
    with case.traffic() as client:
        client.start(RATE)
        told = served.wait_for_condition("Ready", "False", "RequestsFailing", seconds=TOLD_WITHIN)
        assert "HTTP 403" in told["message"] or "gRPC 7" in told["message"]
        assert condition(served.status, "Available")["status"] == "True"
        case.cluster.kubectl("delete", "authorizationpolicy", "deny-all", namespace=case.namespace)
        served.wait_until_ready()
        client.stop()
    assert_only_version_answers(case, "1")

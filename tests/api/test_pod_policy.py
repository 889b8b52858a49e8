"""What whoever installed the operator does not allow of pods is told, and stops nothing that runs."""

from collections.abc import Callable

import pytest
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

PRIVILEGED = {"podTemplate": {"spec": {"hostNetwork": True}}}


@pytest.mark.usefixtures("operator")
def test_pods_beyond_the_policy_are_not_made_and_their_author_is_told(models: Models) -> None:
    models.create(runtime=PRIVILEGED)
    told = models.wait_ready("PolicyViolation")
    assert "spec.hostNetwork" in told["message"]
    assert "models.podSecurity" in told["message"]
    assert models.children() == {}
    models.change(runtime=None)
    serving = models.wait_settled()["status"]["stable"]["revision"]
    models.change(runtime=PRIVILEGED)
    models.wait_ready("PolicyViolation")
    assert models.condition("SpecValid")["reason"] == "PolicyViolation"
    assert models.condition("Available")["status"] == "True"
    assert models.stable() == serving


def test_what_ran_before_the_policy_goes_on(models: Models, new_operator: Callable[..., Operator]) -> None:
    before = new_operator()
    before.start()
    models.create(runtime={"serviceAccountName": "reader"})
    serving = models.wait_settled()["status"]["stable"]["revision"]
    made = models.kubernetes.get("Deployment", models.namespace, f"digits-{serving}")["metadata"]["generation"]
    before.stop()

    new_operator(NEREID_ALLOWED_SERVICE_ACCOUNTS="writer").start()
    wait_until(
        lambda: models.condition("SpecValid")["reason"] == "RunsBeyondPolicy", seconds=20, what="the policy being told"
    )
    assert models.wait_settled()["status"]["stable"]["revision"] == serving
    deployment = models.kubernetes.get("Deployment", models.namespace, f"digits-{serving}")
    assert deployment["metadata"]["generation"] == made
    models.change(scaling={"minReplicas": 2})
    assert models.wait_settled()["status"]["stable"]["replicas"] == 2

    models.change(model={"version": "2"})
    assert "choose one of writer" in models.wait_ready("PolicyViolation")["message"]
    assert models.stable() == serving
    models.change(runtime={"serviceAccountName": "writer"})
    assert models.wait_settled()["status"]["stable"]["revision"] != serving

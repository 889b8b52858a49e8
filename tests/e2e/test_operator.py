"""The operator may die at any moment: rollouts continue, and deletion does not need it."""

import pytest
from digits.cluster import Cluster, wait_for
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.processes import kill_operator, operator_is_ready, operator_pods

RATE = 20
CHILDREN = ("ControllerRevision", "Deployment", "ReplicaSet", "Service", "DestinationRule", "VirtualService")


@pytest.mark.usefixtures("disturbs")
def test_rollout_continues_after_the_operator_is_killed(case: Case) -> None:
    served = case.apply(version="1")
    served.wait_until_ready()
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2")
        served.wait_for("the candidate's pods start", lambda seen: seen["rollout"]["state"] == "Preparing")
        kill_operator(case.cluster)
        served.wait_until_split(20)
        served.promote()
        # Who looks now and then may see only that it is over.
        served.wait_for("the promotion begins", lambda seen: seen["rollout"]["state"] in ("Promoting", "Completed"))
        kill_operator(case.cluster)
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


@pytest.mark.long
@pytest.mark.usefixtures("disturbs")
def test_deletion_does_not_need_the_operator(case: Case) -> None:
    served = case.apply(version="1")
    served.wait_until_ready()
    assert not served.manifest["metadata"].get("finalizers")
    assert set(served.manifest["metadata"].get("annotations", {})) <= {
        "kubectl.kubernetes.io/last-applied-configuration"
    }
    scale_operator(case.cluster, 0)
    try:
        wait_for("the operator is gone", lambda: not operator_pods(case.cluster), seconds=60)
        case.cluster.kubectl("delete", "mdep", "digits", "--timeout=20s", namespace=case.namespace)
        wait_for("all children are gone", lambda: not leftovers(case), seconds=60, seen=lambda: leftovers(case))
    finally:
        scale_operator(case.cluster, 1)
        wait_for("the operator is back", lambda: operator_is_ready(case.cluster), seconds=90)
    wait_for("all pods are gone", lambda: not case.cluster.list("Pod", case.namespace), seconds=120)
    assert leftovers(case) == []


def scale_operator(cluster: Cluster, replicas: int) -> None:
    metadata = cluster.operator["metadata"]
    cluster.kubectl("scale", "deployment", metadata["name"], f"--replicas={replicas}", namespace=metadata["namespace"])


def leftovers(case: Case) -> list[str]:
    """Return what is still there of a ModelDeployment beside its pods, which need a while to end."""
    chosen = "nereid.dev/model-deployment=digits"
    return [
        f"{kind}/{found['metadata']['name']}"
        for kind in CHILDREN
        for found in case.cluster.list(kind, case.namespace, chosen)
    ]

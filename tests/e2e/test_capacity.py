"""Traffic moves to pods that are ready, and pods stay where requests may still come to."""

import time

import pytest
from digits.cluster import Manifest
from digits.model_deployment import condition, matches
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.quotas import no_new_pods
from tests.support.e2e.rollouts import RATE, WAITS, judged, serve_first, wait_until_over, wait_until_paused

pytestmark = pytest.mark.usefixtures("undisturbed")

PODS = 4
# One pod answers it alone for a while, on a machine that starts others.
FEW = 10
NOT_JUDGED = judged(steps=WAITS, analysis={"provider": "None"})
# Longer than everything that the case does, so that nothing has drained by then.
SLOW_DRAIN = {"strategy": "Direct", "drain": "2m", "analysis": {"provider": "None"}}
# From the change of the spec until every proxy has the route. Pods of Triton alone take as long to start.
SECONDS_BACK = 20


@pytest.mark.long
def test_promotion_that_loses_three_of_four_pods_waits_for_them(case: Case) -> None:
    served = serve_first(case, NOT_JUDGED, scaling={"minReplicas": PODS})
    stable = served.revision("stable")
    with case.traffic() as client:
        client.start(FEW)
        case.apply(version="2", rollout=NOT_JUDGED, scaling={"minReplicas": PODS})
        candidate = wait_until_paused(served, "AwaitingPromotion")["candidate"]["revision"]
        served.promote()
        served.wait_for("all traffic goes to it", lambda status: status["rollout"]["state"] == "Promoting")
        with no_new_pods(case):
            leave_one_pod(case, candidate)
            served.wait_for("a word of the one pod that is left", says_that_one_is_left)
            assert served.revision("stable") == stable
            assert ready_pods(case, stable) == PODS
        served.wait_until_ready()
        wait_until_over(served)
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


def test_reverted_right_after_its_promotion_is_back_in_seconds_with_the_pods_that_it_had(case: Case) -> None:
    served = serve_first(case, SLOW_DRAIN)
    first, pods = served.revision("stable"), pods_of(case, served.revision("stable"))
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=SLOW_DRAIN)
        served.wait_for("version 2 is stable", lambda status: status["stable"]["version"].startswith("2-"))
        begun = time.monotonic()
        case.apply(version="1", rollout=SLOW_DRAIN)
        served.wait_for("version 1 is stable again", lambda status: status["stable"]["revision"] == first)
        taken = time.monotonic() - begun
        total = client.stop()
    assert pods_of(case, first) == pods
    assert total.failed == 0, total.failures()
    assert taken < SECONDS_BACK
    assert_only_version_answers(case, "1")


def says_that_one_is_left(status: Manifest) -> bool:
    """Whether condition Ready says so; for a moment it may say that more are."""
    ready = condition(status, "Ready")
    return matches(ready, "False", "CandidateLacksPods") and f"1 of the {PODS} pods" in ready["message"]


def leave_one_pod(case: Case, revision: str) -> None:
    """Delete all pods of a revision but one."""
    surplus = sorted(pods_of(case, revision))[1:]
    case.cluster.kubectl("delete", "pod", "--wait=false", *surplus, namespace=case.namespace)


def pods_of(case: Case, revision: str) -> set[str]:
    """Return the names of a revision's pods."""
    found = case.cluster.list("Pod", case.namespace, f"nereid.dev/revision={revision}")
    return {pod["metadata"]["name"] for pod in found}


def ready_pods(case: Case, revision: str) -> int:
    """Return how many pods of a revision its Deployment counts as available."""
    found = case.cluster.list("Deployment", case.namespace, f"nereid.dev/revision={revision}")
    return sum(one["status"].get("availableReplicas", 0) for one in found)

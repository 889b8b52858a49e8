"""A status that is lost in the middle of a rollout costs no request, and nobody gains traffic by it."""

import json

import pytest
from tests.support.e2e.case import Case
from tests.support.e2e.rollouts import RATE, WAITS, judged, serve_first, wait_until_paused

pytestmark = pytest.mark.long


def test_status_wiped_in_mid_rollout_costs_no_request(case: Case) -> None:
    rollout = judged(steps=WAITS)
    served = serve_first(case, rollout)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout)
        before = wait_until_paused(served, "AwaitingPromotion")
        empty = json.dumps({"status": dict.fromkeys(before)})
        patch = ("patch", "mdep", "digits", "--subresource=status", "--type=merge", f"--patch={empty}")
        case.cluster.kubectl(*patch, namespace=case.namespace)
        after = wait_until_paused(served, "AwaitingPromotion")
        total = client.stop()
    assert total.failed == 0, total.failures()
    for role in ("stable", "candidate"):
        assert (after[role]["revision"], after[role]["weight"]) == (before[role]["revision"], before[role]["weight"])


def test_made_again_beside_its_orphans_with_the_next_version_keeps_the_good_one(case: Case) -> None:
    """As a replacement by GitOps does it: the version that fails has its part, and gets nothing more of it."""
    rollout = judged(steps=WAITS, analysis={"provider": "None"})
    served = serve_first(case, rollout)
    good = served.revision("stable")
    case.apply(model=case.faulty("fails"), rollout=rollout)
    wait_until_paused(served, "AwaitingPromotion")
    case.cluster.kubectl("delete", "mdep", "digits", "--cascade=orphan", namespace=case.namespace)
    case.apply(version="2", rollout=rollout)
    served.wait_for(
        "the next version has its part",
        lambda status: (
            (status.get("candidate") or {}).get("weight") == WAITS[0]["weight"]
            and status["candidate"]["version"].startswith("2-")
        ),
    )
    assert served.revision("stable") == good
    with case.traffic() as client:
        client.start(RATE)
        served.promote()
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()

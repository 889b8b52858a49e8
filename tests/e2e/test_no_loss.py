"""No request is lost: a steady client counts over every change that traffic is moved by."""

from functools import partial

import pytest
from digits.cluster import Manifest
from digits.model_deployment import ModelDeployment, is_split
from tests.support.e2e.case import WAITS_AT_20, Case

RATE = 50


def test_apply_split_promotion_and_abort_lose_nothing(case: Case) -> None:
    served = case.apply(version="1")
    served.wait_until_ready()
    with case.traffic() as client:
        client.start(RATE)
        roll_out(case, served, "2")
        served.promote()
        served.wait_until_ready()
        roll_out(case, served, "3")
        served.abort()
        wait_until_drained(served)
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert total.sent > RATE * 30
    assert set(total.by_version("REST")) == set(total.by_version("gRPC")) == {"1", "2", "3"}


def roll_out(case: Case, served: ModelDeployment, version: str) -> None:
    case.apply(version=version)
    served.wait_until_split(20)


def has_begun(status: Manifest, version: str) -> bool:
    """Whether a version has its share, or everything at once: so has one that has not drained since it was stable."""
    return is_split(status, 20) or ("candidate" not in status and status["stable"]["version"].startswith(f"{version}-"))


def wait_until_drained(served: ModelDeployment) -> None:
    """Wait until revisions without traffic have lost their pods."""
    served.wait_for("nothing is left to drain", lambda seen: not seen["rollout"].get("retiring"))


@pytest.mark.long
def test_ten_rollouts_in_a_row_lose_nothing(case: Case) -> None:
    served = case.apply(version="1", rollout=WAITS_AT_20)
    served.wait_until_ready()
    with case.traffic() as client:
        client.start(RATE)
        for version in ("2", "3", "1") * 3 + ("2",):
            case.apply(version=version)
            status = served.wait_for("a first share, or all traffic", partial(has_begun, version=version))
            if "candidate" in status:
                served.promote()
            served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()

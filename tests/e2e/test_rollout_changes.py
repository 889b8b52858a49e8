"""What people do while a rollout runs, or after it: change the spec, go back, try again, edit what is not theirs."""

import json
from typing import Any

import pytest
from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers, wait_until_alone
from tests.support.e2e.journey import Journey
from tests.support.e2e.rollouts import (
    RATE,
    judged,
    serve_first,
    wait_until_analyzed,
    wait_until_over,
    wait_until_rolled_back,
)

pytestmark = pytest.mark.usefixtures("undisturbed")

DIRECT = {"strategy": "Direct", "drain": "5s"}
SLOW_STEPS = [{"weight": 20, "hold": "10m"}]


@pytest.mark.long
def test_newer_version_takes_the_place_of_the_candidate(case: Case) -> None:
    served = serve_first(case, judged())
    stable = served.revision("stable")
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="2", rollout=judged())
        second = wait_until_analyzed(served, 20)["candidate"]["revision"]
        case.apply(version="3", rollout=judged())
        status = wait_until_analyzed(served, 20)
        assert status["stable"]["revision"] == stable
        assert status["candidate"]["revision"] != second
        mark = client.tally()
        served.wait_until_ready()
        total = client.stop()
    assert journey.weights == [0, 20, 0, 20, 50, 100, 0]
    assert total.since(mark).by_version()["2"] == 0
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "3")


@pytest.mark.long
def test_spec_set_back_in_the_middle_takes_the_candidate_back_at_once(case: Case) -> None:
    served = serve_first(case, judged())
    stable = served.revision("stable")
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=judged())
        wait_until_analyzed(served, 20)
        case.apply(version="1", rollout=judged())
        status = served.wait_until_ready()
        wait_until_over(served)
        total = client.stop()
    assert status["stable"]["revision"] == stable
    assert "failed" not in status["rollout"]
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "1")
    wait_until_alone(served, stable)


@pytest.mark.long
def test_edited_route_is_repaired_and_the_rollout_goes_on(case: Case) -> None:
    served = serve_first(case, judged())
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=judged())
        wait_until_analyzed(served, 20)
        before = route(case)
        edit_route(case, before)
        wait_for("the route is repaired", lambda: route(case)["spec"] == before["spec"], seconds=30)
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")


def route(case: Case) -> Manifest:
    """Return the VirtualService through which clients outside the mesh come."""
    found = case.cluster.list("VirtualService", case.namespace)
    return next(one for one in found if case.host() in one["spec"]["hosts"])


def edit_route(case: Case, found: Manifest) -> None:
    """Turn the shares of stable and candidate round, as by hand."""
    name, spec = (
        found["metadata"]["name"],
        json.dumps({"spec": {"http": [_turned(rule) for rule in found["spec"]["http"]]}}),
    )
    case.cluster.kubectl("patch", "virtualservice", name, "--type=merge", "--patch", spec, namespace=case.namespace)


def _turned(rule: dict[str, Any]) -> dict[str, Any]:
    weights = [destination["weight"] for destination in rule["route"]]
    turned = zip(rule["route"], reversed(weights), strict=True)
    return {**rule, "route": [{**destination, "weight": weight} for destination, weight in turned]}


def serve_second(case: Case) -> tuple[ModelDeployment, str, str]:
    """Serve version 1, then 2, and return both revisions."""
    served = serve_first(case, DIRECT)
    first = served.revision("stable")
    case.apply(version="2", rollout=DIRECT)
    second = served.wait_until_ready()["stable"]["revision"]
    return served, first, second


@pytest.mark.long
def test_rollback_by_hand_holds_until_the_spec_changes(case: Case) -> None:
    served, first, second = serve_second(case)
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=judged(steps=SLOW_STEPS))
        served.roll_back_to(first)
        status = served.wait_for("the first revision is stable", lambda seen: seen["stable"]["revision"] == first)
        assert status["rollout"]["pinned"] == {"revision": first, "insteadOf": second}
        wait_until_over(served)
        assert_only_version_answers(case, "1")

        case.apply(version="3", rollout=DIRECT)
        status = served.wait_until_ready()
        total = client.stop()
    assert status["stable"]["version"].startswith("3-")
    assert "pinned" not in status["rollout"]
    assert [served_before["revision"] for served_before in status["history"]][1:] == [first, second, first]
    assert total.failed == 0, total.failures()


@pytest.mark.long
def test_version_that_served_before_takes_the_fast_track(case: Case) -> None:
    served, first, _ = serve_second(case)
    rollout = judged(steps=SLOW_STEPS, fastTrack=True)
    with case.traffic() as client, Journey(served) as journey:
        client.start(RATE)
        case.apply(version="1", rollout=rollout)
        status = served.wait_until_ready()
        total = client.stop()
    assert status["stable"]["revision"] == first
    # Its pods may be there still, so that nobody sees it without traffic before.
    assert journey.weights in ([0, 100, 0], [100, 0])
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "1")


@pytest.mark.long
def test_failed_version_is_tried_again_when_told_to(case: Case) -> None:
    served = serve_first(case, judged())
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=judged())
        wait_until_analyzed(served, 20)
        served.abort()
        failed = wait_until_rolled_back(served)["rollout"]["failed"]
        assert failed["reason"] == "Aborted"
        served.retry()
        status = wait_until_analyzed(served, 20)
        assert status["rollout"]["attempt"] == failed["attempt"] + 1
        served.wait_until_ready()
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert_only_version_answers(case, "2")

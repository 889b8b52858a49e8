"""istiod goes away in the middle of a rollout: routes are accepted, and have no effect."""

import time

import pytest
from tests.support.e2e.case import Case
from tests.support.e2e.expectations import assert_only_version_answers
from tests.support.e2e.processes import frozen_istiod
from tests.support.e2e.rollouts import RATE, judged, serve_first, wait_until_analyzed, wait_until_over

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("alone")]

OUTAGE_SECONDS = 120


def test_rollout_waits_while_istiod_is_away(case: Case) -> None:
    # One pod serves any weight, as none could be started without istiod. Shares are compared with the weight after more
    # than a minute, as counters show what was before for so long: a shorter step would be over before.
    steps = [{"weight": 10, "hold": "10s"}, {"weight": 60, "hold": "2m"}]
    rollout = judged(steps=steps, analysis={"provider": "Prometheus", "deadline": "1m", "onInconclusive": "Rollback"})
    served = serve_first(case, rollout, scaling={"replicas": 1})
    with case.traffic() as client:
        client.start(RATE)
        case.apply(version="2", rollout=rollout, scaling={"replicas": 1})
        wait_until_analyzed(served, 10)
        with frozen_istiod(case.cluster):
            status = served.wait_for("the route has no effect", route_without_effect, seconds=300)
            assert (status["stable"]["weight"], status["candidate"]["weight"]) == (40, 60)
            time.sleep(OUTAGE_SECONDS)  # not for a condition: it is to last, longer than the deadline of the step
            status = served.status
            assert route_without_effect(status)
            assert "failed" not in status["rollout"]
            assert status["candidate"]["weight"] == 60
            assert (status["stable"]["readyReplicas"], status["candidate"]["readyReplicas"]) == (1, 1)
        served.wait_until_ready(seconds=300)
        wait_until_over(served)
        total = client.stop()
    assert total.failed == 0, total.failures()
    assert not route_without_effect(served.status)
    assert_only_version_answers(case, "2")


def route_without_effect(status: dict[str, list[dict[str, str]]]) -> bool:
    """Tell whether users are told that the mesh does not do what the route says."""
    return any(one["type"] == "RouteNotEffective" for one in status["conditions"])

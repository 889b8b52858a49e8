"""While it is not known what the spec asks for, a rollout may be rolled back, and gets no further."""

from dataclasses import replace

import pytest
from tests.support.scenario import NOW, PROPAGATION, rollout

from nereid.api.checks import CheckSpec, LatencyCheck

CHECK = CheckSpec(name="one", when="EachStep", latency=LatencyCheck(maximum_milliseconds=50))
CANARY = rollout().stable("a").candidate("b", weight=20)
JUDGED = rollout().judged().stable("a").candidate("b", weight=20)
NEW = rollout().stable("a").candidate("b")
LONG = 100_000


@pytest.mark.parametrize(
    "scenario",
    [
        NEW.preparing(1),
        NEW.preparing(LONG),
        NEW.checking(CHECK).preparing(LONG, "RunningChecks"),
        NEW.checking(CHECK).preparing(1, "RunningChecks").checked(("one", True)),
        CANARY.preparing(LONG),
        CANARY.propagating(PROPAGATION),
        CANARY.holding(LONG),
        JUDGED.analyzing(LONG).following(),
        CANARY.phase("Paused", LONG, "AwaitingPromotion"),
        CANARY.phase("Paused", LONG, "AwaitingPromotion").promote("b"),
        CANARY.direct().holding(LONG),
        CANARY.blue_green().propagating(PROPAGATION),
        CANARY.steps((100, None)).preparing(1),
    ],
)
def test_a_candidate_gets_no_further(scenario):
    decision = scenario.held().decide()
    assert decision.state.candidate == "b"
    assert decision.state.reason == "HeldBySpec"
    assert decision.state.exposure == scenario.state.exposure
    assert decision.check_run is None
    assert decision.requeue_after is None or decision.requeue_after > 0


def test_it_goes_on_where_it_was():
    kept = CANARY.holding(LONG).held().following()
    assert kept.state.reason == "HeldBySpec"
    back = replace(kept, is_held=False).decide().state
    assert (back.phase, back.reason, back.weight, back.since) == ("Holding", "HoldingWeight", 20, NOW)


def test_it_gets_no_pods_for_a_step_that_may_be_another_revisions():
    pods = {one.revision: one.replicas for one in CANARY.direct().holding(1).held().decide().live}
    assert pods["b"] == 1


def test_what_is_routed_everywhere_becomes_stable():
    everything = rollout().stable("a").candidate("b", weight=100, step=2).promoting(PROPAGATION)
    assert everything.held().decide().state.stable == "b"


def test_a_first_revision_becomes_stable():
    first = rollout().candidate("a", weight=100, step=2, ready=4)
    assert first.held().decide().state.stable == "a"


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        (CANARY.holding(1).abort("b"), "Aborted"),
        (CANARY.holding(1).ready("b", 0), "NoReadyReplica"),
        (JUDGED.analyzing(LONG).counted((100, 60), (400, 0)), "GuardExceeded"),
    ],
)
def test_it_is_rolled_back(scenario, reason):
    rolled_back = scenario.held().decide().state
    assert (rolled_back.phase, rolled_back.failed.reason, rolled_back.weight) == ("RollingBack", reason, 0)


def test_a_failed_one_is_not_begun_again():
    failed = rollout().stable("a").failed("b").retry("b")
    assert failed.held().decide().state == failed.held().state


def test_a_rollback_to_what_was_asked_for_pins_it():
    before = (
        rollout().stable("a").served("a", "b").pinned("a", instead_of="b").recorded("a", "b").rollback("b", number=2)
    )
    pinned = before.held().decide().state.pinned
    assert (pinned.revision, pinned.instead_of) == ("b", "b")


@pytest.mark.parametrize("reason", ["StartingPods", "HeldBySpec"])
def test_a_rollback_by_hand_is_carried_out(reason):
    asked = rollout().stable("a").served("a", "b").recorded("a", "b").rollback("b")
    begun = asked.held().settled()
    assert (begun.state.candidate, begun.state.pinned.revision) == ("b", "b")
    ready = begun.ready("b", 4).preparing(1, reason)
    assert ready.settled().state.weight == 100

"""One pod of a revision that failed stays for its log: without traffic, and never where its place is needed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import DRAIN, NOW, PROPAGATION, reasons, rollout, shares, unchanged

from nereid.controller.decide.rollout.decide import decide, routed_anew
from nereid.controller.decide.rollout.draining import QUIET_SECONDS, wanted_looks
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import RolloutState

KEPT = 900
LEAST = PROPAGATION + DRAIN
FAILING = rollout().keeping_failed_pod(KEPT).stable("a").candidate("b", weight=50, ready=2).holding(5)
DRAINED = (
    rollout()
    .keeping_failed_pod(KEPT)
    .stable("a")
    .failed("b", reason="GuardExceeded")
    .retiring("b", LEAST, replicas=2, looked=(QUIET_SECONDS, 7), log_kept=LEAST)
    .ready("b", 2)
    .active("b", 7)
)
ALONE = DRAINED.following().ready("b", 1)


def failed(scenario):
    """Return the scenario in which its candidate's pods have died."""
    return replace(scenario.ready("b", 0), state=scenario.ready("b", 0).decide().state).ready("b", 2)


def at(scenario, seconds):
    """Return the scenario so many seconds later."""
    entries = tuple(
        replace(
            one,
            since=one.since - timedelta(seconds=seconds),
            looked_at=one.looked_at and one.looked_at - timedelta(seconds=seconds),
            log_kept_from=one.log_kept_from and one.log_kept_from - timedelta(seconds=seconds),
        )
        for one in scenario.state.retiring
    )
    return replace(scenario, state=replace(scenario.state, retiring=entries))


def gone_after_two_looks(scenario):
    assert shares(scenario.decide())["b"] == (1, 0), "it goes after two looks, not at once"
    return "b" not in shares(at(scenario.following(), QUIET_SECONDS).decide())


class TestStays:
    def test_alone_after_the_others_have_drained(self):
        assert shares(DRAINED.decide()) == {"a": (4, 100), "b": (1, 0)}

    def test_until_its_time_is_over(self):
        assert ALONE.decide().requeue_after == KEPT - LEAST
        assert shares(at(ALONE, KEPT - LEAST - 1).decide()) == {"a": (4, 100), "b": (1, 0)}
        assert not wanted_looks(ALONE.plan, at(ALONE, KEPT - LEAST - 1).state, NOW)
        assert gone_after_two_looks(at(ALONE, KEPT - LEAST))

    def test_without_traffic(self):
        assert not any(
            "b" in dict(weights) for weights in (routing_of(ALONE.state).weights, routing_of(ALONE.state).mirror)
        )

    def test_of_a_candidate_whose_pods_died(self):
        state = failed(FAILING).state
        assert state.failed is not None
        assert (state.failed.reason, state.retiring[0].log_kept_from) == ("NoReadyReplica", NOW)

    def test_of_a_candidate_that_was_not_ready_in_time(self):
        late = rollout().keeping_failed_pod(KEPT).stable("a").candidate("b", ready=0).preparing(600)
        assert late.decide().state.retiring[0].log_kept_from == NOW
        assert late.pod_problem("b", "ContainerCrashed").decide().state.retiring[0].log_kept_from == NOW

    def test_while_requests_come_to_it_however_long_it_was_kept(self):
        asked = at(ALONE, KEPT - LEAST).following().active("b", 8)
        assert shares(at(asked, QUIET_SECONDS).decide())["b"] == (1, 0)

    def test_while_the_routes_may_lead_to_it(self):
        over = at(ALONE, KEPT).unrouted()
        assert unchanged(over)
        anew = replace(over, state=routed_anew(over.state, NOW), is_routed=True)
        assert not wanted_looks(anew.plan, anew.state, NOW + timedelta(seconds=QUIET_SECONDS)), "all waits begin anew"


class TestIsNotKept:
    @pytest.mark.parametrize(
        "reason", ["InsufficientCapacity", "ReplicaFailure", "ImagePullFailed", "ConfigurationMissing"]
    )
    def test_where_no_container_has_run(self, reason):
        late = rollout().keeping_failed_pod(KEPT).stable("a").candidate("b", ready=0).preparing(600)
        assert late.pod_problem("b", reason).decide().state.retiring[0].log_kept_from is None

    def test_of_a_rollout_that_somebody_ended(self):
        assert FAILING.abort("b").decide().state.retiring[0].log_kept_from is None
        assert FAILING.wanting("a").decide().state.retiring[0].log_kept_from is None
        assert FAILING.wanting("c").decide().state.retiring[0].log_kept_from is None

    def test_where_its_user_wants_none(self):
        none = failed(FAILING.keeping_failed_pod(0))
        assert none.state.retiring[0].log_kept_from is None

    def test_without_surge_as_its_place_is_needed(self):
        assert failed(FAILING.without_surge()).state.retiring[0].log_kept_from is None
        assert gone_after_two_looks(ALONE.without_surge())

    def test_any_longer_if_the_spec_says_so_meanwhile(self):
        assert gone_after_two_looks(ALONE.keeping_failed_pod(0))

    @pytest.mark.parametrize("reason", ["InsufficientCapacity", "ReplicaFailure"])
    def test_where_stable_has_no_room_for_a_pod(self, reason):
        assert gone_after_two_looks(ALONE.ready("a", 3).pod_problem("a", reason))

    def test_where_it_would_wait_for_a_place_itself(self):
        assert gone_after_two_looks(ALONE.ready("b", 0).pod_problem("b", "InsufficientCapacity"))


class TestNextRollout:
    def test_of_another_revision_ends_it_at_once(self):
        begun = ALONE.wanting("c")
        assert reasons(begun.decide()) == ["RolloutStarted"]
        assert gone_after_two_looks(begun.following())

    def test_of_the_same_revision_has_new_pods(self):
        retried = ALONE.retry("b")
        assert retried.decide().state.stage is ALONE.state.stage
        looked = retried.following().following()
        without = at(looked, QUIET_SECONDS)
        assert shares(without.decide())["b"] == (1, 0), "it starts in the pass after the old pod has gone"

    def test_of_the_same_revision_does_not_wait_for_requests_to_end(self):
        asked = replace(ALONE, state=ALONE.retry("b").decide().state).retry("b").requested("b", 1)
        assert reasons(asked.decide()) == ["RolloutStarted"]


def test_a_lost_status_makes_no_stable_revision_of_it():
    adopted = decide(ALONE.plan, ALONE.recorded("a", "b").observed, RolloutState(), NOW)
    assert adopted.state.stable == "a"
    assert [(one.revision, one.replicas) for one in adopted.state.retiring] == [("b", 1)]
    assert dict(routing_of(adopted.state).weights) == {"a": 100}


def test_its_log_is_over_with_a_status_that_was_lost():
    adopted = decide(ALONE.plan, ALONE.recorded("a", "b").observed, RolloutState(), NOW)
    assert adopted.state.retiring[0].log_kept_from is None

"""The way of a candidate through its steps: 20% and 50%, a minute each, of four replicas."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import NOW, PROGRESS_DEADLINE, PROPAGATION, ago, place, reasons, rollout, shares, unchanged

from nereid.controller.decide.rollout.capacity import pods_for
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.state import RolloutState


class TestStart:
    def test_starts_the_candidate_beside_stable_without_traffic(self):
        decision = rollout().stable("a").wanting("b").decide()
        assert place(decision) == ("Preparing", 0, 0)
        assert shares(decision) == {"a": (4, 100), "b": (1, 0)}
        assert reasons(decision) == ["RolloutStarted"]
        assert decision.requeue_after == PROGRESS_DEADLINE

    def test_direct_starts_all_pods_at_once(self):
        decision = rollout().direct().stable("a").wanting("b").decide()
        assert shares(decision) == {"a": (4, 100), "b": (4, 0)}

    def test_nothing_happens_while_stable_is_what_the_spec_asks_for(self):
        settled = rollout().stable("a")
        assert unchanged(settled)
        assert settled.decide().requeue_after is None

    def test_a_revision_that_still_drains_keeps_its_pods(self):
        decision = rollout().stable("a").retiring("b", seconds=1, replicas=2).wanting("b").decide()
        assert decision.state.candidate == "b"
        assert shares(decision) == {"a": (4, 100), "b": (2, 0)}


class TestPreparing:
    def test_traffic_follows_as_soon_as_the_pods_are_there(self):
        decision = rollout().stable("a").candidate("b", ready=1).decide()
        assert place(decision) == ("Propagating", 0, 20)
        assert shares(decision) == {"a": (4, 80), "b": (1, 20)}
        assert reasons(decision) == ["WeightChanged"]
        assert decision.requeue_after is None, "its time begins when the route is applied"

    def test_traffic_waits_for_every_pod_that_it_needs(self):
        waiting = rollout().stable("a").candidate("b", weight=20, step=1, ready=1).preparing(5)
        assert unchanged(waiting)
        assert shares(waiting.decide()) == {"a": (4, 80), "b": (2, 20)}
        assert waiting.decide().requeue_after == PROGRESS_DEADLINE - 5

    def test_after_the_last_step_comes_all_traffic(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=2, ready=4).decide()
        assert place(decision) == ("Promoting", 2, 100)
        assert shares(decision) == {"a": (4, 0), "b": (4, 100)}

    def test_direct_moves_all_traffic_at_once(self):
        decision = rollout().direct().stable("a").candidate("b", ready=4).decide()
        assert place(decision) == ("Promoting", 0, 100)

    def test_fails_at_the_deadline_with_the_cause(self):
        late = rollout().stable("a").candidate("b", ready=0).preparing(PROGRESS_DEADLINE)
        failed = late.pod_problem("b", "ImagePullFailed", "no such image").decide().state
        assert (failed.phase, failed.failed.reason, failed.failed.message) == (
            "RollingBack",
            "ImagePullFailed",
            "no such image",
        )
        assert late.decide().state.failed.reason == "ProgressDeadlineExceeded"
        assert late.decide().state.failed.message == "0 of 1 pods were ready in time"

    def test_fails_at_the_deadline_whatever_else_drains(self):
        late = rollout().stable("a").candidate("b", ready=0).preparing(PROGRESS_DEADLINE).retiring("c", 1)
        assert late.decide().state.failed.reason == "ProgressDeadlineExceeded"

    def test_is_given_its_time_anew_where_nothing_was_tried_yet(self):
        """The operator, or the API server, was away: there is no Deployment."""
        away = rollout().stable("a").candidate("b").preparing(PROGRESS_DEADLINE)
        away = replace(away, available={"a": 4})
        assert away.decide().state == replace(away.state, since=NOW)

    def test_a_pod_that_is_ready_at_the_deadline_is_in_time(self):
        decision = rollout().stable("a").candidate("b", ready=1).preparing(PROGRESS_DEADLINE).decide()
        assert decision.state.phase == "Propagating"


class TestPropagating:
    def test_waits_until_the_proxies_can_know(self):
        early = rollout().stable("a").candidate("b", weight=20).propagating(PROPAGATION - 1)
        assert unchanged(early)
        assert early.decide().requeue_after == 1

    def test_then_holds_the_weight(self):
        decision = rollout().stable("a").candidate("b", weight=20).propagating(PROPAGATION).decide()
        assert place(decision) == ("Holding", 0, 20)
        assert decision.requeue_after == 60

    def test_or_pauses_where_a_step_has_no_hold(self):
        scenario = rollout().steps((20, None)).stable("a").candidate("b", weight=20).propagating(PROPAGATION)
        assert (scenario.decide().state.phase, scenario.decide().state.reason) == ("Paused", "AwaitingPromotion")
        assert scenario.decide().requeue_after is None


class TestHolding:
    def test_holds_for_as_long_as_the_step_says(self):
        held = rollout().stable("a").candidate("b", weight=20).holding(59)
        assert unchanged(held)
        assert held.decide().requeue_after == 1

    def test_then_starts_the_pods_of_the_next_step(self):
        decision = rollout().stable("a").candidate("b", weight=20).holding(60).decide()
        assert place(decision) == ("Preparing", 1, 20)
        assert shares(decision) == {"a": (4, 80), "b": (2, 20)}

    def test_an_edited_hold_counts_at_once(self):
        held = rollout().stable("a").candidate("b", weight=20).holding(30)
        assert held.steps((20, 300), (50, 60)).decide().requeue_after == 270
        assert held.steps((20, 10), (50, 60)).decide().state.step == 1
        assert held.steps((20, None)).decide().state.reason == "AwaitingPromotion"

    def test_steps_edited_while_one_is_held_never_take_weight_back(self):
        held = rollout().stable("a").candidate("b", weight=20, step=0).holding(60).ready("b", 4)
        assert held.steps((5, 60), (10, 60), (30, 60)).decide().state.step == 2
        assert held.steps((5, 60), (10, 60)).decide().state.step == 2

    def test_when_its_step_is_gone_the_last_one_counts_so_that_no_gate_is_passed(self):
        held = rollout().stable("a").candidate("b", weight=50, step=1).holding(5)
        assert place(held.steps((20, 60)).decide()) == ("Holding", 0, 50)
        waiting = rollout().steps((20, 60), (50, None)).stable("a").candidate("b", weight=50, step=1)
        shortened = waiting.phase("Paused", 5, "AwaitingPromotion").steps((20, None))
        assert place(shortened.decide()) == ("Paused", 0, 50)

    def test_after_the_last_one_that_is_left_comes_the_end(self):
        decision = rollout().steps((20, 60)).stable("a").candidate("b", weight=50).holding(60).decide()
        assert place(decision) == ("Preparing", 1, 50)
        assert shares(decision)["b"] == (4, 50)

    def test_its_step_may_be_gone_while_something_else_is_to_be_done_first(self):
        held = rollout().stable("a").candidate("b", weight=50, step=1).holding(5).steps((20, 60)).rollback("unknown")
        assert place(held.decide()) == ("Holding", 1, 50)

    def test_when_all_steps_are_gone_only_the_end_is_left(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding(5).steps().decide()
        assert place(decision) == ("Preparing", 0, 50)
        assert shares(decision)["b"] == (4, 50)


class TestScale:
    def test_both_revisions_follow_in_the_middle_of_a_rollout(self):
        held = rollout().stable("a").candidate("b", weight=20).holding(5).scaled(10)
        assert shares(held.decide()) == {"a": (10, 80), "b": (2, 20)}

    def test_neither_gets_fewer_pods_than_when_the_rollout_began(self):
        """A canary takes load from stable; whoever scales by that load must not starve what it may go back to."""
        half = rollout().stable("a").candidate("b", weight=50, step=1).holding(5).scaled(1)
        assert shares(half.decide()) == {"a": (4, 50), "b": (2, 50)}

    @pytest.mark.parametrize(
        ("weight", "replicas", "pods"),
        [(0, 4, 1), (1, 4, 1), (25, 4, 1), (26, 4, 2), (50, 3, 2), (99, 4, 4), (100, 1, 1), (7, 1000, 70)],
    )
    def test_a_share_of_the_traffic_needs_that_share_of_the_pods(self, weight, replicas, pods):
        assert pods_for(weight, replicas) == pods


class TestTime:
    def test_parts_of_a_second_never_make_a_wait_shorter(self):
        now = NOW + timedelta(seconds=0.25)
        state = rollout().stable("a").candidate("b", ready=1).decide(now).state
        assert state.since == NOW + timedelta(seconds=1)

    def test_a_clock_that_is_set_back_makes_no_wait_longer_than_it_is(self):
        scenario = rollout().stable("a").candidate("b", weight=20).holding(5)
        decision = scenario.decide(ago(3600))
        assert decision.state == replace(scenario.state, since=ago(3600))
        assert decision.requeue_after == 60

    def test_what_waits_for_a_time_to_come_that_has_come_already_is_as_it_was(self):
        retiring = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5).retiring("c", 5, looked=(5, 7))
        state = retiring.decide(ago(3600)).state
        assert (state.retiring[0].since, state.retiring[0].looked_at) == (ago(3600), ago(3600))
        assert (state.analysis.sampled_at, state.analysis.looked_at) == (ago(3600), ago(3600))

    def test_the_beginning_of_everything_is_an_empty_state(self):
        scenario = rollout().wanting("a")
        assert scenario.state == RolloutState()
        assert decide(scenario.plan, scenario.observed, RolloutState(), NOW).state.candidate == "a"

"""What a rollout does next, state by state. Steps are 20% and 50%, a minute each, of four replicas; see `scenario`."""

from datetime import timedelta

import pytest
from tests.unit.scenario import DRAIN, NOW, PROGRESS_DEADLINE, PROPAGATION, ago, rollout

from nereid.rollout.decide import decide, pods_for, routed_anew
from nereid.rollout.state import RolloutState


def shares(decision):
    """Return replicas and weight of each revision that keeps its pods."""
    return {one.revision: (one.replicas, one.weight) for one in decision.live}


def reasons(decision):
    return [event.reason for event in decision.events]


def place(decision):
    state = decision.state
    return state.phase, state.step, state.weight


def unchanged(scenario):
    decision = scenario.decide()
    return decision.state == scenario.state and not decision.events


class TestFirstRevision:
    def test_gets_all_traffic_from_the_start(self):
        decision = rollout().wanting("a").decide()
        assert (decision.state.candidate, decision.state.stable) == ("a", None)
        assert shares(decision) == {"a": (4, 100)}
        assert reasons(decision) == []
        assert decision.requeue_after is None

    def test_waits_for_its_pods_as_long_as_they_take(self):
        waiting = rollout().candidate("a", weight=100, step=2, ready=0).preparing(100 * PROGRESS_DEADLINE)
        assert unchanged(waiting)
        assert waiting.decide().requeue_after is None

    def test_is_stable_as_soon_as_one_pod_serves(self):
        decision = rollout().candidate("a", weight=100, step=2, ready=1).decide()
        assert (decision.state.stable, decision.state.candidate, decision.state.phase) == ("a", None, "Completed")
        assert shares(decision) == {"a": (4, 100)}

    def test_that_never_served_is_replaced_by_what_the_spec_asks_for_now(self):
        decision = rollout().candidate("a", weight=100, step=2, ready=0).wanting("b").decide()
        assert decision.state.candidate == "b"
        assert shares(decision) == {"b": (4, 100), "a": (4, 0)}

    def test_that_serves_becomes_stable_before_another_one_takes_over_by_steps(self):
        scenario = rollout().candidate("a", weight=100, step=2, ready=1).wanting("b")
        assert scenario.decide().state.stable == "a"

    def test_cannot_be_aborted_as_nothing_else_would_serve(self):
        assert unchanged(rollout().candidate("a", weight=100, step=2, ready=0).abort("a"))


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

    def test_a_revision_that_still_drains_starts_from_there(self):
        decision = rollout().stable("a").retiring("b", seconds=1, replicas=2).wanting("b").decide()
        assert decision.state.candidate == "b"
        assert decision.state.retiring == ()


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
        failed = late.trouble("b", "ImagePullFailed", "no such image").decide().state
        assert (failed.phase, failed.failed.reason, failed.failed.message) == (
            "RollingBack",
            "ImagePullFailed",
            "no such image",
        )
        assert late.decide().state.failed.reason == "ProgressDeadlineExceeded"
        assert late.decide().state.failed.message == "0 of 1 pods were ready in time"

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

    def test_when_its_step_is_gone_only_the_end_is_left(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding(5).steps((20, 60)).decide()
        assert place(decision) == ("Preparing", 1, 50)
        assert shares(decision)["b"] == (4, 50)


class TestPaused:
    def test_holds_a_rollout_where_it_is(self):
        held = rollout().paused().stable("a").candidate("b", weight=20).holding(60)
        decision = held.decide()
        assert (decision.state.phase, decision.state.reason, decision.state.weight) == ("Paused", "PausedBySpec", 20)
        assert decision.requeue_after is None

    def test_gives_no_traffic_to_a_candidate_that_waits_for_pods(self):
        ready = rollout().paused().stable("a").candidate("b", ready=1)
        waiting = ready.preparing(reason="PausedBySpec")
        assert ready.decide().state == waiting.state
        assert unchanged(waiting)

    def test_time_does_not_count_while_it_lasts(self):
        """Nor does the operator wake up for nothing, again and again, when the deadline has come meanwhile."""
        waiting = rollout().stable("a").candidate("b", ready=0).preparing(10 * PROGRESS_DEADLINE, "PausedBySpec")
        assert unchanged(waiting.paused())
        assert waiting.paused().decide().requeue_after is None
        resumed = waiting.decide()
        assert (resumed.state.phase, resumed.state.reason) == ("Preparing", "StartingPods")
        assert resumed.requeue_after == PROGRESS_DEADLINE

    def test_goes_on_with_the_hold_when_it_is_over(self):
        decision = rollout().stable("a").candidate("b", weight=20).phase("Paused", 999, "PausedBySpec").decide()
        assert (decision.state.phase, decision.requeue_after) == ("Holding", 60)

    def test_at_a_step_without_hold_it_goes_on_waiting_for_its_promotion(self):
        scenario = rollout().steps((20, None)).stable("a").candidate("b", weight=20)
        assert scenario.phase("Paused", 999, "PausedBySpec").decide().state.reason == "AwaitingPromotion"
        assert unchanged(scenario.phase("Paused", 999, "AwaitingPromotion"))


class TestPromotion:
    @pytest.mark.parametrize("weight", [0, 20])
    def test_skips_the_steps_that_are_left(self, weight):
        decision = rollout().stable("a").candidate("b", weight=weight).promote("b").decide()
        assert place(decision) == ("Preparing", 2, weight)
        assert shares(decision)["b"] == (4, weight)
        assert reasons(decision) == ["Promoted"]

    def test_still_waits_for_the_pods(self):
        assert unchanged(rollout().stable("a").candidate("b", step=2, ready=3).preparing(0, "Promoted").promote("b"))

    def test_works_in_a_paused_rollout(self):
        promoted = rollout().paused().stable("a").candidate("b", step=2, ready=4).preparing(0, "Promoted").promote("b")
        assert place(promoted.decide()) == ("Promoting", 2, 100)

    @pytest.mark.parametrize("scenario", [rollout(), rollout().direct()], ids=["last-step-is-over", "direct"])
    def test_works_in_a_rollout_that_is_paused_before_its_last_move(self, scenario):
        step = len(scenario.rollout.steps)
        paused = scenario.paused().stable("a").candidate("b", step=step, ready=4).preparing(0, "PausedBySpec")
        decision = paused.promote("b").decide()
        assert (decision.state.phase, decision.state.reason) == ("Preparing", "Promoted")

    def test_is_said_once(self):
        scenario = rollout().stable("a").candidate("b", weight=100, step=2).promoting(1).promote("b")
        assert unchanged(scenario)

    @pytest.mark.parametrize(("revision", "attempt"), [("a", 1), ("c", 1), ("b", 1), ("b", 3)])
    def test_of_another_revision_or_attempt_is_nothing(self, revision, attempt):
        held = rollout().stable("a").candidate("b", weight=20, attempt=2).holding(5)
        assert unchanged(held.promote(revision, attempt))

    def test_is_complete_when_the_proxies_know_the_route(self):
        promoting = rollout().stable("a").candidate("b", weight=100, step=2)
        assert unchanged(promoting.promoting(PROPAGATION - 1))
        decision = promoting.promoting(PROPAGATION).decide()
        assert (decision.state.stable, decision.state.candidate, decision.state.phase) == ("b", None, "Completed")
        assert shares(decision) == {"b": (4, 100), "a": (4, 0)}
        assert reasons(decision) == ["RolloutCompleted"]
        assert decision.requeue_after == PROPAGATION + DRAIN


class TestRetiring:
    def test_keeps_its_pods_until_it_has_drained(self):
        draining = rollout().stable("a").retiring("b", seconds=PROPAGATION + DRAIN - 1, replicas=3)
        assert shares(draining.decide()) == {"a": (4, 100), "b": (3, 0)}
        assert draining.decide().requeue_after == 1

    def test_goes_when_it_has_drained(self):
        decision = rollout().stable("a").retiring("b", seconds=PROPAGATION + DRAIN).decide()
        assert shares(decision) == {"a": (4, 100)}
        assert decision.requeue_after is None

    def test_each_by_its_own_time(self):
        scenario = rollout().stable("a").retiring("b", seconds=99).retiring("c", seconds=10)
        assert shares(scenario.decide()).keys() == {"a", "c"}

    def test_a_candidate_keeps_the_pods_of_the_step_that_it_was_at(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding().wanting("a").decide()
        assert shares(decision)["b"] == (2, 0)


class TestFailure:
    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_a_candidate_with_traffic_and_no_ready_pod_is_taken_back_at_once(self, phase):
        scenario = rollout().paused().stable("a").candidate("b", weight=20, step=1, ready=0).phase(phase)
        decision = scenario.trouble("b", "OutOfMemory", "too little memory").decide()
        assert (decision.state.candidate, decision.state.phase) == (None, "RollingBack")
        assert (decision.state.failed.reason, decision.state.failed.message) == ("NoReadyReplica", "too little memory")
        assert shares(decision)["a"] == (4, 100)
        assert [(event.type, event.reason) for event in decision.events] == [("Warning", "RolledBack")]

    def test_a_candidate_without_traffic_may_take_its_time(self):
        assert unchanged(rollout().stable("a").candidate("b", ready=0).trouble("b", "ContainerCrashed"))

    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_an_abort_takes_it_back_from_every_state(self, phase):
        scenario = rollout().paused().stable("a").candidate("b", weight=20).phase(phase).abort("b")
        state = scenario.decide().state
        assert (state.candidate, state.failed.revision, state.failed.reason) == (None, "b", "Aborted")

    @pytest.mark.parametrize(("revision", "attempt"), [("a", 1), ("c", 1), ("b", 1), ("b", 3)])
    def test_an_abort_of_another_revision_or_attempt_is_nothing(self, revision, attempt):
        held = rollout().stable("a").candidate("b", weight=20, attempt=2).holding(5)
        assert unchanged(held.abort(revision, attempt))

    def test_an_abort_wins_over_a_promotion(self):
        scenario = rollout().stable("a").candidate("b", weight=20).holding().promote("b").abort("b")
        assert scenario.decide().state.failed.reason == "Aborted"

    def test_is_final_when_the_proxies_know_the_route(self):
        failed = rollout().stable("a").failed("b")
        assert unchanged(failed.rolling_back(PROPAGATION - 1))
        assert failed.rolling_back(PROPAGATION).decide().state.phase == "Failed"

    def test_is_not_tried_again(self):
        failed = rollout().stable("a").failed("b").ready("b", 4)
        assert unchanged(failed)
        assert unchanged(failed.promote("b"))
        assert failed.decide().requeue_after is None

    def test_is_tried_again_when_its_user_says_so(self):
        state = rollout().stable("a").failed("b").retry("b").decide().state
        assert (state.candidate, state.attempt, state.failed) == ("b", 2, None)

    @pytest.mark.parametrize(("revision", "attempt"), [("a", 1), ("c", 1), ("b", 1), ("b", 3)])
    def test_a_retry_of_another_revision_or_attempt_is_nothing(self, revision, attempt):
        assert unchanged(rollout().stable("a").failed("b", attempt=2).retry(revision, attempt))

    def test_another_revision_is_tried_at_once(self):
        state = rollout().stable("a").failed("b").wanting("c").decide().state
        assert (state.candidate, state.attempt, state.failed) == ("c", 1, None)


class TestOldCommands:
    """A command stays on the object; what it did once it must not do to a later rollout of the same revision."""

    @pytest.mark.parametrize("command", ["promote", "abort", "retry"])
    def test_a_new_rollout_gets_a_number_that_no_command_names(self, command):
        left = getattr(rollout().stable("a"), command)("b", 2).wanting("b")
        assert left.decide().state.attempt == 3

    def test_commands_about_other_revisions_do_not_count(self):
        assert rollout().stable("a").promote("a", 7).abort("c", 7).wanting("b").decide().state.attempt == 1

    def test_a_retry_is_a_number_further_than_any_command(self):
        assert rollout().stable("a").failed("b").abort("b", 4).retry("b").decide().state.attempt == 5


class TestSpecReverted:
    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_takes_all_traffic_back_at_once(self, phase):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).phase(phase).wanting("a").decide()
        assert (decision.state.phase, decision.state.reason) == ("RollingBack", "SpecReverted")
        assert shares(decision) == {"a": (4, 100), "b": (2, 0)}
        assert reasons(decision) == ["SpecReverted"]
        assert decision.state.failed is None

    def test_is_over_when_the_proxies_know_the_route(self):
        back = rollout().stable("a")
        assert back.rolling_back(PROPAGATION - 1).decide().requeue_after == 1
        assert back.rolling_back(PROPAGATION).decide().state.phase == "Idle"

    def test_forgives_a_failure(self):
        state = rollout().stable("a").failed("b").wanting("a").decide().state
        assert (state.phase, state.failed) == ("Idle", None)


class TestSuperseded:
    def test_a_newer_revision_starts_at_the_first_step_against_the_same_stable(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding().wanting("c").decide()
        assert place(decision) == ("Preparing", 0, 0)
        assert shares(decision) == {"a": (4, 100), "c": (1, 0), "b": (2, 0)}
        assert reasons(decision) == ["Superseded", "RolloutStarted"]


class TestScale:
    def test_both_revisions_follow_in_the_middle_of_a_rollout(self):
        held = rollout().stable("a").candidate("b", weight=20).holding(5).scaled(10)
        assert shares(held.decide()) == {"a": (10, 80), "b": (2, 20)}

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

    def test_a_clock_that_is_set_back_only_makes_waits_longer(self):
        scenario = rollout().stable("a").candidate("b", weight=20).holding(5)
        assert scenario.decide(ago(3600)).state == scenario.state
        assert scenario.decide(ago(3600)).requeue_after == 3600 + 55

    def test_the_beginning_of_everything_is_an_empty_state(self):
        scenario = rollout().wanting("a")
        assert scenario.state == RolloutState()
        assert decide(scenario.plan, scenario.observed, RolloutState(), NOW).state.candidate == "a"


class TestRoutes:
    """Time counts from what the routes are, not from what was decided."""

    def test_a_promotion_waits_for_its_route(self):
        promoting = rollout().stable("a").candidate("b", weight=100, step=2).promoting(10 * PROPAGATION)
        assert promoting.decide().state.phase == "Completed"
        waiting = promoting.unrouted().decide()
        assert (waiting.state.phase, waiting.requeue_after) == ("Promoting", None)

    def test_a_weight_waits_for_its_route(self):
        propagating = rollout().stable("a").candidate("b", weight=20).propagating(10 * PROPAGATION)
        assert propagating.decide().state.phase == "Holding"
        assert propagating.unrouted().decide().state.phase == "Propagating"

    def test_pods_stay_while_the_routes_may_lead_to_them(self):
        drained = rollout().stable("a").retiring("b", 10 * (PROPAGATION + DRAIN))
        assert "b" not in shares(drained.decide())
        assert "b" in shares(drained.unrouted().decide())

    def test_the_first_revision_is_not_stable_before_its_route_exists(self):
        first = rollout().candidate("a", weight=100, step=2).wanting("a").preparing().ready("a", 4)
        assert first.decide().state.stable == "a"
        assert first.unrouted().decide().state.stable is None

    def test_a_candidate_without_a_service_gets_no_traffic(self):
        ready = rollout().stable("a").candidate("b", ready=4).preparing()
        assert ready.decide().state.weight == 20
        assert ready.without_service("b").decide().state.weight == 0

    def test_times_begin_anew_with_a_route_that_is_applied_late(self):
        late = rollout().stable("a").candidate("b", weight=20).propagating(3600).retiring("c", 3600).state
        anew = routed_anew(late, NOW)
        assert (anew.since, anew.retiring[0].since) == (NOW, NOW)
        held = rollout().stable("a").candidate("b", weight=20).holding(30).state
        assert routed_anew(held, NOW).since == held.since

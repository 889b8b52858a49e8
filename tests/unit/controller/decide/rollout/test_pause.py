"""`spec.rollout.paused` holds a rollout where it is."""

from tests.support.scenario import PROGRESS_DEADLINE, rollout, unchanged


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

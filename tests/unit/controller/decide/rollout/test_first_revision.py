"""The first revision: there is nothing stable to compare it with, or to go back to."""

from tests.support.scenario import PROGRESS_DEADLINE, reasons, rollout, shares, unchanged


class TestFirstRevision:
    def test_gets_all_traffic_from_the_start(self):
        decision = rollout().wanting("a").decide()
        assert (decision.state.candidate, decision.state.stable) == ("a", None)
        assert shares(decision) == {"a": (4, 100)}
        assert reasons(decision) == []
        assert decision.requeue_after is None

    def test_does_not_wait_for_the_end_of_a_pause_as_nothing_else_would_serve(self):
        state = rollout().paused().wanting("a").decide().state
        assert (state.candidate, state.reason) == ("a", "StartingPods")

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

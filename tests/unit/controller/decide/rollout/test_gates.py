"""Gates: steps without a hold, anywhere in the list. A promotion that names the step leaves it for the next one."""

import pytest
from tests.support.scenario import Scenario, place, reasons, rollout, unchanged


def at_gate(weight: int = 20, step: int = 0) -> Scenario:
    gated = rollout().steps((20, None), (50, None), (80, 60)).stable("a")
    return gated.candidate("b", weight=weight, step=step).phase("Paused", 5, "AwaitingPromotion")


class TestPromotion:
    def test_that_names_the_step_goes_on_with_the_next_one(self):
        decision = at_gate().promote("b", step=0).decide()
        assert place(decision) == ("Preparing", 1, 20)
        assert reasons(decision) == ["GatePassed"]

    def test_without_a_step_goes_to_the_end(self):
        decision = at_gate().promote("b").decide()
        assert place(decision) == ("Preparing", 3, 20)
        assert decision.state.reason == "Promoted"

    def test_stops_at_the_next_gate_though_the_annotation_is_still_there(self):
        assert unchanged(at_gate(weight=50, step=1).promote("b", step=0))

    @pytest.mark.parametrize("command", [("b", 1, 1), ("b", 2, 0), ("a", 1, 0)])
    def test_of_another_step_attempt_or_revision_is_nothing(self, command):
        revision, attempt, step = command
        assert unchanged(at_gate().promote(revision, attempt, step))

    def test_may_be_given_while_the_proxies_receive_the_route(self):
        early = at_gate().propagating(1).promote("b", step=0)
        assert unchanged(early)
        assert place(early.propagating(10).settled().decide()) == ("Preparing", 1, 20)

    def test_of_the_last_gate_gives_it_all_traffic(self):
        last = rollout().steps((20, 60), (50, None)).stable("a").candidate("b", weight=50, step=1)
        decision = last.phase("Paused", 5, "AwaitingPromotion").promote("b", step=1).decide()
        assert place(decision) == ("Preparing", 2, 50)

    def test_waits_until_the_spec_is_resumed(self):
        paused = at_gate().paused().phase("Paused", 5, "PausedBySpec").promote("b", step=0)
        assert unchanged(paused)

    def test_of_an_earlier_gate_does_not_pass_the_last_one_that_an_edit_left(self):
        shortened = at_gate(weight=50, step=1).steps((20, None)).promote("b", step=0).settled()
        assert place(shortened.decide()) == ("Paused", 0, 50)


class TestAttempt:
    def test_a_new_rollout_gets_a_number_that_no_promotion_of_a_step_names(self):
        assert rollout().stable("a").promote("b", 2, 0).wanting("b").decide().state.attempt == 3

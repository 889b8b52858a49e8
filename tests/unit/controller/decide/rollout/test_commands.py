"""Promote, abort and retry: annotations that name a revision and an attempt."""

from dataclasses import replace

import pytest
from tests.support.scenario import PROPAGATION, place, reasons, rollout, shares, unchanged

from nereid.controller.decide.rollout.attempts import NO_ATTEMPTS
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.plan.plan import Command


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
        assert decision.requeue_after == PROPAGATION, "for the first look at what drains"


class TestOldCommands:
    """A command stays on the object; what it did once it must not do to a later rollout of the same revision."""

    @pytest.mark.parametrize("command", ["promote", "abort", "retry"])
    def test_a_new_rollout_gets_a_number_that_no_command_names(self, command):
        left = getattr(rollout().stable("a"), command)("b", 2).wanting("b")
        assert left.decide().state.attempt == 3

    @pytest.mark.parametrize("command", ["promote", "abort", "retry"])
    def test_no_command_keeps_the_numbers_that_follow_from_being_named(self, command):
        forged = getattr(rollout().stable("a"), command)("b", 999_999).wanting("b").following()
        assert forged.state.attempt == 1
        high = rollout().stable("a").candidate("b", weight=20, attempt=2_000_000).holding(5)
        named = Command.parse("b/2000000")
        assert named is not None
        assert high.abort(named.revision, named.attempt).decide().state.failed.reason == "Aborted"

    def test_commands_about_other_revisions_do_not_count(self):
        assert rollout().stable("a").promote("a", 7).abort("c", 7).wanting("b").decide().state.attempt == 1

    def test_a_retry_is_a_number_further_than_any_command(self):
        assert rollout().stable("a").failed("b").abort("b", 4).retry("b").decide().state.attempt == 5

    @pytest.mark.parametrize("command", ["promote", "abort", "retry"])
    def test_one_that_comes_back_after_it_was_overwritten_does_not_act(self, command):
        """As where a tool applies the annotations of an old manifest again."""
        once = rollout().stable("a").wanting("b").following().ready("b", 1).following()
        other = once.wanting("c").following().settled()
        again = other.wanting("b").following()
        assert (again.state.candidate, again.state.attempt) == ("b", 2)
        assert getattr(again, command)("b", 1).decide().state == again.decide().state

    def test_numbers_go_on_after_a_revision_was_stable(self):
        served = rollout().stable("b").wanting("c")
        served = replace(served, state=replace(served.state, attempts=NO_ATTEMPTS.with_attempt("c", 4)))
        assert served.decide().state.attempt == 5

    def test_what_is_forgotten_is_not_used_again(self):
        attempts = NO_ATTEMPTS.with_attempt("b", 7)
        for number in range(40):
            attempts = attempts.with_attempt(f"r{number}", 1)
        assert len(attempts.last) == 30
        assert attempts.of("b") == attempts.of("another") == 7
        assert attempts.of("r39") == 1

    def test_the_number_of_a_status_without_numbers_counts(self):
        old = rollout().stable("a").candidate("b", weight=20, attempt=3).holding(5).report()
        status = old.model_copy(update={"rollout": old.rollout.model_copy(update={"attempts": []})})
        assert RolloutState.from_status(status).attempts.of("b") == 3

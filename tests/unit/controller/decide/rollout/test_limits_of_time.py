"""Windows outside of which a rollout does not advance, and how long it may take. NOW is a Friday, 12:00 UTC."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import INTERVAL, NOW, ago, doing, place, reasons, rollout, unchanged

from nereid.api.rollout_stage import Stage
from nereid.controller.plan.windows import Window
from nereid.controller.report.conditions import rollout_message

# Opens in an hour, at 13:00; it is closed on Saturday and Sunday.
LATER = Window(frozenset(range(5)), 13 * 60, 17 * 60, "UTC")
# Closes in an hour.
NOW_OPEN = Window(frozenset(range(7)), 9 * 60, 13 * 60, "UTC")
OUTSIDE = rollout().windows(LATER).stable("a")
HOUR = 3600


class TestWindows:
    def test_a_rollout_that_begins_outside_waits_without_traffic_until_one_opens(self):
        waiting = OUTSIDE.wanting("b").following()
        assert doing(waiting.decide()) == ("Preparing", "OutsideWindow")
        assert waiting.decide().requeue_after == HOUR
        ready = waiting.ready("b", 4)
        assert unchanged(ready)
        opened = replace(ready, state=ready.decide(NOW + timedelta(hours=1)).state)
        assert place(opened.decide(NOW + timedelta(hours=1))) == ("Propagating", 0, 20)

    def test_says_for_what_it_waits(self):
        waiting = OUTSIDE.wanting("b").following()
        assert rollout_message(waiting.report_input()) == (
            "Candidate b gets 0% of the traffic and waits for a window of spec.rollout.windows before step 1 of 2: the "
            "next one opens at 2026-11-20T13:00:00Z"
        )

    def test_what_has_passed_its_step_gets_no_more(self):
        held = OUTSIDE.candidate("b", weight=20, ready=4).holding(60)
        assert doing(held.settled().decide()) == ("Preparing", "OutsideWindow")
        assert place(held.settled().decide())[2] == 20

    def test_the_last_move_waits_too(self):
        assert doing(OUTSIDE.candidate("b", weight=50, step=2, ready=4).decide()) == ("Preparing", "OutsideWindow")

    def test_what_waits_is_judged_and_rolled_back(self):
        waiting = OUTSIDE.judged().candidate("b", weight=20).at(Stage.OUTSIDE_WINDOW, 60).looked(INTERVAL)
        failed = waiting.counted((100, 60), (400, 0)).decide().state
        assert (failed.phase, failed.failed.reason) == ("RollingBack", "GuardExceeded")

    def test_what_was_shown_while_it_waited_is_none_for_what_follows(self):
        waiting = OUTSIDE.judged().candidate("b", weight=20, ready=4).at(Stage.OUTSIDE_WINDOW, 60).looked(INTERVAL)
        shown = waiting.after(((1000, 0), (4000, 0)))
        opened = shown.windows(NOW_OPEN).following().following()
        assert (shown.state.analysis.verdict, place(opened.decide())) == ("Pass", ("Propagating", 1, 50))
        assert opened.state.analysis.verdict == "Continue"

    def test_what_has_lost_its_pass_while_it_waited_earns_it_anew(self):
        waiting = OUTSIDE.judged().candidate("b", weight=20, step=1, ready=4).at(Stage.OUTSIDE_WINDOW, 60)
        opened = waiting.looked(INTERVAL).windows(NOW_OPEN)
        assert opened.state.analysis.verdict == "Continue"
        assert place(opened.decide()) == ("Analyzing", 0, 20)

    @pytest.mark.parametrize("steps", [((20, None), (50, 60)), ((20, 60), (50, 60))])
    def test_what_went_on_without_a_pass_goes_on(self, steps):
        waiting = OUTSIDE.judged(on_inconclusive="Continue" if steps[0][1] else "Pause").steps(*steps)
        waiting = waiting.candidate("b", weight=20, step=1, ready=4).at(Stage.OUTSIDE_WINDOW, 60).looked(INTERVAL)
        assert doing(waiting.windows(NOW_OPEN).decide()) == ("Preparing", "StartingPods")

    def test_inside_all_goes_on_and_is_looked_at_when_it_closes(self):
        inside = rollout().windows(NOW_OPEN).stable("a").candidate("b", ready=0).preparing(0)
        assert unchanged(inside)
        assert place(inside.ready("b", 1).decide()) == ("Propagating", 0, 20)
        closing = rollout().windows(replace(NOW_OPEN, closes=12 * 60 + 1)).stable("a").candidate("b", ready=0)
        assert closing.decide().requeue_after == 60

    def test_a_promotion_by_hand_is_carried_out(self):
        promoted = OUTSIDE.candidate("b", weight=20, ready=4).at(Stage.OUTSIDE_WINDOW, 60).promote("b").following()
        assert place(promoted.decide()) == ("Promoting", 2, 100)

    def test_a_gate_that_is_opened_by_hand_gives_its_next_step_and_no_more(self):
        gate = OUTSIDE.steps((20, None), (50, 60)).candidate("b", weight=20, ready=4).at(Stage.AWAITING_PROMOTION, 5)
        passed = gate.promote("b", step=0).settled()
        assert place(passed.decide()) == ("Propagating", 1, 50)
        assert doing(passed.holding(60).settled().decide()) == ("Preparing", "OutsideWindow")

    def test_going_back_is_always_allowed(self):
        held = OUTSIDE.candidate("b", weight=20).holding(5)
        assert held.abort("b").decide().state.phase == "RollingBack"
        assert reasons(held.wanting("a").decide()) == ["SpecReverted"]
        back = rollout().windows(LATER).stable("a").served("a", "z").rollback("z").recorded("z", "a").following()
        assert doing(back.settled().decide()) == ("Preparing", "StartingPods")

    def test_checks_that_run_are_not_cut_off(self):
        running = OUTSIDE.candidate("b").preparing(5, "RunningChecks")
        assert doing(running.decide()) != ("Preparing", "OutsideWindow")

    def test_one_that_opened_and_closed_while_nobody_looked_is_waited_for_again(self):
        missed = OUTSIDE.candidate("b").at(Stage.OUTSIDE_WINDOW, 24 * HOUR)
        assert missed.decide().state.since == NOW
        assert missed.following().decide().requeue_after == HOUR

    def test_windows_that_are_removed_hold_nothing_up(self):
        assert doing(rollout().stable("a").candidate("b").at(Stage.OUTSIDE_WINDOW, 60).decide())[1] == "StartingPods"


class TestMaxDuration:
    LONG = rollout().stable("a").candidate("b", weight=20)

    @pytest.mark.parametrize("stage", [Stage.HOLDING, Stage.AWAITING_PROMOTION, Stage.STARTING_PODS])
    def test_a_rollout_that_takes_longer_is_rolled_back(self, stage):
        scenario = self.LONG.steps((20, None), (50, 60)) if stage is Stage.AWAITING_PROMOTION else self.LONG
        at = scenario.at(stage, 5).ready("b", 1)
        assert place(at.within(HOUR, started=HOUR - 1).decide())[2] == 20
        failed = at.within(HOUR, started=HOUR).decide().state
        assert (failed.phase, failed.failed.reason) == ("RollingBack", "MaxDurationExceeded")
        assert failed.failed.message.endswith("it had reached 20% of the traffic")

    def test_is_looked_at_when_its_time_is_over(self):
        gate = self.LONG.steps((20, None), (50, 60)).at(Stage.AWAITING_PROMOTION, 5)
        assert gate.within(HOUR, started=HOUR - 7).decide().requeue_after == 7

    def test_counts_from_the_beginning_of_the_attempt(self):
        assert rollout().stable("a").wanting("b").decide().state.started == NOW

    def test_of_a_rollout_that_an_earlier_operator_began_counts_from_its_stage(self):
        held = self.LONG.within(HOUR, started=0).holding(5)
        unknown = replace(held, state=replace(held.state, started=None))
        assert unknown.decide().state.started == ago(5)

    def test_what_is_promoted_or_has_all_traffic_is_not_rolled_back_for_it(self):
        promoted = self.LONG.promote("b").within(HOUR, started=HOUR - 1).at(Stage.PROMOTED_BY_USER, 5)
        assert promoted.within(HOUR, started=2 * HOUR).decide().state.failed is None
        moving = rollout().stable("a").candidate("b", weight=100, step=2).promoting(1).within(HOUR, started=2 * HOUR)
        assert unchanged(moving)

"""Little traffic: steps that nobody asked for suit what comes, and a model that nobody asks goes by its checks."""

from dataclasses import replace

import pytest
from tests.support.scenario import (
    ANALYSIS_DEADLINE,
    BUSY,
    FAILING,
    IDLE,
    INTERVAL,
    NEW,
    NOW,
    PROPAGATION,
    SLEEP_AFTER,
    doing,
    place,
    reasons,
    rollout,
    unchanged,
)
from tests.support.webhooks import YES, Walk, approval

from nereid.api.checks import SMOKE_CHECK
from nereid.api.rollout_stage import Stage
from nereid.api.status import QueryStatus
from nereid.controller.decide.rollout import query_results
from nereid.controller.plan.plan import Exposure, Query, Step

HOLD = 300
LAST_DEADLINE = 2700
# What half a request and ten per second bring to both in the five minutes of the first step, at 10%.
FEW = ((15, 0), (135, 0))
MANY = ((300, 0), (2700, 0))
# What a look brings, and nothing of it speaks against the candidate.
FLAWLESS = ((30, 0), (30, 0))
LATE = 60 + ANALYSIS_DEADLINE
QUERY = Query("memory", "...", minimum=None, maximum=8.0, max_ratio=None, failure_limit=3)


def auto(scenario):
    """Let nobody have asked for steps: 10% and then 50%, for five minutes at least."""
    steps = (Step(Exposure(10), HOLD), Step(Exposure(50), HOLD, LAST_DEADLINE))
    judged = scenario.judged(on_inconclusive="ContinueIfClean")
    return replace(judged, rollout=replace(judged.rollout, steps=steps, is_auto=True))


def seen(scenario, seconds, *intervals):
    """Let the candidate be at its step since so long, with these counts, the last of them taken just now."""
    return scenario.analyzing(1).after(*intervals).analyzing(seconds).looked(1)


FIRST = auto(rollout().stable("a")).candidate("b", weight=10)
LAST = auto(rollout().stable("a")).candidate("b", weight=50, step=1)


class TestTheFirstOfTheDefaultSteps:
    def test_is_passed_over_where_too_few_requests_come_to_earn_a_pass_there(self):
        decision = seen(FIRST, HOLD, FEW).decide()
        assert place(decision) == ("Preparing", 1, 10)
        assert reasons(decision) == ["LowTraffic"]
        assert "0.0% of 15 requests failed, too few come for a pass there" in decision.events[0].message

    def test_is_not_passed_over_before_its_hold_is_over(self):
        early = seen(FIRST, HOLD - 1, FEW)
        assert unchanged(early)
        assert early.decide().requeue_after == 1

    def test_has_to_be_passed_where_requests_enough_come(self):
        waiting = seen(FIRST, HOLD, MANY)
        assert unchanged(waiting)

    @pytest.mark.parametrize(
        "counted",
        [((9, 0), (81, 0)), ((0, 0), (0, 0)), ((15, 1), (135, 0))],
        ids=["fewer than the guard wants", "none", "of which one speaks against the candidate"],
    )
    def test_is_not_passed_over_by_such_requests(self, counted):
        waiting = seen(FIRST, HOLD, counted)
        assert unchanged(waiting)
        assert doing(waiting.analyzing(HOLD + ANALYSIS_DEADLINE).looked(1).decide()) == ("Paused", "Inconclusive")

    def test_is_not_passed_over_while_a_query_is_outside_its_limits(self):
        outside = QueryStatus(
            name=QUERY.name, value=9, passed=False, failures=1, definition=query_results.definition_of(QUERY)
        )
        assert unchanged(seen(FIRST, HOLD, FEW).asking(QUERY).looked(1, queries=(outside,)))

    def test_is_not_passed_over_where_somebody_has_asked_for_it(self):
        asked = seen(FIRST, HOLD, FEW)
        assert unchanged(replace(asked, rollout=replace(asked.rollout, is_auto=False)))

    def test_is_passed_over_later_too_once_some_requests_have_come(self):
        paused = seen(FIRST, HOLD, ((9, 0), (81, 0))).phase("Paused", 60, "Inconclusive")
        assert unchanged(paused)
        assert place(paused.looked(INTERVAL).counted((6, 0), (54, 0)).decide()) == ("Preparing", 1, 10)

    def test_the_last_one_is_never_passed_over(self):
        assert unchanged(seen(LAST, HOLD, ((75, 0), (75, 0))))

    def test_the_last_one_waits_for_longer(self):
        waiting = seen(LAST, HOLD + ANALYSIS_DEADLINE, ((1, 0), (1, 0))).looked(1, verdict="Continue")
        assert unchanged(waiting)
        assert doing(waiting.analyzing(HOLD + LAST_DEADLINE).looked(1).decide()) == ("Paused", "Inconclusive")


class TestContinueIfClean:
    CANARY = rollout().judged(on_inconclusive="ContinueIfClean").stable("a").candidate("b", weight=20)

    def test_goes_on_at_the_deadline_if_errors_lie_within_the_ceiling(self):
        decision = seen(self.CANARY, LATE, FLAWLESS, FLAWLESS).decide()
        assert place(decision) == ("Preparing", 1, 20)
        assert reasons(decision) == ["LowTraffic"]
        assert "within the guard's ceiling" in decision.events[0].message

    def test_does_not_before(self):
        assert unchanged(seen(self.CANARY, LATE - 1, FLAWLESS, FLAWLESS))

    @pytest.mark.parametrize(
        "counted",
        [(), (FLAWLESS,), (((60, 3), (60, 0)), FLAWLESS)],
        ids=["without requests", "after too few", "with what speaks against it"],
    )
    def test_pauses_else_and_goes_on_once_there_is_enough(self, counted):
        undecided = seen(self.CANARY, LATE, *counted)
        assert doing(undecided.decide()) == ("Paused", "Inconclusive")

    def test_goes_on_from_the_pause_by_itself(self):
        paused = seen(self.CANARY, LATE, FLAWLESS).phase("Paused", 60, "Inconclusive")
        assert unchanged(paused)
        assert place(paused.looked(INTERVAL).counted(*FLAWLESS).decide()) == ("Preparing", 1, 20)

    def test_is_not_judged_again_after_a_wait_in_which_nothing_was_heard(self):
        clean = seen(self.CANARY, LATE, FLAWLESS, FLAWLESS).exposed(LATE + PROPAGATION).ready("b", 4)
        asked = Walk(clean.calling(approval(when="EachStep"))).rest()
        assert (asked.state.stage, asked.state.weight) == (Stage.AWAITING_APPROVAL, 20)
        approved = asked.later(2).rest({"board": YES})
        assert (approved.state.stage, approved.state.weight) == (Stage.PROPAGATING, 50)

    def test_waits_for_queries(self):
        unknown = QueryStatus(name=QUERY.name, failures=0, definition=query_results.definition_of(QUERY))
        undecided = seen(self.CANARY, LATE, FLAWLESS, FLAWLESS).asking(QUERY).looked(1, queries=(unknown,))
        assert doing(undecided.decide()) == ("Paused", "Inconclusive")

    def test_is_what_only_the_user_may_ask_for_where_there_are_steps(self):
        undecided = seen(self.CANARY.judged(), LATE, FLAWLESS, FLAWLESS)
        assert doing(undecided.decide()) == ("Paused", "Inconclusive")


def sleepy(scenario, facts=IDLE):
    return scenario.scaled(1).autoscaled(may_sleep=True).smoke().scaler("a", facts)


class TestAModelThatNobodyAsks:
    CANARY = auto(rollout())
    STARTING = sleepy(CANARY).stable("a").candidate("b", ready=1).preparing(10).sleep("Awake", SLEEP_AFTER)
    EXPOSED = sleepy(CANARY).stable("a").candidate("b", weight=10).sleep("Awake", 60).has_passed()

    def test_is_rolled_out_by_checks_alone_and_sleeps_again(self):
        told = self.STARTING.decide()
        assert reasons(told) == ["JudgedByChecks"]
        checked = self.STARTING.following().following()
        assert doing(checked.decide()) == ("Preparing", "RunningChecks")
        passed = checked.checked((SMOKE_CHECK, True)).following()
        routed = passed.following()
        assert (routed.state.phase, routed.state.weight) == ("Promoting", 100)
        stable = routed.promoting(PROPAGATION).following()
        assert (stable.state.phase, stable.state.stable) == ("Completed", "b")
        rested = replace(stable, state=replace(stable.state, floor=0, retiring=())).phase("Completed", 3600)
        falling = rested.scaler("b", IDLE).following()
        assert falling.state.sleep.state == "FallingAsleep"

    def test_is_no_more_asked_for_the_requests_of_its_checks(self):
        passed = self.STARTING.following().following().checked((SMOKE_CHECK, True)).following()
        assert passed.scaler("b", BUSY).following().state.weight == 100

    def test_gets_nothing_if_its_check_fails(self):
        failed = self.STARTING.following().following().checked((SMOKE_CHECK, False)).decide()
        assert (failed.state.failed.reason, failed.state.weight) == ("CheckFailed", 0)

    def test_goes_through_its_steps_if_its_check_cannot_be_run(self):
        unknown = self.STARTING.following().following().checked(failure="no image").following()
        assert reasons(unknown.decide()) == ["JudgedBySteps"]
        assert unknown.following().state.step == 0

    @pytest.mark.parametrize(
        "change",
        [
            lambda one: sleepy(one, BUSY),
            lambda one: sleepy(one, FAILING),
            lambda one: sleepy(one, NEW),
            lambda one: one.autoscaled(may_sleep=False),
            lambda one: one.set_up(activator_service=""),
            lambda one: replace(one, rollout=replace(one.rollout, smoke=False)),
            lambda one: one.judged(on_inconclusive="Rollback"),
            lambda one: one.judged(provider="None"),
            lambda one: one.steps((10, 60), (50, None)),
        ],
        ids=[
            "asked for",
            "a scaler that fails",
            "a scaler that knows nothing yet",
            "a model that may not sleep",
            "no activator, so that it cannot",
            "no checks",
            "evidence or nothing",
            "nothing judged at all",
            "a gate",
        ],
    )
    def test_goes_through_its_steps_else(self, change):
        assert change(self.STARTING).decide().state.step == 0
        assert "JudgedByChecks" not in reasons(change(self.STARTING).decide())

    def test_goes_through_its_steps_once_it_is_asked(self):
        asked = self.STARTING.following().scaler("a", BUSY)
        assert reasons(asked.decide()) == ["JudgedBySteps"]
        assert asked.following().state.step == 0

    def test_leaves_a_step_that_it_has_come_to(self):
        decision = self.EXPOSED.analyzing(HOLD).looked(1).decide()
        assert doing(decision) == ("Preparing", "StartingPods")
        following = self.EXPOSED.analyzing(HOLD).looked(1).following()
        assert reasons(following.decide()) == ["JudgedByChecks"]
        assert following.following().following().state.weight == 100

    def test_stays_at_a_step_if_a_request_was_bad(self):
        assert unchanged(seen(self.EXPOSED, HOLD, ((1, 1), (0, 0))))

    def test_leaves_the_pause_that_it_came_to_while_it_was_asked(self):
        paused = self.EXPOSED.phase("Paused", 3600, "Inconclusive").looked(1)
        assert unchanged(paused.scaler("a", BUSY))
        assert paused.following().state.phase == "Preparing"

    def test_is_left_as_soon_as_the_hold_is_over(self):
        early = self.EXPOSED.analyzing(HOLD - 5).looked(1)
        assert early.decide(NOW).requeue_after == 5

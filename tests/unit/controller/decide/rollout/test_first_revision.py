"""The first revision: there is nothing stable to compare it with, or to go back to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import NOW, PROGRESS_DEADLINE, PROPAGATION, doing, reasons, rollout, shares, unchanged

from nereid.api.checks import AccuracyCheck, CheckSpec, ComparisonCheck
from nereid.controller.decide.rollout.routing import routing_of
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.facts import NOWHERE

ACCURACY = CheckSpec(name="accuracy", accuracy=AccuracyCheck(label="digit", output="label", minimum_percent=90))
COMPARISON = CheckSpec(name="same", comparison=ComparisonCheck(output="label", kind="Classes"))
CHECKED = rollout().checking(ACCURACY)
STARTS = CHECKED.wanting("a").following().ready("a", 0)
RUNS = STARTS.ready("a", 1).following()
# When the proxies have had the time to receive the route.
SERVED = NOW + timedelta(seconds=PROPAGATION)
FAILED = RUNS.checked(("accuracy", False)).following()


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


class TestChecks:
    def test_that_have_passed_make_it_stable_once_the_proxies_have_its_route(self):
        routed = replace(RUNS.checked(("accuracy", True)).following().following(), available={"a": 1})
        assert routed.state.weight == 100
        waiting = routed.decide()
        assert (waiting.state.stable, waiting.requeue_after) == (None, PROPAGATION)
        assert routed.decide(SERVED).state.stable == "a"

    def test_nothing_is_routed_to_it_before_they_have_passed(self):
        assert shares(CHECKED.wanting("a").decide()) == {"a": (4, 0)}
        assert unchanged(STARTS)
        assert (doing(STARTS.ready("a", 1).decide()), RUNS.state.weight) == (("Preparing", "RunningChecks"), 0)
        assert routing_of(RUNS.state) == NOWHERE

    def test_ask_it_alone(self):
        run = STARTS.ready("a", 1).decide().check_run
        assert (run.revision, run.stable, run.check_names) == ("a", "", ("accuracy",))

    def test_that_passed_open_the_route_and_then_it_is_stable(self):
        passed = RUNS.checked(("accuracy", True))
        assert reasons(passed.decide()) == ["ChecksPassed"]
        routed = passed.following().following()
        assert routed.state.weight == 100
        assert unchanged(routed.unrouted()), "before the route is there, nobody is served"
        served = routed.decide(SERVED).state
        assert (served.stable, served.phase) == ("a", "Completed")

    def test_that_compare_with_stable_are_left_out(self):
        assert CHECKED.checking(ACCURACY, COMPARISON).candidate(
            "a", step=2, ready=1
        ).decide().check_run.check_names == ("accuracy",)
        only = rollout().checking(COMPARISON)
        assert shares(only.wanting("a").decide()) == {"a": (4, 100)}
        assert only.smoke().candidate("a", step=2, ready=1).decide().check_run.check_names == ("smoke",)

    def test_that_failed_leave_it_without_a_route_and_with_its_pods(self):
        decision = RUNS.checked(("accuracy", False)).decide()
        assert (doing(decision), reasons(decision)) == (("Failed", "CheckFailed"), ["CheckFailed"])
        assert shares(decision) == {"a": (4, 0)}
        assert unchanged(FAILED)
        assert unchanged(FAILED.ready("a", 0).ready("a", 4))

    def test_that_failed_stay_failed_through_status(self):
        assert RolloutState.from_status(FAILED.report()) == FAILED.state

    def test_that_could_not_be_run_count_as_failed(self):
        decision = RUNS.checked(failure="the image cannot be pulled").decide()
        assert doing(decision) == ("Failed", "ChecksNotRun")
        assert unchanged(RUNS.checked(failure="the image cannot be pulled").following())

    def test_that_nobody_asked_for_and_could_not_be_run_let_it_serve(self):
        smoke = rollout().smoke().candidate("a", step=2, ready=1).following()
        decision = smoke.checked(failure="the pods may not be reached").decide()
        assert reasons(decision) == ["SmokeCheckNotRun"]
        assert smoke.checked(failure="x").following().following().state.weight == 100

    @pytest.mark.parametrize(
        "scenario",
        [
            FAILED.retry("a"),
            FAILED.checking(ACCURACY.model_copy(update={"name": "other"})),
            FAILED.checking(ACCURACY.model_copy(update={"when": "EachStep"})),
        ],
        ids=["retry", "another-check", "edited-check"],
    )
    def test_are_run_again_when_the_user_says_so(self, scenario):
        again = scenario.following()
        assert (again.state.reason, again.state.attempt, again.state.failed) == ("StartingPods", 2, None)
        assert again.following().state.reason == "RunningChecks"

    def test_that_failed_are_why_a_revision_was_left_that_served_before(self):
        """Nothing is left of stable, so that a former revision is the first one again."""
        again = FAILED.served("a", "z")
        failed = replace(RUNS, state=replace(RUNS.state, history=again.state.history)).checked(("accuracy", False))
        left = failed.decide().state.history
        assert [(one.revision, one.left_reason) for one in left] == [("a", "CheckFailed"), ("z", None)]

    def test_have_nothing_to_do_with_steps(self):
        """It gets all traffic at once: an edit of the steps is no other run, and no other number of pods."""
        edited = FAILED.steps((20, 60), (50, 60), (80, 60))
        assert unchanged(edited)
        assert shares(edited.decide()) == {"a": (4, 0)}

    def test_of_which_the_status_has_lost_the_failure_are_run_again(self):
        lost = replace(FAILED, state=replace(FAILED.state, failed=None, checks=None)).following()
        assert (lost.state.reason, lost.following().state.reason) == ("StartingPods", "RunningChecks")

    def test_that_are_taken_out_of_the_spec_or_overruled_let_it_serve(self):
        for scenario in (FAILED.checking(), FAILED.promote("a"), RUNS.promote("a")):
            serving = scenario.settled().decide(SERVED)
            assert (serving.state.stable, serving.state.failed) == ("a", None)

    def test_of_a_fixed_spec_begin_anew(self):
        fixed = FAILED.wanting("b").following()
        assert (fixed.state.candidate, fixed.state.failed, fixed.state.weight) == ("b", None, 0)
        assert [one.revision for one in fixed.state.retiring] == ["a"]
        assert fixed.ready("b", 1).following().state.reason == "RunningChecks"

    def test_of_a_spec_that_cannot_be_read_are_not_run(self):
        assert STARTS.ready("a", 1).held().decide().check_run is None
        held = RUNS.held().following()
        assert (held.state.reason, held.decide().check_run, held.state.since) == ("StartingPods", None, NOW)

    def test_are_not_run_for_one_that_an_earlier_operator_had_routed(self):
        serving = CHECKED.candidate("a", weight=100, step=2, ready=0)
        assert unchanged(serving)
        assert serving.ready("a", 1).decide().state.stable == "a"


class TestReport:
    def test_says_what_it_waits_for(self):
        status = {one.type: one for one in RUNS.report().conditions}
        assert (status["Ready"].reason, status["Available"].status) == ("FirstRevisionPending", "False")
        assert "is being checked before any traffic" in status["Ready"].message
        assert RUNS.report().phase == "Pending"

    def test_says_what_failed_and_what_to_change(self):
        report = FAILED.report()
        status = {one.type: one for one in report.conditions}
        assert (report.phase, report.rollout.state) == ("Failed", "Failed")
        assert (status["Ready"].status, status["Ready"].reason) == ("False", "CheckFailed")
        assert status["Ready"].message == (
            "First revision a gets no traffic: accuracy: accuracy is False. Change the spec, spec.rollout.checks if "
            "the check is wrong, or try again with annotation nereid.dev/retry=a"
        )
        assert (status["Available"].status, status["Progressing"].status) == ("False", "False")
        assert status["RolloutPassed"].reason == "CheckFailed"

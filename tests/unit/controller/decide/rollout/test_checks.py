"""Checks of a candidate before it gets traffic, and before each step where that is asked for."""

from dataclasses import replace

import pytest
from tests.support.scenario import NOW, PROGRESS_DEADLINE, ago, doing, place, reasons, rollout, unchanged

from nereid.api.checks import AccuracyCheck, CheckSpec
from nereid.controller.decide.rollout.decide import decide

ONE = CheckSpec(name="one", accuracy=AccuracyCheck(label="digit", output="label", minimum_percent=90))
EACH = ONE.model_copy(update={"name": "each", "when": "EachStep"})
TIMEOUT = 600
CHECKED = rollout().checking(ONE, EACH).stable("a")
FIRST = CHECKED.candidate("b", ready=1)
RUNS = FIRST.preparing(5, "RunningChecks")
SMOKE = rollout().smoke().stable("a").candidate("b", ready=1)
SMOKES = SMOKE.preparing(5, "RunningChecks")
LATER = CHECKED.candidate("b", weight=20, step=1, ready=2)


class TestStart:
    def test_with_the_pods_of_the_first_step_and_before_any_traffic(self):
        decision = FIRST.decide()
        assert doing(decision) == ("Preparing", "RunningChecks")
        assert (decision.state.weight, reasons(decision)) == (0, ["ChecksStarted"])
        assert decision.requeue_after == TIMEOUT

    def test_not_before_the_pods_are_there(self):
        assert unchanged(CHECKED.candidate("b", ready=0))
        assert CHECKED.candidate("b", ready=0).decide().check_run is None

    def test_say_what_is_to_be_run(self):
        run = FIRST.decide().check_run
        assert (run.revision, run.stable, run.attempt, run.step) == ("b", "a", 1, 0)
        assert ([check.name for check in run.checks], run.timeout) == (["one", "each"], TIMEOUT)

    def test_later_only_those_of_each_step(self):
        run = LATER.has_passed(("one", True), ("each", True)).decide().check_run
        assert (run.step, [check.name for check in run.checks]) == (1, ["each"])

    def test_before_everything_as_well(self):
        last = CHECKED.candidate("b", weight=50, step=2, ready=4).has_passed(("each", True), step=1)
        assert last.decide().check_run.step == 2

    def test_never_later_where_none_is_for_each_step(self):
        once = LATER.checking(ONE).has_passed()
        assert place(once.decide()) == ("Propagating", 1, 50)

    @pytest.mark.parametrize(
        "scenario",
        [
            rollout().checking(ONE).candidate("a", weight=100, step=2),
            FIRST.preparing(0, "Promoted"),
            RUNS.promote("b"),
            FIRST.checking(),
        ],
        ids=["first-revision-that-serves", "promoted", "promoted-meanwhile", "none"],
    )
    def test_is_skipped(self, scenario):
        assert scenario.decide().check_run is None
        assert scenario.decide().state.reason != "RunningChecks"

    def test_is_skipped_by_the_fast_track(self):
        before = rollout().checking(ONE).fast_track().stable("a").served("a", "b").wanting("b").ready("b", 4)
        fast = before.following()
        assert fast.state.is_fast
        assert place(fast.decide()) == ("Promoting", 2, 100)

    def test_of_another_attempt_is_another_run(self):
        runs = [CHECKED.candidate("b", ready=1, attempt=attempt).decide().check_run for attempt in (1, 2)]
        assert runs[0].id != runs[1].id


class TestOutcome:
    def test_all_passed_opens_the_step(self):
        passed = RUNS.checked(("one", True), ("each", True))
        decision = passed.decide()
        assert doing(decision) == ("Preparing", "StartingPods")
        assert (reasons(decision), decision.check_run) == (["ChecksPassed"], None)
        assert decision.events[0].message == "Revision b passed its checks: one: one is True; each: each is True"
        assert [(one.name, one.passed) for one in decision.state.checks.results] == [("one", True), ("each", True)]
        assert place(passed.following().decide()) == ("Propagating", 0, 20)

    def test_one_failed_takes_the_candidate_back(self):
        decision = RUNS.checked(("one", True), ("each", False)).decide()
        assert doing(decision) == ("RollingBack", "CheckFailed")
        assert decision.state.failed.message == "each: each is False"
        assert [one.passed for one in decision.state.checks.results] == [True, False]

    def test_takes_the_candidate_back_from_a_later_step(self):
        decision = LATER.preparing(5, "RunningChecks").checked(("each", False)).decide()
        assert (decision.state.candidate, decision.state.failed.reason) == (None, "CheckFailed")

    def test_not_run_takes_the_candidate_back_as_it_is_unknown(self):
        decision = RUNS.checked(failure="the image cannot be pulled").decide()
        assert doing(decision) == ("RollingBack", "ChecksNotRun")
        assert "the image cannot be pulled" in decision.state.failed.message

    def test_is_waited_for(self):
        assert unchanged(RUNS)
        assert unchanged(RUNS.checked()), "a Job that runs has no results yet"
        assert RUNS.decide().requeue_after == TIMEOUT - 5
        assert RUNS.decide().check_run.id == FIRST.decide().check_run.id

    def test_is_not_waited_for_for_ever(self):
        late = RUNS.preparing(TIMEOUT, "RunningChecks")
        decision = late.decide()
        assert doing(decision) == ("RollingBack", "ChecksNotRun")
        assert "the Job did not finish" in decision.state.failed.message
        hindered = decide(late.plan, replace(late.observed, why_not_running="no node has room"), late.state, NOW)
        assert "no node has room" in hindered.state.failed.message

    def test_of_another_run_is_none(self):
        before = RUNS.checked(("one", False), ("each", False))
        assert before.checks
        assert unchanged(replace(before, checks=replace(before.checks, run="another")))

    def test_lacking_a_check_is_none_that_passed(self):
        decision = RUNS.checked(("one", True)).decide()
        assert doing(decision) == ("RollingBack", "ChecksNotRun")
        assert "each" in decision.state.failed.message

    def test_is_not_needed_where_the_checks_are_taken_out_of_the_spec(self):
        assert doing(RUNS.checking().decide()) == ("Preparing", "StartingPods")

    def test_counts_for_its_step_alone(self):
        passed = LATER.has_passed(("each", True), step=1)
        assert place(passed.decide()) == ("Propagating", 1, 50)
        assert doing(LATER.has_passed(("each", False), step=1).decide()) == ("Preparing", "RunningChecks")

    def test_counts_while_pods_come_and_go(self):
        """The time for pods begins anew after the checks, and they are not run again."""
        waiting = CHECKED.candidate("b", ready=0).preparing(5).has_passed()
        assert unchanged(waiting)
        assert place(waiting.ready("b", 1).decide()) == ("Propagating", 0, 20)
        assert waiting.preparing(PROGRESS_DEADLINE).decide().state.failed.reason == "ProgressDeadlineExceeded"


class TestMeanwhile:
    def test_an_abort_counts(self):
        assert doing(RUNS.abort("b").decide()) == ("RollingBack", "Aborted")

    def test_a_pause_stops_them_and_they_begin_anew_after_it(self):
        paused = RUNS.paused().following()
        assert (doing(paused.decide()), paused.decide().check_run) == (("Preparing", "PausedBySpec"), None)
        assert paused.state.since == NOW
        resumed = FIRST.preparing(99, "PausedBySpec").following()
        assert doing(resumed.decide()) == ("Preparing", "RunningChecks")

    def test_a_new_revision_stops_them(self):
        decision = RUNS.wanting("c").decide()
        assert (decision.state.candidate, decision.check_run) == ("c", None)

    def test_bad_evidence_takes_the_candidate_back(self):
        judged = CHECKED.judged().candidate("b", weight=20, step=1, ready=2).preparing(5, "RunningChecks").looked(30)
        assert doing(judged.counted((100, 60)).decide()) == ("RollingBack", "GuardExceeded")

    def test_a_candidate_that_lost_its_pods_is_rolled_back(self):
        lost = LATER.preparing(5, "RunningChecks").ready("b", 0)
        assert doing(lost.decide()) == ("RollingBack", "NoReadyReplica")

    def test_the_time_of_a_run_begins_with_it(self):
        assert FIRST.preparing(PROGRESS_DEADLINE).decide().state.since == NOW
        assert RUNS.state.since == ago(5)


class TestBuiltInCheck:
    def test_runs_where_nothing_is_configured(self):
        run = SMOKE.decide().check_run
        assert (run.check_names, run.stable, run.is_optional) == (("smoke",), "a", True)
        assert SMOKE.decide().events[0].message == "Checks of revision b start: smoke"

    def test_is_switched_off(self):
        assert SMOKE.smoke(asked_for=False).decide().check_run is None
        assert place(SMOKE.smoke(asked_for=False).decide()) == ("Propagating", 0, 20)

    def test_is_not_needed_beside_checks_that_ask_the_candidate(self):
        assert SMOKE.checking(ONE).decide().check_run.check_names == ("one",)

    def test_runs_beside_others_where_it_is_asked_for(self):
        run = SMOKE.checking(ONE).smoke(asked_for=True).decide().check_run
        assert (run.check_names, run.is_optional) == (("smoke", "one"), False)
        assert run.id != SMOKE.checking(ONE).decide().check_run.id

    def test_runs_before_the_first_traffic_alone(self):
        later = rollout().smoke(asked_for=True).stable("a").candidate("b", weight=20, step=1, ready=2)
        assert place(later.decide()) == ("Propagating", 1, 50)

    def test_opens_the_step(self):
        passed = SMOKES.checked(("smoke", True))
        assert reasons(passed.decide()) == ["ChecksPassed"]
        assert place(passed.following().decide()) == ("Propagating", 0, 20)

    def test_takes_a_candidate_back_that_fails_it_before_it_had_traffic(self):
        decision = SMOKES.checked(("smoke", False)).decide()
        assert (doing(decision), decision.state.weight) == (("RollingBack", "CheckFailed"), 0)

    def test_holds_up_no_rollout_where_its_job_cannot_run(self):
        """Nobody asked for it: a policy that keeps the Job out must not keep every version out."""
        for scenario in (SMOKES.checked(failure="the pods may not be reached"), SMOKES.preparing(180, "RunningChecks")):
            decision = scenario.decide()
            assert (doing(decision), reasons(decision)) == (("Preparing", "StartingPods"), ["SmokeCheckNotRun"])
            assert [result.passed for result in decision.state.checks.results] == [True]
            assert "unknown" in decision.state.checks.results[0].message
            assert place(scenario.following().decide()) == ("Propagating", 0, 20)

    def test_is_waited_for_briefly_where_nobody_asked_for_it(self):
        assert SMOKES.decide().requeue_after == 180 - 5
        assert SMOKES.smoke(asked_for=True).decide().requeue_after == TIMEOUT - 5

    def test_must_have_run_where_it_is_asked_for(self):
        decision = SMOKES.smoke(asked_for=True).checked(failure="the pods may not be reached").decide()
        assert doing(decision) == ("RollingBack", "ChecksNotRun")

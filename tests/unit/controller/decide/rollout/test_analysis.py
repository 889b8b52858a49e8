"""What the judge's evidence does to a rollout: pass, fail, undecided, and when it is looked at."""

from dataclasses import replace

import pytest
from tests.support.scenario import (
    ANALYSIS_DEADLINE,
    INTERVAL,
    NOW,
    PROPAGATION,
    ago,
    doing,
    place,
    reasons,
    rollout,
    unchanged,
)

from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, Comparison, Sample

JUDGED = rollout().judged().stable("a")
CANARY = JUDGED.candidate("b", weight=20)
GOOD = ((1000, 0), (4000, 0))
WORSE = ((200, 16), (800, 1))  # 8% failed: under the guard's 10%, and far more than stable's
UNDECIDED = ((5, 0), (20, 0))


def wanted(scenario, now=NOW):
    return wanted_sample(scenario.plan, scenario.state, now)


class TestLooks:
    def test_begin_with_the_first_exposure(self):
        exposed = JUDGED.candidate("b", ready=1).decide()
        assert (exposed.state.analysis.sampled_at, exposed.state.analysis.evidence) == (NOW, {})
        assert JUDGED.candidate("b").state.analysis is None

    def test_of_tritons_own_counters_begin_at_once_as_they_have_no_past_to_ask_for(self):
        exposed = JUDGED.judged(provider="Triton").candidate("b", ready=1).following()
        assert exposed.decide().requeue_after == 1

    def test_follow_each_other_at_every_interval(self):
        assert wanted(CANARY.analyzing(5).looked(INTERVAL - 1)) is None
        assert wanted(CANARY.analyzing(5).looked(INTERVAL)) is not None

    def test_wake_the_operator_when_they_are_due_but_not_while_one_is_under_way(self):
        assert CANARY.analyzing(5).looked(10).decide().requeue_after == INTERVAL - 10
        assert CANARY.analyzing(5).looked(INTERVAL).decide().requeue_after == 55 + ANALYSIS_DEADLINE

    def test_ask_for_everything_that_is_needed_to_count(self):
        request = wanted(CANARY.analyzing(5).looked(INTERVAL, errors=2))
        assert (request.namespace, request.name, request.model) == ("models", "digits", "digits")
        assert (request.candidate, request.stable, request.since) == ("b", "a", ago(INTERVAL))
        assert (request.attempt, request.is_mirrored, request.has_control) == (2, False, True)
        assert request.analysis == CANARY.plan.rollout.analysis

    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Analyzing", "Paused", "Promoting", "RollingBack"])
    def test_go_on_in_every_state_with_traffic(self, phase):
        assert wanted(CANARY.phase(phase).looked(INTERVAL)) is not None

    @pytest.mark.parametrize(
        "scenario",
        [
            rollout().judged().stable("a"),
            JUDGED.candidate("b"),
            JUDGED.rolling_back(5),
            rollout().judged().candidate("b", weight=100, step=2).looked(INTERVAL),
            replace(CANARY.looked(INTERVAL), rollout=rollout().rollout),
        ],
        ids=["no-candidate", "no-traffic", "rolling-back", "first-revision", "not-judged"],
    )
    def test_there_are_none_where_nothing_is_to_be_judged(self, scenario):
        assert wanted(scenario) is None
        assert scenario.counted((100, 100)).decide().state == scenario.decide().state

    @pytest.mark.parametrize("phase", ["Holding", "Paused"])
    def test_begin_as_soon_as_the_spec_asks_for_them(self, phase):
        held = rollout().stable("a").candidate("b", weight=20).phase(phase, 5, "AwaitingPromotion")
        assert held.state.analysis is None
        assert held.judged().decide().state.analysis.sampled_at == NOW

    def test_that_are_not_due_any_more_say_nothing(self):
        early = CANARY.analyzing(5).looked(INTERVAL - 1)
        assert unchanged(early.counted((100, 100)))

    def test_that_end_before_the_last_one_say_nothing_but_that_a_clock_is_wrong(self):
        known = CANARY.analyzing(5).counted((100, 100), until=ago(INTERVAL)).decide().state
        assert (known.phase, known.analysis.evidence, known.analysis.errors) == ("Analyzing", {}, 1)

    def test_end_where_the_next_one_begins(self):
        learned = CANARY.analyzing(5).counted(*UNDECIDED, until=ago(5)).decide().state.analysis
        assert (learned.sampled_at, learned.looked_at) == (ago(5), NOW)

    def test_add_up(self):
        evidence = CANARY.analyzing(5).after(UNDECIDED, UNDECIDED).state.analysis.evidence
        assert evidence.keys() == {ERRORS, REJECTIONS}
        assert (evidence[ERRORS].candidate, evidence[ERRORS].stable) == (Counts(10, 0), Counts(40, 0))

    def test_add_up_what_triton_counted_beside_them(self):
        scenario = CANARY.analyzing(5).counted(*UNDECIDED)
        seen = Comparison(Counts(5, 1), Counts(20, 0))
        assert isinstance(scenario.sample, Sample)
        scenario = replace(scenario, sample=replace(scenario.sample, triton=seen))
        once = replace(scenario, state=scenario.decide().state).looked(INTERVAL)
        assert once.state.analysis.triton == seen
        assert once.decide().state.analysis.triton == Comparison(Counts(10, 2), Counts(40, 0))
        assert once.counted(*UNDECIDED).decide().state.analysis.triton == seen


class TestPass:
    def test_the_next_step_needs_the_hold_and_a_pass(self):
        assert place(CANARY.analyzing(60).counted(*GOOD).decide()) == ("Preparing", 1, 20)

    def test_good_evidence_waits_for_the_hold(self):
        passed = CANARY.analyzing(59).after(GOOD)
        assert passed.state.analysis.verdict == "Pass"
        assert place(passed.decide()) == ("Analyzing", 0, 20)
        assert passed.looked(0).decide().requeue_after == 1

    def test_the_hold_alone_does_not_suffice(self):
        assert place(CANARY.analyzing(60 + ANALYSIS_DEADLINE - 1).decide()) == ("Analyzing", 0, 20)

    def test_what_was_seen_at_the_step_before_does_not_suffice(self):
        """The candidate gets more than ever before: there has to be a look at that."""
        before = CANARY.analyzing(60).looked(INTERVAL, verdict="Pass")
        assert place(before.decide()) == ("Preparing", 1, 20)
        assert place(before.analyzing(60).looked(60, verdict="Pass").decide()) == ("Analyzing", 0, 20)
        again = before.looked(61, verdict="Pass")
        assert place(again.decide()) == ("Analyzing", 0, 20)
        assert place(again.counted(*UNDECIDED).decide()) == ("Analyzing", 0, 20)

    def test_evidence_of_the_steps_before_counts(self):
        passed = JUDGED.candidate("b", weight=50, step=1).analyzing(60).after(GOOD)
        assert place(passed.counted(*UNDECIDED).decide()) == ("Preparing", 2, 50)

    def test_evidence_is_kept_when_the_next_step_opens(self):
        known = CANARY.analyzing(5).after(GOOD).state.analysis
        next_step = JUDGED.candidate("b", weight=20, step=1, ready=2)
        opened = replace(next_step, state=replace(next_step.state, analysis=known)).decide()
        assert (place(opened), opened.state.analysis) == (("Propagating", 1, 50), known)

    def test_a_pass_that_the_provider_failed_to_confirm_waits(self):
        passed = CANARY.analyzing(60).looked(0, verdict="Pass", errors=1)
        assert place(passed.decide()) == ("Analyzing", 0, 20)

    def test_is_not_waited_for_where_nothing_is_judged(self):
        assert CANARY.analyzing(5).judged(provider="None").decide().state.phase == "Holding"

    def test_is_waited_for_since_the_spec_asks_for_it(self):
        holding = rollout().stable("a").candidate("b", weight=20).holding(60)
        assert doing(holding.judged().decide()) == ("Analyzing", "CollectingEvidence")


class TestFail:
    FAILING = CANARY.analyzing(5).after(WORSE)

    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Analyzing", "Paused", "Promoting"])
    def test_takes_the_candidate_back_from_every_state(self, phase):
        """A gate or a pause never stops the analysis."""
        decision = self.FAILING.paused().phase(phase).looked(INTERVAL).counted(*WORSE).decide()
        assert doing(decision) == ("RollingBack", "AnalysisFailed")
        assert (decision.state.candidate, decision.state.failed.reason) == (None, "AnalysisFailed")
        assert decision.state.analysis.verdict == "Fail"
        assert reasons(decision) == ["RolledBack"]

    def test_takes_a_candidate_back_that_waits_for_its_promotion(self):
        waiting = JUDGED.steps((20, None)).candidate("b", weight=20).phase("Paused", 5, "AwaitingPromotion")
        assert doing(waiting.looked(INTERVAL).after(WORSE).counted(*WORSE).decide())[0] == "RollingBack"

    def test_tells_both_rates(self):
        message = self.FAILING.counted(*WORSE).decide().state.failed.message
        assert message == "more errors than stable: 8.0% of 400 requests, compared with 0.1% of 1600 requests"

    def test_stays_so_after_it_was_decided(self):
        failed = replace(self.FAILING, state=self.FAILING.counted(*WORSE).decide().state)
        gone = failed.phase("RollingBack", PROPAGATION, "AnalysisFailed").counted(*GOOD)
        assert doing(gone.decide()) == ("Failed", "AnalysisFailed")

    def test_one_bad_interval_is_not_enough_unless_it_is_beyond_the_guard(self):
        assert place(self.FAILING.decide()) == ("Analyzing", 0, 20)

    def test_as_bad_as_stable_is_not_worse(self):
        as_bad = ((200, 16), (800, 64))
        assert CANARY.analyzing(5).after(as_bad, as_bad, as_bad).state.candidate == "b"

    def test_rejections_count_as_well(self):
        rejecting = CANARY.analyzing(5).counted((200, 0), (800, 0))
        refused = Comparison(Counts(200, 100), Counts(800, 0))
        assert isinstance(rejecting.sample, Sample)
        sample = replace(rejecting.sample, metrics={**rejecting.sample.metrics, REJECTIONS: refused})
        twice = replace(rejecting, sample=sample, state=replace(rejecting, sample=sample).decide().state)
        failed = twice.looked(INTERVAL).decide().state.failed
        assert (failed.reason, failed.message.startswith("more rejections than stable")) == ("AnalysisFailed", True)

    def test_is_not_lost_to_a_command_of_the_same_moment(self):
        """A rejected rollback by hand changes the state first; the sample is still there at the next pass."""
        failing = self.FAILING.counted(*WORSE).rollback("unknown")
        refused = failing.decide()
        assert refused.state.analysis == failing.state.analysis
        assert replace(failing, state=refused.state).decide().state.failed.reason == "AnalysisFailed"


class TestUndecided:
    LATE = 60 + ANALYSIS_DEADLINE

    def test_at_the_deadline_pauses(self):
        decision = CANARY.analyzing(self.LATE).decide()
        assert doing(decision) == ("Paused", "Inconclusive")
        assert (reasons(decision), decision.events[0].type) == (["Inconclusive"], "Warning")
        assert decision.state.analysis.verdict == "Inconclusive"

    def test_at_the_deadline_goes_on_if_the_user_said_so(self):
        assert place(CANARY.judged(on_inconclusive="Continue").analyzing(self.LATE).decide()) == ("Preparing", 1, 20)

    def test_at_the_deadline_is_rolled_back_if_the_user_said_so(self):
        decision = CANARY.judged(on_inconclusive="Rollback").analyzing(self.LATE).decide()
        assert doing(decision) == ("RollingBack", "Inconclusive")
        assert decision.state.failed.reason == "Inconclusive"

    def test_evidence_at_the_deadline_counts_first(self):
        assert place(CANARY.analyzing(self.LATE).counted(*GOOD).decide()) == ("Preparing", 1, 20)

    def test_no_requests_at_all_are_no_evidence(self):
        assert doing(CANARY.analyzing(self.LATE).counted((0, 0)).decide()) == ("Paused", "Inconclusive")

    def test_no_metrics_at_all_are_no_evidence(self):
        scenario = CANARY.analyzing(60).counted((0, 0))
        assert isinstance(scenario.sample, Sample)
        empty = replace(scenario, sample=replace(scenario.sample, metrics={}))
        assert place(empty.decide()) == ("Analyzing", 0, 20)

    @pytest.mark.parametrize("answer", ["Pause", "Continue", "Rollback"])
    def test_is_not_decided_while_the_provider_fails(self, answer):
        failing = CANARY.judged(on_inconclusive=answer).analyzing(self.LATE).looked(INTERVAL, errors=1)
        assert unchanged(failing)
        assert failing.decide().requeue_after is None, "the look that is under way wakes the operator"
        assert doing(failing.counted((0, 0)).decide()) != ("Analyzing", "CollectingEvidence")


class TestPausedAsUndecided:
    PAUSED = CANARY.phase("Paused", 300, "Inconclusive").looked(INTERVAL)

    def test_is_looked_at_still(self):
        assert wanted(self.PAUSED) is not None
        assert self.PAUSED.looked(1).decide().requeue_after == INTERVAL - 1

    def test_goes_on_by_itself_as_soon_as_there_is_evidence_enough(self):
        assert unchanged(self.PAUSED)
        assert doing(self.PAUSED.counted(*UNDECIDED).decide()) == ("Paused", "Inconclusive")
        assert place(self.PAUSED.counted(*GOOD).decide()) == ("Preparing", 1, 20)

    def test_goes_on_by_promotion(self):
        assert place(self.PAUSED.promote("b").decide()) == ("Preparing", 2, 20)

    def test_is_judged_anew_where_the_user_changes_what_happens_at_the_deadline(self):
        assert doing(self.PAUSED.judged(on_inconclusive="Rollback").decide()) == ("Analyzing", "CollectingEvidence")

    def test_holds_where_nothing_is_judged_any_more(self):
        assert doing(self.PAUSED.judged(provider="None").decide()) == ("Holding", "HoldingWeight")

    def test_a_pause_in_the_spec_counts_more(self):
        assert doing(self.PAUSED.paused().counted(*GOOD).decide()) == ("Paused", "PausedBySpec")


class TestOtherMargins:
    def test_begin_anew_as_evidence_against_one_hypothesis_is_none_against_another(self):
        known = CANARY.analyzing(5).after(WORSE)
        state = known.judged(tolerated=2.0).counted(*UNDECIDED).decide().state
        assert state.analysis.evidence[ERRORS].candidate == Counts(5, 0)

    def test_the_same_ones_go_on(self):
        known = CANARY.analyzing(5).after(WORSE).judged(interval=7, deadline=7, on_inconclusive="Continue")
        state = known.counted(*UNDECIDED).decide().state
        assert state.analysis.evidence[ERRORS].candidate == Counts(205, 16)

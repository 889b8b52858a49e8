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

from nereid.controller.decide.judge.eprocess import EProcess
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW, Comparison, QueryReading, Sample
from nereid.controller.plan.plan import Guard, Query

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
        assert CANARY.analyzing(5).looked(INTERVAL).decide().requeue_after is None, "its answer does"

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
    OPENED = JUDGED.candidate("b", weight=20, step=1, ready=1).looked(INTERVAL).after(GOOD).ready("b", 2)

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

    def test_what_was_shown_for_it_begins_anew_when_the_next_step_opens(self):
        """A candidate may be fine with a little traffic, and fail under more."""
        opened = self.OPENED.decide()
        before, after = self.OPENED.state.analysis, opened.state.analysis
        assert (place(opened), before.verdict, after.verdict) == (("Propagating", 1, 50), "Pass", "Continue")
        assert after.evidence[ERRORS].passing == EProcess()
        assert after.evidence[ERRORS].candidate == before.evidence[ERRORS].candidate

    def test_what_was_shown_against_it_goes_on_when_the_next_step_opens(self):
        worse = self.OPENED.ready("b", 1).after(WORSE).ready("b", 2)
        before, after = worse.state.analysis.evidence[ERRORS], worse.decide().state.analysis.evidence[ERRORS]
        assert before.failing.log_value > 0
        assert (after.failing, after.beyond) == (before.failing, before.beyond)

    def test_takes_evidence_of_its_own_at_every_step(self):
        again = replace(self.OPENED, state=self.OPENED.decide().state).analyzing(60 - PROPAGATION)
        assert place(again.after(UNDECIDED).decide()) == ("Analyzing", 1, 50)
        later = again.exposed(90).analyzing(60)
        assert place(later.counted(*UNDECIDED).decide()) == ("Analyzing", 1, 50)
        assert place(later.counted(*GOOD).decide()) == ("Preparing", 2, 50)

    def test_an_interval_with_requests_of_the_step_before_is_no_evidence_for_it(self):
        """It began before the proxies had the route."""
        early = replace(self.OPENED, state=self.OPENED.decide().state).analyzing(60)
        assert place(early.exposed(INTERVAL + PROPAGATION - 1).counted(*GOOD).decide()) == ("Analyzing", 1, 50)
        assert place(early.exposed(INTERVAL + PROPAGATION).counted(*GOOD).decide()) == ("Preparing", 2, 50)
        ahead = early.exposed(-3600).counted(*GOOD).decide()
        assert ahead.state.analysis.exposed_at == NOW, "the clock was set back since"
        against = early.exposed(INTERVAL).counted(*WORSE).decide().state.analysis.evidence[ERRORS]
        assert against.failing.log_value > 0

    def test_with_surge_0_begins_anew_as_well_with_every_pod(self):
        one = rollout().steps((75, 60)).without_surge().judged().stable("a", ready=3).candidate("b", ready=1)
        first = one.following()
        assert first.state.weight == 25
        shown = first.looked(INTERVAL).after(GOOD)
        more = shown.ready("b", 2).ready("a", 2).following()
        assert more.state.weight == 50, "on the way to 75%"
        assert shown.state.analysis.evidence[ERRORS].passing != EProcess()
        assert more.state.analysis.evidence[ERRORS].passing == EProcess()

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
        decision = CANARY.analyzing(self.LATE).looked(1).decide()
        assert doing(decision) == ("Paused", "Inconclusive")
        assert (reasons(decision), decision.events[0].type) == (["Inconclusive"], "Warning")
        assert decision.state.analysis.verdict == "Inconclusive"

    def test_at_the_deadline_goes_on_if_the_user_said_so(self):
        assert place(CANARY.judged(on_inconclusive="Continue").analyzing(self.LATE).looked(1).decide()) == (
            "Preparing",
            1,
            20,
        )

    def test_at_the_deadline_is_rolled_back_if_the_user_said_so(self):
        decision = CANARY.judged(on_inconclusive="Rollback").analyzing(self.LATE).looked(1).decide()
        assert doing(decision) == ("RollingBack", "Inconclusive")
        assert decision.state.failed.reason == "Inconclusive"

    @pytest.mark.parametrize("answer", ["Pause", "Continue", "Rollback"])
    def test_waits_for_a_look_that_is_under_way_at_the_deadline(self, answer):
        """Whether there is no evidence, or the provider fails, is not known before it has answered."""
        looking = CANARY.judged(on_inconclusive=answer).analyzing(self.LATE + 100)
        assert unchanged(looking)
        assert looking.decide().requeue_after is None, "the answer wakes the operator"
        failing = looking.provider_fails().following()
        assert (failing.state.phase, failing.state.analysis.errors) == ("Analyzing", 1)

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


class TestEdits:
    """An edit of the analysis makes only the evidence begin anew that is about what was edited."""

    KNOWN = CANARY.analyzing(5).after(WORSE, UNDECIDED)
    PROCESSES = ("failing", "passing", "beyond", "within")

    def anew(self, edited):
        """Return which evidence of errors begins anew with an edit, before anything more is counted."""
        before, after = self.KNOWN.state.analysis.evidence[ERRORS], edited.decide().state.analysis.evidence[ERRORS]
        assert after.candidate == before.candidate, "the counts go on"
        return {name for name in self.PROCESSES if getattr(after, name) != getattr(before, name)}

    @pytest.mark.parametrize(
        ("edit", "anew", "told"),
        [
            ({"tolerated": 2.0}, {"failing"}, "judge.tolerated is 2 and was 1.5"),
            ({"against": 4.0}, {"passing"}, "judge.against is 4 and was 3"),
            ({"negligible": 0.02}, {"passing"}, "judge.negligiblePercent is 2 and was 1"),
            ({"guard": Guard(0.2, None, 10)}, {"beyond", "within"}, "guard.maxErrorPercent is 20 and was 10"),
            ({"burst": 5}, {"failing", "passing", "beyond", "within"}, "judge.burst is 5 and was 1"),
        ],
        ids=["tolerated", "against", "negligible", "ceiling", "burst"],
    )
    def test_of_a_margin_begins_anew_what_is_about_it_and_tells(self, edit, anew, told):
        edited = self.KNOWN.judged(**edit)
        assert self.anew(edited) == anew
        assert reasons(edited.decide()) == ["EvidenceReset"]
        assert told in edited.decide().events[0].message
        assert "of errors" in edited.decide().events[0].message
        assert edited.following().decide().events == ()

    @pytest.mark.parametrize(
        "edit",
        [
            {"interval": 7},
            {"deadline": 7},
            {"on_inconclusive": "Continue"},
            {"alpha": 0.02},
            {"beta": 0.1},
            {"guard": Guard(0.1, None, 99)},
        ],
        ids=lambda edit: next(iter(edit)),
    )
    def test_of_all_else_keeps_all_evidence(self, edit):
        edited = self.KNOWN.judged(**edit)
        assert (self.anew(edited), reasons(edited.decide())) == (set(), [])

    def test_of_a_margin_leaves_no_more_evidence_than_there_was_and_none_against_the_candidate(self):
        against = self.KNOWN.state.analysis.evidence[ERRORS]
        edited = self.KNOWN.judged(tolerated=2.0, against=4.0).decide().state.analysis.evidence[ERRORS]
        assert against.failing.log_value > 0 > against.passing.log_value
        assert (edited.failing.log_value, edited.passing.log_value) == (0, against.passing.log_value)

    def test_of_a_margin_is_no_pass_until_it_was_looked_at(self):
        passed = CANARY.analyzing(5).after(GOOD).analyzing(60)
        assert (passed.state.analysis.verdict, place(passed.decide())) == ("Pass", ("Preparing", 1, 20))
        assert place(passed.judged(against=2.0).decide()) == ("Analyzing", 0, 20)

    def test_a_latency_objective_joins_and_the_rest_goes_on(self):
        edited = self.KNOWN.judged(latency_objective=100)
        known, after = self.KNOWN.state.analysis, edited.decide().state.analysis
        assert self.anew(edited) == set()
        assert (after.evidence.keys() - known.evidence.keys(), known.shares, after.shares) == ({SLOW}, 2, 3)
        assert "slow is judged from now on" in edited.decide().events[0].message

    def test_a_metric_that_joins_is_worth_no_more_than_the_others(self):
        """Alpha is for all of them together: one that starts at 1 to 1 later on is another chance to be wrong."""
        known = CANARY.analyzing(5).after(((1000, 10), (4000, 60)), ((1000, 10), (4000, 60)))
        before = known.state.analysis.evidence[ERRORS].failing.log_value
        joined = known.judged(latency_objective=100).decide().state.analysis.evidence[SLOW].failing.log_value
        assert before < joined < 0

    def test_another_latency_objective_is_another_metric(self):
        judged = CANARY.judged(latency_objective=100).analyzing(5)
        sample = judged.counted(*GOOD).sample
        assert isinstance(sample, Sample)
        slow = Comparison(Counts(1000, 200), Counts(4000, 10))
        judged = replace(judged, sample=replace(sample, metrics={**sample.metrics, SLOW: slow}))
        known = replace(judged, state=judged.decide().state, sample=None).looked(INTERVAL)
        edited = known.judged(latency_objective=250).decide()
        before, after = known.state.analysis.evidence, edited.state.analysis.evidence
        assert (after[ERRORS], after[SLOW].candidate, after[SLOW].failing) == (before[ERRORS], Counts(), EProcess())
        assert "all evidence and counts of slow" in edited.events[0].message

    def test_a_metric_that_is_no_longer_judged_leaves_and_keeps_its_share_of_alpha(self):
        edited = self.KNOWN.judged(provider="Triton").decide()
        assert (edited.state.analysis.evidence.keys(), edited.state.analysis.shares) == ({ERRORS}, 2)
        assert "rejections is no longer judged" in edited.events[0].message

    def test_of_a_query_begins_its_results_anew_and_no_others(self):
        one, other = (Query(name, "...", 1.0, 8.0, None, failure_limit=3) for name in ("memory", "cache"))
        asked = CANARY.analyzing(5).asking(one, other)
        readings = {"memory": QueryReading(9.0), "cache": QueryReading(4.0)}
        known = replace(asked, state=asked.counted(*GOOD, queries=readings).decide().state)
        edited = known.asking(replace(one, maximum=10.0), other).decide()
        results = [(status.name, status.passed, status.failures) for status in edited.state.analysis.queries]
        assert results == [("memory", None, 0), ("cache", True, 0)]
        assert "query memory begins anew" in edited.events[0].message
        assert edited.state.analysis.evidence == known.state.analysis.evidence


class TestRolloutsOfOneRevision:
    """They share beta, so that retrying a bad revision often enough gets it through no more often than that."""

    def test_each_takes_more_evidence_than_the_one_before(self):
        failed = CANARY.analyzing(5).after(UNDECIDED).abort("b").settled()
        again = failed.retry("b").following()
        assert (again.state.candidate, again.state.trial) == ("b", 2)
        half = ((320, 0), (1280, 0))
        assert CANARY.analyzing(5).after(half, half).state.analysis.verdict == "Pass"
        second = replace(CANARY, state=replace(CANARY.state, trial=2)).analyzing(5)
        assert second.after(half, half).state.analysis.verdict == "Continue"
        assert second.after(half, half, half).state.analysis.verdict == "Pass"

    def test_one_in_which_nothing_was_counted_does_not_count(self):
        for quiet in (CANARY.analyzing(5), CANARY.analyzing(5).after(((0, 0), (50, 0)))):
            assert quiet.abort("b").settled().retry("b").following().state.trial == 1

    def test_another_revision_has_all_of_it(self):
        other = CANARY.analyzing(5).after(UNDECIDED).wanting("c").following()
        assert (other.state.candidate, other.state.trial) == ("c", 1)

    def test_another_strategy_is_another_one(self):
        other = CANARY.analyzing(5).after(UNDECIDED).shadow().following()
        assert (other.state.candidate, other.state.trial) == ("b", 2)

"""A metrics provider that fails: it pauses a rollout in the end, and never takes one back."""

from dataclasses import replace

import pytest
from tests.support.scenario import ANALYSIS_DEADLINE, INTERVAL, NOW, ago, doing, place, reasons, rollout, unchanged

from nereid.controller.decide.rollout.analysis import MOST_ERRORS, wanted_sample
from nereid.controller.observed.counters import MOST_PER_SAMPLE
from nereid.controller.observed.sample import LeftOut, Sample, SampleFailure
from nereid.controller.report.events import condition_events

CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5)
UNAVAILABLE = CANARY.phase("Paused", 300, "MetricsUnavailable").looked(INTERVAL, errors=MOST_ERRORS, error="down")
GOOD = ((1000, 0), (4000, 0))


class TestErrors:
    @pytest.mark.parametrize("before", range(MOST_ERRORS - 1))
    def test_below_the_limit_change_nothing_but_their_number(self, before):
        decision = CANARY.looked(INTERVAL, errors=before).provider_fails("it is down").decide()
        assert doing(decision) == ("Analyzing", "CollectingEvidence")
        known = decision.state.analysis
        assert (known.errors, known.error, known.looked_at, known.sampled_at) == (
            before + 1,
            "it is down",
            NOW,
            ago(INTERVAL),
        )

    def test_four_in_a_row_pause_the_rollout(self):
        decision = CANARY.looked(INTERVAL, errors=MOST_ERRORS - 1).provider_fails("it is down").decide()
        assert doing(decision) == ("Paused", "MetricsUnavailable")
        assert (reasons(decision), decision.events[0].type) == (["MetricsUnavailable"], "Warning")
        assert "it is down" in decision.events[0].message

    def test_are_also_counts_that_cannot_be_right(self):
        many = 2 * MOST_PER_SAMPLE
        for counted in (((many, many), (4000, 0)), ((1000, 0), (many, 0))):
            judged = CANARY.after(GOOD)
            known = judged.counted(*counted).decide().state.analysis
            assert (known.errors, known.evidence) == (1, judged.state.analysis.evidence)
            assert "it grew by 2e+09 in one interval" in (known.error or "")

    def test_that_counts_disagree_is_told_from_the_second_time_on_and_pauses(self):
        def failing(errors):
            sample = SampleFailure(NOW, "callers report 600 requests, the pods 300", "CountsDisagree")
            return replace(CANARY.looked(INTERVAL, errors=errors, error_reason="CountsDisagree"), sample=sample)

        def conditions(errors):
            return {one.type: one.message for one in failing(errors).report().conditions}

        assert "CountsDisagree" not in conditions(0)
        assert "600 requests, the pods 300" in conditions(1)["CountsDisagree"]
        told = condition_events(failing(0).report(), failing(1).report())
        assert [(event.type, event.reason) for event in told] == [("Warning", "CountsDisagree")]
        assert doing(failing(MOST_ERRORS - 1).decide()) == ("Paused", "MetricsUnavailable")
        good = failing(2).counted((5, 0), (20, 0))
        assert "CountsDisagree" not in {one.type for one in good.report().conditions}

    def test_requests_that_do_not_count_are_told_of_until_there_are_none(self):
        why = LeftOut("NotByTheRoute", "500 of 500 went past the route")
        counted = CANARY.counted((5, 0), (20, 0))
        assert isinstance(counted.sample, Sample)
        left_out = replace(counted, sample=replace(counted.sample, left_out=why))
        shown = {one.type: one for one in left_out.report().conditions}["RequestsLeftOut"]
        assert (shown.status, shown.reason, shown.message) == ("True", why.reason, why.message)
        assert left_out.report().rollout.analysis.left_out.message == why.message
        told = condition_events(counted.report(), left_out.report())
        assert [(event.type, event.reason) for event in told] == [("Warning", "RequestsLeftOut")]
        assert "RequestsLeftOut" not in {one.type for one in counted.report().conditions}

    def test_are_forgotten_with_the_next_sample(self):
        known = CANARY.looked(INTERVAL, errors=3, error="down").counted((5, 0), (20, 0)).decide().state.analysis
        assert (known.errors, known.error) == (0, None)

    def test_keep_the_evidence(self):
        judged = CANARY.after(GOOD)
        assert judged.provider_fails().decide().state.analysis.evidence == judged.state.analysis.evidence

    def test_each_is_followed_by_another_request_over_the_whole_time(self):
        requests = [
            wanted_sample(scenario.plan, scenario.state, NOW)
            for scenario in (CANARY.looked(INTERVAL, errors=1), CANARY.looked(INTERVAL, errors=2))
        ]
        assert requests[0] != requests[1]
        assert requests[0].since == requests[1].since

    @pytest.mark.parametrize("on_inconclusive", ["Pause", "Continue", "Rollback"])
    def test_never_take_a_candidate_back(self, on_inconclusive):
        late = CANARY.judged(on_inconclusive=on_inconclusive).analyzing(60 + ANALYSIS_DEADLINE)
        for before in range(10):
            assert late.looked(INTERVAL, errors=before).provider_fails().decide().state.weight == 20

    def test_do_not_pause_what_waits_anyway(self):
        waiting = CANARY.steps((20, None)).phase("Paused", 5, "AwaitingPromotion").looked(INTERVAL, errors=9)
        assert doing(waiting.provider_fails().decide()) == ("Paused", "AwaitingPromotion")


class TestPaused:
    def test_goes_on_by_itself_when_samples_come_again(self):
        decision = UNAVAILABLE.counted((5, 0), (20, 0)).decide()
        assert doing(decision) == ("Analyzing", "CollectingEvidence")
        assert decision.state.since == NOW

    def test_waits_until_then(self):
        assert unchanged(UNAVAILABLE)
        assert doing(UNAVAILABLE.provider_fails().decide()) == ("Paused", "MetricsUnavailable")

    def test_asks_again_at_every_interval(self):
        assert UNAVAILABLE.looked(1).decide().requeue_after == INTERVAL - 1

    def test_takes_a_bad_candidate_back(self):
        assert doing(UNAVAILABLE.counted((100, 60)).decide()) == ("RollingBack", "GuardExceeded")

    def test_can_be_promoted_or_aborted(self):
        assert place(UNAVAILABLE.promote("b").decide()) == ("Preparing", 2, 20)
        assert doing(UNAVAILABLE.abort("b").decide()) == ("RollingBack", "Aborted")

    def test_goes_on_where_nothing_is_judged_any_more(self):
        assert doing(UNAVAILABLE.judged(provider="None").decide()) == ("Holding", "HoldingWeight")

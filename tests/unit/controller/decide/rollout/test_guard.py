"""Ceilings that no candidate may exceed, whatever stable does, and queries of the user's own."""

from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, doing, place, reasons, rollout

from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import SLOW, Comparison, QueryReading
from nereid.controller.plan.plan import Exposure, Guard, Query

CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(5)
BAD = ((100, 60), (400, 240))  # as bad as stable
GOOD = ((1000, 0), (4000, 0))
QUERY = Query("memory", "...", minimum=1.0, maximum=8.0, max_ratio=None, failure_limit=2)
COMPARED = Query("memory", "...", minimum=None, maximum=None, max_ratio=1.5, failure_limit=1)


def slow(scenario, candidate, stable):
    """Let the last look have counted slow requests as well."""
    metrics = {**scenario.sample.metrics, SLOW: Comparison(Counts(*candidate), Counts(*stable))}
    return replace(scenario, sample=replace(scenario.sample, metrics=metrics))


class TestGuard:
    def test_takes_the_candidate_back_at_the_first_look(self):
        decision = CANARY.counted(*BAD).decide()
        assert doing(decision) == ("RollingBack", "GuardExceeded")
        assert decision.state.failed.message == "60.0% of 100 requests failed, above the guard's ceiling of 10.0%"
        assert reasons(decision) == ["RolledBack"]

    def test_a_good_past_does_not_hide_a_bad_present(self):
        assert CANARY.after(GOOD, GOOD, GOOD).counted(*BAD).decide().state.failed.reason == "GuardExceeded"

    def test_what_is_bad_for_long_is_beyond_it_though_no_interval_alone_is(self):
        little = ((10, 4), (40, 16))
        assert CANARY.counted(*little).decide().state.failed is None
        assert CANARY.after(little, little, little).counted(*little).decide().state.phase == "RollingBack"

    def test_a_rate_below_it_is_not_beyond_it(self):
        below = ((1000, 80), (4000, 320))
        assert CANARY.after(below, below, below).counted(*below).decide().state.candidate == "b"

    def test_needs_requests_enough(self):
        for least, is_beyond in ((101, False), (100, True)):
            guarded = CANARY.judged(guard=Guard(errors=0.1, slow=None, min_requests=least))
            assert bool(guarded.counted(*BAD).decide().state.failed) is is_beyond

    @pytest.mark.parametrize(
        ("phase", "reason"), [("Paused", "PausedBySpec"), ("Paused", "AwaitingPromotion"), ("Paused", "Inconclusive")]
    )
    def test_holds_in_every_pause(self, phase, reason):
        scenario = CANARY.steps((20, None)) if reason == "AwaitingPromotion" else CANARY
        waiting = scenario.phase(phase, 300, reason).counted(*BAD)
        assert waiting.decide().state.failed.reason == "GuardExceeded"

    @pytest.mark.parametrize("exposure", [Exposure(preview=True), Exposure(matched=True), Exposure(100)])
    def test_decides_alone_where_there_is_nothing_to_compare_with(self, exposure):
        """Blue/green has no traffic on stable at the same time, and an A/B test has other people there."""
        alone = rollout().blue_green().judged().stable("a").candidate("b", exposure=exposure).phase("Analyzing")
        worse = alone.looked(INTERVAL).counted((200, 16))
        assert worse.decide().state.failed is None
        assert worse.decide().state.analysis.verdict == "Continue", "nothing shows that it is within the ceiling"
        assert alone.looked(INTERVAL).counted((200, 2)).decide().state.analysis.verdict == "Pass"
        assert alone.looked(INTERVAL).counted((100, 60)).decide().state.failed.reason == "GuardExceeded"

    def test_of_slow_requests_is_there_if_asked_for(self):
        sluggish = slow(CANARY.counted(*GOOD), (1000, 900), (4000, 3600))
        assert sluggish.decide().state.failed is None
        guarded = sluggish.judged(guard=Guard(errors=0.1, slow=0.5, min_requests=20), latency_objective=100)
        failed = guarded.decide().state.failed
        assert (failed.reason, "were slow" in failed.message) == ("GuardExceeded", True)


class TestQueries:
    def asked(self, *values, query=QUERY, kept=CANARY):
        """Return the decision after a query has had these values, one at each look, beside good traffic."""
        scenario = kept.asking(query)
        for value in values:
            reading = QueryReading(*value) if isinstance(value, tuple) else QueryReading(value)
            decision = scenario.looked(INTERVAL).counted(*GOOD, queries={"memory": reading}).decide()
            scenario = replace(scenario, state=decision.state)
        return decision

    @pytest.mark.parametrize("value", [1.0, 4.2, 8.0])
    def test_within_the_limits_is_a_pass(self, value):
        state = self.asked(value).state
        assert (state.analysis.verdict, state.analysis.queries[0].passed) == ("Pass", True)

    @pytest.mark.parametrize("value", [0.9, 8.1, -3.0])
    def test_beyond_a_limit_is_no_pass(self, value):
        state = self.asked(value).state
        assert (state.analysis.verdict, state.analysis.queries[0].failures) == ("Continue", 1)
        assert place(self.asked(value, kept=CANARY.analyzing(60))) == ("Analyzing", 0, 20)

    def test_too_often_in_a_row_takes_the_candidate_back(self):
        decision = self.asked(9.0, 9.5)
        assert doing(decision) == ("RollingBack", "QueryFailed")
        assert decision.state.failed.message == "query memory is outside its limits 2 times in a row: 9.5"

    def test_a_good_value_between_forgives(self):
        assert self.asked(9.0, 4.0, 9.0).state.failed is None

    @pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), float("-inf")])
    def test_no_data_neither_fails_nor_passes_nor_forgives(self, nothing):
        assert self.asked(nothing).state.analysis.verdict == "Continue"
        assert self.asked(nothing).state.analysis.queries[0].passed is None
        assert self.asked(nothing, nothing, nothing).state.failed is None
        assert self.asked(9.0, nothing, 9.0).state.failed.reason == "QueryFailed"
        assert self.asked(4.0, nothing).state.analysis.verdict == "Pass"
        assert self.asked(4.0, nothing).state.analysis.queries[0].value is None

    def test_a_pass_goes_stale_where_there_is_no_data_for_long(self):
        assert self.asked(4.0, None, None).state.analysis.verdict == "Pass"
        assert self.asked(4.0, None, None, None).state.analysis.queries[0].passed is None
        assert self.asked(4.0, None, None, None).state.analysis.verdict == "Continue"
        assert self.asked(4.0, None, None, None, 4.0).state.analysis.verdict == "Pass"

    def test_a_pass_is_one_with_the_traffic_of_its_step(self):
        opened = rollout().judged(queries=(QUERY,)).stable("a").candidate("b", weight=20, step=1, ready=1)
        passed = replace(opened, state=self.asked(4.0, kept=opened).state)
        assert passed.state.analysis.queries[0].passed is True
        more = passed.ready("b", 2).following()
        assert (more.state.weight, more.state.analysis.queries[0].passed) == (50, None)
        early = more.phase("Analyzing", 5).exposed(INTERVAL)
        assert self.asked(4.0, kept=early).state.analysis.queries[0].passed is None
        assert self.asked(9.0, kept=early).state.analysis.queries[0].failures == 1
        assert self.asked(4.0, kept=early.exposed(90)).state.analysis.queries[0].passed is True

    def test_not_asked_yet_is_no_data(self):
        state = CANARY.asking(QUERY).counted(*GOOD).decide().state
        assert (state.analysis.verdict, state.analysis.queries[0].passed) == ("Continue", None)

    @pytest.mark.parametrize(("values", "passed"), [((3.0, 2.0), True), ((3.1, 2.0), False), ((0.0, 0.0), True)])
    def test_a_ratio_is_to_stables_value(self, values, passed):
        assert self.asked(values, query=COMPARED).state.analysis.queries[0].passed is passed

    @pytest.mark.parametrize("stable", [None, float("nan")])
    def test_a_ratio_to_nothing_is_no_data(self, stable):
        state = self.asked((3.0, stable), query=COMPARED).state
        assert (state.failed, state.analysis.queries[0].passed) == (None, None)

    def test_a_failure_of_a_ratio_tells_both_values(self):
        message = self.asked((9.0, 2.0), query=COMPARED).state.failed.message
        assert message == "query memory is outside its limits: 9 (stable: 2)"

    def test_all_have_to_pass(self):
        other = replace(QUERY, name="cache")
        readings = {"memory": QueryReading(4.0), "cache": QueryReading(9.0)}
        state = CANARY.asking(QUERY, other).counted(*GOOD, queries=readings).decide().state
        assert state.analysis.verdict == "Continue"
        assert [(one.name, one.passed) for one in state.analysis.queries] == [("memory", True), ("cache", False)]

    def test_one_that_is_not_asked_any_more_is_forgotten(self):
        known = replace(CANARY, state=self.asked(9.0).state).looked(INTERVAL)
        assert known.counted(*GOOD).decide().state.analysis.queries == ()

    def test_decide_where_there_is_nothing_to_compare_with(self):
        preview = rollout().blue_green(preview_hold=60).judged().stable("a")
        preview = preview.candidate("b", exposure=Exposure(preview=True)).analyzing(60).asking(QUERY)
        assert place(preview.counted((0, 0), queries={"memory": QueryReading(9.0)}).decide()) == ("Analyzing", 0, 0)
        assert place(preview.counted((0, 0), queries={"memory": QueryReading(4.0)}).decide()) == ("Preparing", 1, 0)

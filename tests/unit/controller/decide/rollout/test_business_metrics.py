"""Metrics of the user's that are compared with stable's: they judge a canary as errors do, and decide an A/B test."""

from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, doing, place, rollout

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import Comparison
from nereid.controller.plan.plan import BusinessMetric, Exposure

ORDERS = BusinessMetric("orders", "abandoned", "all")
RETURNS = BusinessMetric("returns", "returned", "all")
GOOD = ((200, 0), (800, 0))
# Of 200 visitors, so many did not order.
FEWER, SAME, MORE = ((200, 60), (800, 400)), ((200, 100), (800, 400)), ((200, 140), (800, 400))
CANARY = rollout().judged(business=(ORDERS,)).stable("a").candidate("b", weight=20)
MATCHED = Exposure(matched=True)


def in_test(*business, hold=60):
    """Return an A/B test whose hold is over."""
    asked = rollout().ab_test(hold=hold).judged(business=business or (ORDERS,)).stable("a")
    return asked.candidate("b", exposure=MATCHED).analyzing(60)


def seen(scenario, looks, requests=GOOD, **outcomes):
    """Go through so many intervals with these requests, by default flawless ones, and these outcomes."""
    for _ in range(looks):
        counted = scenario.counted(*requests)
        metrics = {name: Comparison(Counts(*mine), Counts(*others)) for name, (mine, others) in outcomes.items()}
        sample = replace(counted.sample, metrics={**counted.sample.metrics, **metrics})
        scenario = replace(scenario, state=replace(counted, sample=sample).decide().state)
        if scenario.state.candidate is None or scenario.state.phase == "Preparing":
            return scenario
        scenario = scenario.looked(INTERVAL)
    return scenario


def comparison(scenario, name="orders"):
    metrics = scenario.report().rollout.analysis.metrics
    return next(metric for metric in metrics if metric.name == name)


class TestCanary:
    def test_a_worse_one_takes_the_candidate_back(self):
        failed = seen(CANARY.analyzing(5), 20, orders=((200, 100), (800, 200)))
        assert doing(failed.decide())[1] == "AnalysisFailed"
        assert failed.state.failed.message.startswith("orders is worse than stable's: 50.0% of ")

    def test_it_has_to_pass_too(self):
        unknown = seen(CANARY.analyzing(5), 5)
        assert unknown.state.analysis.verdict == "Continue"
        assert seen(CANARY.analyzing(5), 5, orders=SAME).state.analysis.verdict == "Pass"

    def test_alpha_is_shared_with_it(self):
        assert seen(CANARY.analyzing(5), 1).state.analysis.shares == 3
        assert comparison(seen(CANARY.analyzing(5), 1), "errors").failing.needed == pytest.approx(300)

    def test_status_shows_it_like_errors(self):
        shown = comparison(seen(CANARY.analyzing(5), 1, orders=SAME))
        assert (shown.candidate.requests, shown.candidate.bad, shown.candidate.percent) == (200, 100, 50)
        assert shown.candidate.low < 50 < shown.candidate.high


def test_without_any_request_to_stable_they_say_nothing():
    switched = rollout().blue_green().judged(business=(ORDERS,)).stable("a").candidate("b", exposure=Exposure(100))
    after = seen(switched.phase("Analyzing", 5).looked(INTERVAL), 3, orders=MORE)
    assert (after.state.failed, comparison(after).candidate.requests) == (None, 0)


class TestABTest:
    def test_a_better_one_passes_it(self):
        better = seen(in_test(), 10, orders=FEWER)
        assert place(better.settled().decide())[2] == 100

    def test_a_worse_one_fails_it(self):
        worse = seen(in_test(), 10, orders=MORE)
        assert worse.state.failed.reason == "AnalysisFailed"
        assert "orders is worse than stable's" in worse.state.failed.message

    def test_a_worse_one_fails_it_while_it_waits_for_its_promotion(self):
        waiting = in_test(hold=None).phase("Paused", 300, "AwaitingPromotion").looked(INTERVAL)
        assert seen(waiting, 10, orders=MORE).state.failed.reason == "AnalysisFailed"

    def test_the_same_is_undecided_however_good_its_requests_are(self):
        same = seen(in_test(), 30, orders=SAME)
        assert (same.state.analysis.verdict, comparison(same).comparison) == ("Continue", "Undecided")

    def test_better_outcomes_with_failing_requests_are_no_pass(self):
        failing = seen(in_test(), 10, requests=((20, 2), (80, 0)), orders=FEWER)
        assert comparison(failing).comparison == "Better"
        assert failing.state.analysis.verdict == "Continue"
        assert "Not shown yet to be within the guard's ceiling: errors" in failing.report().rollout.analysis.message

    def test_another_metric_has_to_be_no_worse(self):
        both = seen(in_test(ORDERS, RETURNS), 10, orders=FEWER)
        assert both.state.analysis.verdict == "Continue", "nothing is known of returns"
        passed = seen(in_test(ORDERS, RETURNS), 10, orders=FEWER, returns=((200, 20), (800, 80)))
        assert place(passed.settled().decide())[2] == 100
        failed = seen(in_test(ORDERS, RETURNS), 20, orders=FEWER, returns=((200, 80), (800, 80)))
        assert failed.state.failed.reason == "AnalysisFailed"

    def test_a_better_one_passes_it_however_many_metrics_and_rollouts_share_beta(self):
        many = [BusinessMetric(f"orders-{number}", "abandoned", "all") for number in range(10)]
        asked = in_test(*many).judged(business=tuple(many), beta=0.001)
        asked = replace(asked, state=replace(asked.state, trial=9))
        better = seen(asked, 60, **{metric.name: FEWER for metric in many})
        assert place(better.settled().decide())[2] == 100

    def test_status_shows_what_decides_it_and_reads_it_back(self):
        state = seen(in_test(), 3, orders=((200, 90), (800, 400)))
        shown = comparison(state)
        assert (shown.comparison, shown.stable.percent, shown.candidate.percent) == ("Undecided", 50, 45)
        assert shown.better.reached > shown.worse.reached
        assert "decided by orders" in state.report().rollout.analysis.message
        written = state.report().model_dump_json(by_alias=True)
        read = RolloutState.from_status(ModelDeploymentStatus.model_validate_json(written))
        assert read.analysis == state.decide().state.analysis

"""Pods of revisions that are scaled: what a scaler is told in a rollout, and what stays where there is no scaler."""

from dataclasses import replace

import pytest
from tests.support.scenario import BUSY, PROPAGATION, rollout, shares

from nereid.api.scaling import ScalingMetric
from nereid.controller.decide.orders import Scale
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_problem
from nereid.controller.decide.rollout.settling import SECONDS

CPU = ScalingMetric(type="CPU", target=70)
# The spec asks for two pods at least, and for eight at most; the scaler has given stable six.
SERVING = rollout().scaled(2).autoscaled(8).stable("a", ready=6).scaler("a", BUSY)
CANARY = SERVING.candidate("b", weight=20, ready=2).scaler("b", BUSY).holding(5)


def pods(scenario):
    return {revision: replicas for revision, (replicas, _) in shares(scenario.decide()).items()}


def scales(scenario):
    return {one.revision: one.scale for one in scenario.decide().live}


class TestScaler:
    def test_is_told_the_least_and_the_most(self):
        assert pods(SERVING) == {"a": 2}
        assert scales(SERVING) == {"a": Scale(maximum=8, sleeps=False, in_charge=True)}

    def test_is_in_charge_once_it_is_there(self):
        assert scales(SERVING.scaler("a", None)) == {"a": Scale(maximum=8, sleeps=False, in_charge=False)}

    def test_there_is_none_where_the_spec_asks_for_none(self):
        assert scales(SERVING.not_autoscaled()) == {"a": None}
        assert pods(SERVING.not_autoscaled()) == {"a": 2}

    def test_that_is_not_there_yet_takes_no_pods(self):
        """The number was given by its user before, or by a scaler that somebody has deleted."""
        assert pods(SERVING.scaler("a", None)) == {"a": 6}
        assert pods(SERVING.without_surge().scaler("a", None)) == {"a": 6}

    def test_each_revision_of_a_rollout_has_one(self):
        assert [scale.maximum for scale in scales(CANARY).values()] == [8, 8]

    def test_what_drains_has_none_and_keeps_its_pods(self):
        drained = SERVING.retiring("b", replicas=3).scaler("b", BUSY)
        assert scales(drained)["b"] is None
        assert pods(drained)["b"] == 3

    def test_the_first_revision_has_one_too(self):
        first = rollout().scaled(2).autoscaled(8).wanting("a").following()
        assert pods(first) == {"a": 2}
        assert scales(first)["a"] == Scale(maximum=8, sleeps=False, in_charge=False)


class TestRollout:
    def test_stable_keeps_what_the_scaler_gave_it(self):
        begun = SERVING.wanting("b").following()
        assert begun.state.floor == 6
        assert pods(begun) == {"a": 6, "b": 2}

    def test_the_candidate_is_sized_for_its_share_of_that(self):
        begun = SERVING.steps((50, 60)).wanting("b").following()
        assert pods(begun)["b"] == 3

    def test_its_floor_rises_with_what_the_scaler_gives_it_meanwhile(self):
        busier = CANARY.ready("a", 8)
        assert busier.following().state.floor == 8
        assert pods(busier)["a"] == 8

    def test_its_floor_never_falls(self):
        quieter = replace(CANARY, state=replace(CANARY.state, floor=6)).ready("a", 3)
        assert quieter.following().state.floor == 6
        assert pods(quieter)["a"] == 6

    def test_its_floor_is_never_above_the_most(self):
        by_hand = CANARY.deploying("a", 40)
        assert by_hand.following().state.floor == 8

    def test_a_lower_most_takes_no_pods_from_it(self):
        lowered = replace(CANARY, state=replace(CANARY.state, floor=6)).autoscaled(4)
        assert pods(lowered)["a"] == 6
        assert scales(lowered)["a"].maximum == 4

    def test_what_becomes_stable_keeps_as_many_for_a_while(self):
        last = SERVING.candidate("b", weight=100, step=2, ready=6).scaler("b", BUSY).promoting(PROPAGATION)
        promoted = replace(last, state=replace(last.state, floor=6)).following()
        assert promoted.state.stable == "b"
        assert pods(promoted)["b"] == 6
        later = replace(promoted, state=replace(promoted.state, retiring=())).phase("Completed", SECONDS)
        assert pods(later) == {"b": 2}

    def test_stable_that_drains_keeps_what_the_scaler_gave_it(self):
        last = SERVING.candidate("b", weight=100, step=2, ready=6).scaler("b", BUSY).promoting(PROPAGATION)
        assert pods(last.following())["a"] == 6

    def test_a_candidate_that_is_rolled_back_keeps_what_the_scaler_gave_it(self):
        taken = CANARY.ready("b", 4).wanting("a").following()
        assert scales(taken)["b"] is None
        assert pods(taken)["b"] == 4

    def test_is_none_of_the_scalers_business_without_surge(self):
        """Places change hands one by one, and no scaler may take any."""
        begun = SERVING.without_surge().wanting("b").following()
        assert scales(begun) == {"a": None, "b": None}
        assert begun.state.floor == 6
        assert pods(begun)["a"] == 5
        over = replace(SERVING.without_surge(), state=replace(SERVING.state, floor=6)).phase("Completed", 1)
        assert pods(over) == {"a": 6}
        assert scales(over)["a"].in_charge


class TestObstacles:
    @pytest.mark.parametrize(
        ("scenario", "reason"),
        [
            (SERVING.without_keda(), "KedaNotInstalled"),
            (SERVING.set_up(prometheus_url=""), "PrometheusNotConfigured"),
            (SERVING.autoscaled(8, CPU, may_sleep=True).without_keda(), "KedaNotInstalled"),
            (SERVING.autoscaled(8, CPU, may_sleep=True).set_up(prometheus_url=""), "PrometheusNotConfigured"),
        ],
    )
    def test_are_told_and_leave_the_pods_that_there_are(self, scenario, reason):
        found = scaling_problem(scenario.plan, scenario.observed)
        assert found is not None
        assert found.reason == reason
        assert pods(scenario) == {"a": 6}
        assert scales(scenario) == {"a": None}

    @pytest.mark.parametrize(
        "scenario",
        [
            SERVING,
            SERVING.set_up(prometheus_url="", scaling_prometheus_url="http://thanos:9090"),
            SERVING.autoscaled(8, CPU).without_keda().set_up(prometheus_url=""),
            SERVING.not_autoscaled().without_keda().set_up(prometheus_url=""),
        ],
    )
    def test_are_none_where_nothing_is_missing(self, scenario):
        assert scaling_problem(scenario.plan, scenario.observed) is None

    def test_leave_the_pods_also_without_surge(self):
        assert pods(SERVING.without_surge().without_keda()) == {"a": 6}

    def test_do_not_keep_pods_above_the_most(self):
        assert pods(SERVING.autoscaled(4).without_keda()) == {"a": 4}

    def test_the_least_is_there_in_any_case(self):
        assert pods(SERVING.scaled(7).without_keda()) == {"a": 7}

    def test_a_rollout_goes_on(self):
        begun = SERVING.without_keda().wanting("b").following()
        assert pods(begun) == {"a": 6, "b": 2}
        assert scales(begun) == {"a": None, "b": None}

    def test_leave_the_candidate_what_its_scaler_gave_it(self):
        busier = CANARY.ready("b", 4)
        assert pods(busier)["b"] == 2, "which is the least, and the scaler is there"
        assert pods(busier.without_keda())["b"] == 4
        assert pods(busier.scaler("b", None))["b"] == 4

    def test_of_sleep_is_also_a_missing_activator(self):
        sleepy = SERVING.autoscaled(8, may_sleep=True)
        assert not lacks_activator(sleepy.plan)
        assert lacks_activator(sleepy.set_up(activator_service="").plan)
        assert not lacks_activator(SERVING.set_up(activator_service="").plan)

"""The mesh that does not do what the route says: nothing moves on what it shows, and users are told."""

import pytest
from tests.support.scenario import (
    ANALYSIS_DEADLINE,
    INTERVAL,
    NOW,
    PROPAGATION,
    Scenario,
    doing,
    place,
    rollout,
    unchanged,
)

from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.rollout.route_share import SCRAPED_AFTER, RouteShare
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.observed.sample import RoutedRequests
from nereid.controller.plan.plan import Exposure
from nereid.controller.report.events import condition_events

LONG_AGO = PROPAGATION + int(SCRAPED_AFTER.total_seconds()) + INTERVAL
CANARY = rollout().judged().stable("a").candidate("b", weight=20).analyzing(LONG_AGO)
NOT_ROUTED = RoutedRequests(0, 2000)


def seen(scenario: Scenario, candidate: int, stable: int) -> RouteShare | None:
    """Return the share after one more look at which so many requests went to either."""
    routed = RoutedRequests(candidate, stable)
    state = scenario.counted((candidate, 0), (stable, 0), routed=routed).decide().state
    assert state.analysis
    return state.analysis.share


def without_effect(scenario: Scenario = CANARY) -> Scenario:
    decided = scenario.counted((0, 0), (2000, 0), routed=NOT_ROUTED).following().looked(INTERVAL)
    assert decided.state.analysis
    assert decided.state.analysis.share == RouteShare(scenario.state.weight, 0, 2000, is_off=True)
    return decided


def condition(status: ModelDeploymentStatus) -> tuple[str, str]:
    """Return reason and message of the condition, both empty if there is none."""
    found = ((one.reason, one.message) for one in status.conditions if one.type == "RouteNotEffective")
    return next(found, ("", ""))


class TestShare:
    def test_of_the_weight_is_as_it_should_be(self):
        assert seen(CANARY, 200, 800) == RouteShare(20, 200, 1000)

    def test_is_counted_over_several_looks(self):
        first = CANARY.counted((4, 0), (90, 0), routed=RoutedRequests(4, 90)).following().looked(INTERVAL)
        assert first.state.analysis.share == RouteShare(20, 4, 94)
        assert seen(first, 4, 400) == RouteShare(20, 8, 498, is_off=True)

    def test_of_few_requests_says_nothing(self):
        assert seen(CANARY, 0, 20) == RouteShare(20, 0, 20)

    @pytest.mark.parametrize(("weight", "candidate", "stable"), [(20, 2000, 0), (100, 500, 500), (50, 900, 100)])
    def test_is_off_in_either_direction_and_at_every_weight(self, weight, candidate, stable):
        share = seen(
            rollout().judged().stable("a").candidate("b", weight=weight).analyzing(LONG_AGO), candidate, stable
        )
        assert share == RouteShare(weight, candidate, candidate + stable, is_off=True)

    def test_of_counts_that_somebody_made_up_is_a_share_all_the_same(self):
        most = 2**53
        full = rollout().judged().stable("a").candidate("b", weight=100).analyzing(LONG_AGO)
        assert seen(full.looked(INTERVAL, share=RouteShare(100, most, most)), 1000, 1) == RouteShare(100)

    def test_that_is_a_little_off_is_the_work_of_retries_and_streams(self):
        assert seen(CANARY, 260, 740) == RouteShare(20, 260, 1000)
        assert not seen(CANARY, 26_000, 74_000).is_off

    def test_is_not_counted_while_counters_may_show_the_route_before(self):
        assert seen(CANARY.analyzing(LONG_AGO - 5), 0, 2000) is None
        assert seen(CANARY.propagating(LONG_AGO).looked(INTERVAL), 0, 2000) is None

    def test_begins_anew_with_another_weight(self):
        risen = without_effect().state
        assert seen(
            CANARY.candidate("b", weight=50).analyzing(LONG_AGO).looked(INTERVAL, share=risen.analysis.share), 500, 500
        ) == RouteShare(50, 500, 1000)

    def test_that_was_right_for_long_does_not_hide_that_it_no_longer_is(self):
        assert seen(CANARY, 400, 1600) == RouteShare(20)

    @pytest.mark.parametrize("exposure", [Exposure(mirror=50), Exposure(matched=True), Exposure(preview=True)])
    def test_cannot_be_compared_where_no_share_of_all_requests_is_routed(self, exposure):
        scenario = rollout().judged().stable("a").candidate("b", exposure=exposure).analyzing(LONG_AGO)
        assert seen(scenario, 0, 2000) is None

    def test_is_read_back_from_status(self):
        status = without_effect().report()
        assert status.rollout.analysis.route.effective is False
        assert RolloutState.from_status(status).analysis.share == without_effect().state.analysis.share

    def test_that_is_right_again_begins_the_time_of_its_step_as_nothing_could_be_shown_before(self):
        late = CANARY.analyzing(LONG_AGO + 2 * ANALYSIS_DEADLINE).judged(on_inconclusive="Rollback")
        back = without_effect(late).counted((200, 0), (800, 0), routed=RoutedRequests(200, 800)).following()
        assert back.state.analysis
        assert back.state.analysis.share
        assert not back.state.analysis.share.is_off
        assert (back.state.since, doing(back.decide())) == (NOW, ("Analyzing", "CollectingEvidence"))


class TestWithoutEffect:
    def test_nothing_moves_at_the_deadline(self):
        late = without_effect().analyzing(60 + 2 * ANALYSIS_DEADLINE)
        for on_inconclusive in ("Pause", "Continue", "Rollback"):
            waiting = late.judged(on_inconclusive=on_inconclusive).looked(1)
            assert unchanged(waiting)
            assert (waiting.decide().requeue_after or 0) > 0

    def test_a_pass_does_not_move_it_either(self):
        passed = without_effect().analyzing(ANALYSIS_DEADLINE).looked(1, verdict="Pass")
        assert doing(passed.decide()) == ("Analyzing", "CollectingEvidence")

    def test_a_bad_candidate_is_rolled_back_all_the_same(self):
        assert without_effect().counted((100, 90), (1000, 0)).decide().state.failed.reason == "GuardExceeded"

    def test_the_longest_time_of_a_rollout_counts_all_the_same(self):
        waiting, late = (without_effect().within(3600, started=started) for started in (3599, 3600))
        assert waiting.decide().state.failed is None
        assert late.decide().state.failed.reason == "MaxDurationExceeded"

    def test_a_promotion_by_hand_does_not_wait_for_it(self):
        assert doing(without_effect().promote("b").decide()) == ("Preparing", "Promoted")
        gate = without_effect().steps((20, None), (50, 60)).at(Stage.AWAITING_PROMOTION, 5)
        assert doing(gate.promote("b", step=0).decide()) == ("Preparing", "StartingPods")

    def test_the_user_is_told_with_figures_and_once(self):
        before, after = CANARY.report(), without_effect().report()
        reason, message = condition(after)
        assert reason == "ShareIsOff"
        assert "0 of 2000 requests, 0.0%, at a weight of 20%" in message
        assert "Is istiod running" in message
        assert message in after.rollout.message
        assert [event.reason for event in condition_events(before, after)] == ["RouteNotEffective"]
        assert condition_events(after, after) == ()

    def test_what_was_shown_with_another_share_is_no_pass_with_this_one(self):
        few = CANARY.counted((900, 0), (60_000, 0), routed=RoutedRequests(900, 60_000)).following().looked(INTERVAL)
        assert few.state.analysis.share.is_off
        again = few.counted((40, 0), (160, 0), routed=RoutedRequests(40, 160)).following().analyzing(ANALYSIS_DEADLINE)
        assert place(again.looked(1).decide()) == ("Analyzing", 0, 20)
        shown = again.looked(INTERVAL).counted((900, 0), (3600, 0), routed=RoutedRequests(900, 3600))
        assert place(shown.decide()) == ("Preparing", 1, 20)

    @pytest.mark.parametrize("on_inconclusive", ["Pause", "Continue"])
    def test_nothing_moves_where_it_is_lost_while_the_pods_of_the_next_step_start(self, on_inconclusive):
        starting = without_effect().judged(on_inconclusive=on_inconclusive).candidate("b", weight=20, step=1, ready=4)
        lost = starting.looked(1, share=RouteShare(20, 0, 2000, is_off=True)).preparing(60)
        assert place(lost.decide()) == ("Analyzing", 0, 20)
        assert unchanged(lost.following())

    def test_it_goes_on_when_the_route_has_taken_effect(self):
        still = without_effect().counted((1, 0), (9, 0), routed=RoutedRequests(1, 9)).following()
        assert still.state.analysis.share == RouteShare(20, 1, 10, is_off=True)
        again = without_effect().counted((40, 0), (160, 0), routed=RoutedRequests(40, 160)).following()
        assert again.state.analysis.share == RouteShare(20)
        assert condition(again.report()) == ("", "")
        late = again.analyzing(ANALYSIS_DEADLINE).looked(1, verdict="Pass")
        assert place(late.decide()) == ("Preparing", 1, 20)


class TestChangedOnTheirWay:
    """The routes were applied, and do not read back so: a mutating webhook."""

    SCENARIOS = (
        rollout().stable("a").candidate("b", weight=100, step=2).promoting(3600),
        rollout().stable("a").failed_before("b").rolling_back(3600).wanting("b"),
        rollout().stable("a").candidate("b", weight=20).propagating(3600),
    )

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_is_told(self, scenario):
        stuck = scenario.unrouted()
        assert unchanged(stuck)
        status = stuck.report()
        reason, message = condition(status)
        assert reason == "RoutesChanged"
        assert "mutating webhook" in message
        assert "mutating webhook" in status.rollout.message
        assert [event.reason for event in condition_events(scenario.report(), status)] == ["RouteNotEffective"]
        assert condition(scenario.report(status)) == ("", "")


class TestARevisionWithoutARoute:
    """It lost its traffic, and is asked all the same."""

    def test_is_told_of(self):
        busy = rollout().stable("a").retiring("b", 300, looked=(2, 5000)).active("b", 6000)
        reason, message = condition(busy.report())
        assert reason == "RequestsWithoutRoute"
        assert "revision b" in message
        assert condition(rollout().stable("a").retiring("b", 60, looked=(2, 50)).active("b", 60).report()) == ("", "")

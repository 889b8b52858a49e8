"""The bake: the candidate has all traffic, and stable stays warm until it is certain that nobody wants to go back."""

from dataclasses import replace

import pytest
from tests.support.scenario import (
    INTERVAL,
    NOW,
    PROGRESS_DEADLINE,
    PROPAGATION,
    Scenario,
    doing,
    place,
    reasons,
    rollout,
    shares,
    unchanged,
)

from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.rollout.analysis import MOST_ERRORS, wanted_sample
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.decide.rollout.verdicts import has_control
from nereid.controller.observed.counters import Counts
from nereid.controller.plan.plan import Exposure
from nereid.controller.plan.windows import Window

BAKE = 300
USUAL = Counts(10_000, 50)
GIVEN = rollout().bake(BAKE).stable("a").candidate("b", weight=100, step=2)
JUDGED = GIVEN.judged().candidate("b", weight=100, step=2)
HELD_BACK = rollout().judged().bake(BAKE, holdback=5).stable("a").candidate("b", weight=95, step=2, ready=4)


def baking(scenario: Scenario, seconds: float = 5) -> Scenario:
    return scenario.at(Stage.BAKING, seconds)


def judged(seconds: float = 60, stable: Counts = USUAL) -> Scenario:
    """Return a judged bake whose next look is due; stable has had these requests and errors in the rollout."""
    return baking(JUDGED, seconds).looked(INTERVAL, usual=stable)


class TestBake:
    def test_follows_the_last_move(self):
        decision = GIVEN.promoting(PROPAGATION).decide()
        assert doing(decision) == ("Baking", "Baking")
        assert shares(decision) == {"a": (4, 0), "b": (4, 100)}
        assert (decision.state.stable, decision.requeue_after) == ("a", BAKE)

    def test_is_left_out_where_there_is_none(self):
        assert GIVEN.bake(0).promoting(PROPAGATION).decide().state.phase == "Completed"

    def test_is_left_out_on_the_fast_track(self):
        fast = replace(GIVEN, state=replace(GIVEN.state, is_fast=True))
        assert fast.promoting(PROPAGATION).decide().state.phase == "Completed"

    def test_ends_in_its_time(self):
        assert unchanged(baking(GIVEN, BAKE - 1))
        over = baking(GIVEN, BAKE).decide()
        assert (over.state.phase, over.state.stable) == ("Completed", "b")
        assert [one.revision for one in over.state.retiring] == ["a"]

    def test_waits_for_the_pods(self):
        waiting = baking(GIVEN, BAKE).ready("b", 1)
        assert unchanged(waiting)
        assert waiting.decide().requeue_after == PROGRESS_DEADLINE
        late = baking(GIVEN, BAKE + PROGRESS_DEADLINE).ready("b", 1).decide()
        assert late.state.failed.reason == "ProgressDeadlineExceeded"

    def test_gives_pods_their_time_also_after_it_was_held_for_longer(self):
        held = baking(GIVEN, BAKE + 10 * PROGRESS_DEADLINE).ready("b", 3).following()
        assert held.state.stage is Stage.BAKING
        assert unchanged(held)
        assert held.decide().requeue_after == PROGRESS_DEADLINE
        assert held.ready("b", 4).decide().state.stable == "b"

    def test_is_the_way_back_in_one_move(self):
        back = baking(GIVEN).wanting("a").decide()
        assert doing(back) == ("RollingBack", "SpecReverted")
        assert shares(back) == {"a": (4, 100), "b": (4, 0)}

    def test_is_not_over_while_the_spec_is_paused_or_held(self):
        assert unchanged(baking(GIVEN, 10 * BAKE).paused())
        assert unchanged(baking(GIVEN, 10 * BAKE).held())
        assert baking(GIVEN, 10 * BAKE).paused().decide().requeue_after is None

    def test_survives_an_edit_of_the_strategy(self):
        assert baking(GIVEN.blue_green()).direct().bake(BAKE).decide().state.weight == 100

    def test_is_told_of(self):
        status = baking(GIVEN).report()
        assert (status.phase, status.rollout.state) == ("Progressing", "Baking")
        assert "the bake" in status.rollout.message
        assert status.rollout.message.endswith("nereid.dev/promote=b/1/bake")
        assert baking(GIVEN).paused().report().phase == "Paused"

    def test_of_an_operator_that_kept_blue_green_at_a_step_goes_on(self):
        status = baking(GIVEN).report()
        for stage, expected in ((Stage.ANALYZING, Stage.BAKING), (Stage.PROPAGATING, Stage.PROMOTING)):
            rollout_status = status.rollout.model_copy(update={"stage": stage})
            older = ModelDeploymentStatus(**{**dict(status), "rollout": rollout_status})
            assert RolloutState.from_status(older).stage is expected


class TestPromotion:
    def test_ends_it_if_it_is_the_first_of_the_attempt(self):
        assert baking(GIVEN).promote("b").decide().state.phase == "Completed"

    def test_that_skipped_the_steps_does_not_end_it_too(self):
        promoted = rollout().bake(BAKE).stable("a").candidate("b", weight=20, ready=4).holding(5).promote("b")
        given = promoted.following().following()
        assert place(given.decide()) == ("Promoting", 2, 100)
        kept = given.promoting(PROPAGATION).following()
        assert kept.state.phase == "Baking"
        assert unchanged(kept)
        assert kept.end_bake("b").decide().state.phase == "Completed"

    def test_waits_for_the_pods(self):
        assert unchanged(baking(GIVEN).promote("b").ready("b", 1))


class TestHoldback:
    def test_keeps_a_share_on_stable(self):
        moved = rollout().bake(BAKE, holdback=5).stable("a").candidate("b", weight=50, step=2, ready=4).decide()
        assert place(moved) == ("Promoting", 2, 95)
        assert has_control(moved.state)

    def test_goes_to_the_candidate_in_the_end(self):
        over = baking(HELD_BACK, BAKE).looked(INTERVAL).counted((950, 1), (50, 0))
        given = over.following()
        assert (place(given.decide()), given.state.stable) == (("Promoting", 2, 100), "a")
        assert given.promoting(PROPAGATION).decide().state.stable == "b"

    def test_is_given_too_if_the_bake_is_skipped(self):
        skipped = HELD_BACK.promoting(PROPAGATION).end_bake("b").following()
        assert place(skipped.decide()) == ("Promoting", 2, 100)

    @pytest.mark.parametrize("lacks", ["pods", "a place"])
    def test_leaves_nothing_to_a_stable_that_cannot_serve(self, lacks: str):
        moved = rollout().bake(BAKE, holdback=5).stable("a").candidate("b", weight=50, step=2, ready=4).ready("a", 0)
        if lacks == "a place":
            alone = rollout().scaled(1).without_surge(allow_downtime=True).bake(BAKE, holdback=5).stable("a", 0)
            moved = alone.candidate("b", step=2, ready=1)
        assert place(moved.promote("b").at(Stage.PROMOTED_BY_USER, 5).decide()) == ("Promoting", 2, 100)

    def test_keeps_the_comparison(self):
        look = baking(HELD_BACK).looked(INTERVAL).counted((950, 5), (50, 0)).decide().state.analysis
        assert look.evidence["errors"].stable.requests == 50


class TestJudge:
    """Stable failed 0.5% of its requests in this rollout, so 2% are too much for the candidate, and 1% are not."""

    def test_learns_the_ceiling_from_stable(self):
        bake = judged().counted((1000, 5)).decide().state.analysis.bake
        assert 0.015 < bake.ceiling < 0.025

    @pytest.mark.parametrize(("errors", "is_back"), [(5, False), (10, False), (48, True), (80, True)])
    def test_takes_back_what_is_clearly_beyond_it(self, errors, is_back):
        scenario = judged()
        for _ in range(4):
            state = scenario.counted((1000, errors)).decide().state
            if state.failed:
                break
            scenario = replace(scenario, state=state).looked(INTERVAL)
        assert bool(state.failed) == is_back
        assert not is_back or (state.failed.reason, state.weight) == ("BakeFailed", 0)

    def test_needs_two_looks(self):
        assert judged().counted((1000, 90)).decide().state.failed is None

    def test_leaves_it_to_the_guard_where_stable_had_no_requests_or_few(self):
        for few in (Counts(), Counts(10, 0)):
            state = judged(stable=few).counted((1000, 48)).decide().state
            assert (state.analysis.bake, state.failed) == (None, None)

    def test_continues_after_a_restart(self):
        decision = judged().counted((1000, 30)).decide()
        status = judged().counted((1000, 30)).report()
        assert status.rollout.analysis.bake.candidate.bad == 30
        assert RolloutState.from_status(status).analysis.bake == decision.state.analysis.bake

    def test_is_not_over_before_the_end_was_looked_at(self):
        unseen = baking(JUDGED, BAKE).looked(BAKE)
        assert unseen.decide().state.stable == "a"
        assert unseen.counted((1000, 5)).decide().state.stable == "b"

    def test_is_not_over_while_the_provider_fails(self):
        assert baking(JUDGED, 2 * BAKE).looked(INTERVAL).provider_fails().decide().state.phase == "Baking"

    def test_learns_from_stable_while_a_preview_is_looked_at_too(self):
        preview = rollout().judged().blue_green().stable("a").candidate("b", exposure=Exposure(preview=True), step=0)
        looking = preview.analyzing(5).looked(INTERVAL)
        assert wanted_sample(looking.plan, looking.state, NOW).counts_stable
        assert looking.counted((10, 0), (1000, 5)).decide().state.analysis.usual == Counts(1000, 5)

    def test_what_is_usual_is_not_learned_from_the_holdback(self):
        look = baking(HELD_BACK).looked(INTERVAL, usual=USUAL).counted((950, 5), (50, 9)).decide().state.analysis
        assert look.usual == USUAL


class TestLostStatus:
    def test_in_the_bake_leaves_the_candidate_with_everything_and_drains_the_other(self):
        given = baking(GIVEN).recorded("a", "b")
        decision = decide(given.plan, given.observed, RolloutState(), NOW)
        assert (decision.state.stable, reasons(decision)) == ("b", ["Adopted"])
        assert shares(decision) == {"b": (4, 100), "a": (4, 0)}

    def test_of_an_exposure_that_is_none_of_a_bake_goes_on_at_its_step(self):
        forged = baking(GIVEN.candidate("b", weight=10, step=2))
        assert forged.decide().state.stage is not Stage.BAKING
        assert forged.decide().state.weight == 10


class TestWindow:
    CLOSED = Window(frozenset({6}), 0, 60, "UTC")

    def test_holds_up_what_stable_has_kept(self):
        over = baking(HELD_BACK, BAKE).looked(INTERVAL).counted((950, 1), (50, 0))
        assert over.windows(self.CLOSED).decide().state.weight == 95
        assert over.following().state.weight == 100

    def test_is_not_ended_by_a_pod_that_is_not_ready_for_a_moment(self):
        waits = baking(HELD_BACK, 20 * BAKE).looked(1).windows(self.CLOSED)
        assert unchanged(waits)
        assert unchanged(waits.ready("b", 3))

    def test_does_not_hold_up_the_end_of_a_bake_that_gives_nothing_more(self):
        assert baking(GIVEN, BAKE).windows(self.CLOSED).decide().state.stable == "b"


def test_a_provider_that_keeps_failing_is_told_as_the_reason():
    blind = baking(JUDGED, 2 * BAKE).looked(1, errors=MOST_ERRORS)
    assert (blind.report().rollout.state, blind.report().rollout.reason) == ("Baking", "MetricsUnavailable")

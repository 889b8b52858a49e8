"""A status may say anything: no number in it, and no pair of fields, stops the operator or leads to an outage."""

from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, NOW, rollout

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.consistency import consistent
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.plan.plan import Exposure

ROLLING = rollout().stable("a").candidate("b", weight=20).holding(10)
SERVING = rollout().stable("a")


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    "scenario",
    [ROLLING, SERVING, rollout().candidate("b", weight=30, ready=0), rollout().wanting("b")],
    ids=["both", "stable", "first", "none"],
)
def test_any_stage_with_any_revisions_is_decided_and_reported(scenario, stage):
    forged = replace(scenario, state=replace(scenario.state, stage=stage, step=3))
    weights = [one.weight for one in forged.decide().live]
    assert sum(weights) == 100
    assert forged.report().phase


@pytest.mark.parametrize(
    "junk",
    [
        {"step": 4000},
        {"floor": 10**9},
        {"rollbacks": 2**31 - 1},
        {"attempt": 0},
        {"candidate": "a"},
    ],
    ids=repr,
)
def test_impossible_numbers_and_roles_end_in_possible_ones(junk):
    forged = replace(ROLLING, state=replace(ROLLING.state, **junk))
    decision = forged.decide()
    assert sum(one.weight for one in decision.live) == 100
    assert all(0 <= one.weight <= 100 and 0 <= one.replicas <= 1000 for one in decision.live)
    assert len({one.revision for one in decision.live}) == len(decision.live)
    assert decision.state.attempt >= 1


def test_a_count_that_is_as_high_as_can_be_goes_on_and_can_be_read_back():
    judged = rollout().stable("a").judged().candidate("b", weight=20).analyzing(10)
    failing = judged.looked(INTERVAL, errors=2**31 - 1).provider_fails().report()
    assert failing.rollout.analysis.errors < 2**31 - 1
    by_hand = replace(SERVING, state=replace(SERVING.state, rollbacks=2**31 - 1)).served("a", "z").recorded("a", "z")
    assert by_hand.rollback("z", 1).decide().state.pinned.revision == "z"


def test_stable_does_not_drain_while_a_candidate_may_as_it_can_be_asked_for_again():
    forged = consistent(ROLLING.retiring("a").retiring("x", replicas=3).retiring("b").state)
    assert [kept.revision for kept in forged.retiring] == ["x", "b"]


def test_a_candidate_that_is_said_to_be_at_rest_begins_its_step_again():
    forged = consistent(replace(ROLLING.state, stage=Stage.COMPLETED))
    assert (forged.stage, forged.exposure) == (Stage.PROPAGATING, Exposure(20))


def test_traffic_of_nobody_is_none():
    assert not consistent(replace(SERVING.state, exposure=Exposure(30))).exposure.has_traffic


def test_a_first_revision_that_has_not_passed_its_checks_stays_failed():
    """It is at rest as a candidate, and without traffic; with some, it was let through."""
    failed = rollout().candidate("b").at(Stage.FAILED, cause="CheckFailed")
    assert consistent(failed.state) == failed.state
    assert consistent(replace(failed.state, exposure=Exposure(100))).stage is Stage.STARTING_PODS


@pytest.mark.parametrize("scenario", [ROLLING, SERVING, rollout().candidate("b", weight=100), rollout()])
def test_what_the_operator_wrote_is_left_as_it_is(scenario):
    assert consistent(scenario.state) == scenario.state
    assert consistent(RolloutState(since=NOW)) == RolloutState(since=NOW)

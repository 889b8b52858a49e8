"""The bake of the first revision: it serves, there is nothing to go back to, so what is found can only be told."""

from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, NOW, Scenario, ago, reasons, rollout, shares

from nereid.api.status import FailedRollout, FirstBakeStatus
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.decide.rollout.state import RolloutState

BAKE = 300
STARTS = rollout().judged().bake(BAKE).candidate("a", weight=100, step=2, ready=1)
SERVES = STARTS.following()
BAD, GOOD = (1000, 400), (1000, 3)
FOUND = FailedRollout(revision="a", attempt=1, reason="GuardExceeded", message="40% failed", at=ago(BAKE))


def baking(seconds: float, failure: FailedRollout | None = None, looked: float = INTERVAL) -> Scenario:
    """Return a bake of the first revision that began so many seconds ago."""
    bake = FirstBakeStatus(since=ago(seconds), failure=failure)
    return replace(SERVES, state=replace(SERVES.state, first_bake=bake)).looked(looked)


def found_bad() -> Scenario:
    """Return a first revision of which two looks have shown that it fails."""
    scenario = baking(60).counted(BAD)
    for _ in range(3):
        scenario = scenario.following()
        if scenario.state.first_bake and scenario.state.first_bake.failure:
            return scenario
        scenario = scenario.looked(INTERVAL)
    raise AssertionError("nothing was found")


def test_begins_when_it_serves_which_takes_no_longer_for_it():
    assert (SERVES.state.stable, SERVES.state.phase) == ("a", "Completed")
    assert SERVES.state.first_bake
    assert SERVES.report().phase == "Ready" or SERVES.ready("a", 4).report().phase == "Ready"


@pytest.mark.parametrize("without", [STARTS.bake(0), STARTS.judged(provider="None")])
def test_is_left_out_where_there_is_no_bake_or_nothing_is_judged(without: Scenario):
    assert without.following().state.first_bake is None


def test_looks_at_what_serves():
    scenario = baking(60)
    request = wanted_sample(scenario.plan, scenario.state, NOW)
    assert request
    assert (request.candidate, request.has_control, request.counts_stable) == ("a", False, False)


def test_tells_of_what_is_found_and_takes_nothing_away():
    bad = found_bad().ready("a", 4)
    assert bad.state.first_bake.failure.reason == "GuardExceeded"
    assert shares(bad.decide()) == {"a": (4, 100)}
    status = bad.report()
    passed = next(one for one in status.conditions if one.type == "RolloutPassed")
    assert (status.phase, passed.status, passed.reason) == ("Degraded", "False", "GuardExceeded")
    assert "none to go back to" in passed.message


def test_what_is_found_survives_a_restart():
    bad = found_bad()
    assert RolloutState.from_status(bad.report()).first_bake == bad.state.first_bake


def test_is_over_in_its_time():
    assert baking(BAKE - 1).counted(GOOD).decide().state.first_bake
    over = baking(BAKE).counted(GOOD).decide()
    assert (over.state.first_bake, reasons(over)) == (None, [])


def test_that_found_something_is_over_once_the_revision_was_fine_for_as_long():
    assert baking(BAKE - 1, FOUND).counted(GOOD).decide().state.first_bake.failure == FOUND
    over = baking(BAKE, FOUND).counted(GOOD).decide()
    assert (over.state.first_bake, reasons(over)) == (None, ["BakePassed"])


def test_that_found_something_is_not_over_while_the_provider_fails():
    assert baking(BAKE, FOUND).provider_fails().decide().state.first_bake.failure == FOUND


@pytest.mark.parametrize("change", [{"provider": "None"}, None])
def test_that_found_something_is_over_when_nobody_judges_any_more(change: dict[str, str] | None):
    found = baking(60, FOUND)
    over = (found.judged(**change) if change else found.bake(0)).decide()
    assert (over.state.first_bake, reasons(over)) == (None, [])


def test_ends_with_the_next_rollout():
    assert baking(60, FOUND).wanting("b").decide().state.first_bake is None

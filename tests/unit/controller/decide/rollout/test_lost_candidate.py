"""The record and the Deployment of a candidate are gone: it is made again, or fails and says so, never in silence."""

from dataclasses import replace

import pytest
from tests.support.scenario import NOW, PROGRESS_DEADLINE, doing, place, reasons, rollout, shares

from nereid.controller.decide.rollout.decide import decide
from nereid.controller.observed.facts import Observed

BY_HAND = rollout().stable("a").served("a", "x").wanting("a").rollback("x").following().following()


def without(scenario, revision):
    """Return what the cluster shows once nothing is left of a revision, and that was looked up."""
    left = {one: seen for one, seen in scenario.observed.revisions.items() if one != revision}
    return Observed(left, scenario.observed.routings, gone=frozenset({revision}))


def test_one_that_the_spec_does_not_ask_for_fails_at_once():
    assert (BY_HAND.state.candidate, place(BY_HAND.decide())) == ("x", ("Preparing", 2, 0))
    decision = decide(BY_HAND.plan, without(BY_HAND, "x"), BY_HAND.state, NOW)
    assert (doing(decision), decision.state.failed.reason) == (("RollingBack", "RevisionLost"), "RevisionLost")
    assert "status.history" in decision.events[0].message
    assert shares(decision)["a"] == (4, 100)


@pytest.mark.parametrize("seconds", [0, PROGRESS_DEADLINE - 1])
def test_the_specs_own_is_made_again(seconds):
    preparing = rollout().stable("a").candidate("b", ready=0).preparing(seconds)
    decision = decide(preparing.plan, without(preparing, "b"), preparing.state, NOW)
    assert (decision.state, reasons(decision)) == (preparing.state, [])
    assert shares(decision)["b"] == (1, 0)


def test_each_time_that_it_is_not_there_in_time_is_told():
    preparing = rollout().stable("a").candidate("b", ready=0).preparing(PROGRESS_DEADLINE)
    decision = decide(preparing.plan, without(preparing, "b"), preparing.state, NOW)
    assert (decision.state, reasons(decision)) == (replace(preparing.state, since=NOW), ["DeploymentMissing"])

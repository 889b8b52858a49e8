"""A status of which a part cannot be read: that part is made from what runs, and nobody gains by it."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from tests.support.scenario import NOW, Scenario, ago, doing, reasons, rollout, shares

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.state import Decision, Retiring, RolloutState
from nereid.controller.observed.facts import Routing
from nereid.controller.observed.last_status import last_status
from nereid.controller.plan.plan import Exposure
from nereid.controller.report.status import to_json

ROLLING = rollout().judged().stable("a").candidate("b", weight=20).analyzing(10).recorded("a", "b")
JUNK: Any = "?" * 3


def without(scenario: Scenario, *path: str | int, value: Any = JUNK) -> Decision:
    """Return what is decided if this part of the status of a scenario is something that the operator never writes."""
    document: Any = deepcopy(to_json(scenario.report()))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    state = RolloutState.from_status(*last_status(document))
    assert state.unreadable
    return decide(scenario.plan, scenario.observed, state, NOW)


@pytest.mark.parametrize("part", ["stable", "candidate", "rollout"])
def test_without_one_of_its_roles_no_share_changes_and_the_unjudged_one_passes_again(part):
    decision = without(ROLLING, part)
    assert shares(decision) == {"a": (4, 80), "b": (1, 20)}
    assert reasons(decision) == ["StatusNotReadable", "Adopted"]
    assert (doing(decision)[0], decision.state.attempt) == ("Propagating", 2 if part != "rollout" else 1)
    assert decision.state.unreadable == ()


def test_without_stable_the_candidate_is_not_the_first_revision_though_no_pod_of_stable_is_ready():
    decision = without(ROLLING.ready("a", 0).deploying("a", 4), "stable")
    assert (decision.state.stable, decision.state.candidate, decision.state.weight) == ("a", "b", 20)


def test_a_first_revision_that_is_overtaken_before_it_had_a_pod_is_not_a_loss():
    overtaken = rollout().wanting("b").candidate("b", weight=100, ready=0).retiring("a").recorded("a", "b")
    seen = replace(overtaken.observed, routings=frozenset({Routing(weights=frozenset({("a", 100)}))}))
    assert decide(overtaken.plan, seen, overtaken.state, NOW).events == ()


def test_without_the_list_of_what_drains_no_pod_goes_before_it_has_drained():
    """It has ready pods, and may have requests: it drains from now on."""
    drains = rollout().stable("b").retiring("a", replicas=4).ready("a", 4).recorded("a", "b")
    decision = without(drains, "rollout", "retiring")
    assert shares(decision) == {"b": (4, 100), "a": (4, 0)}
    assert decision.state.retiring == (Retiring("a", NOW, 4),)
    assert decision.state.stage is Stage.COMPLETED


def test_without_one_of_those_that_drain_the_others_drain_on():
    two = rollout().stable("b").retiring("a", 20, replicas=4).retiring("c", 20, replicas=2).ready("a", 4).ready("c", 2)
    drain = without(two.recorded("a", "b", "c"), "rollout", "retiring", 1).state.retiring
    assert [(one.revision, one.since) for one in drain] == [("a", ago(20)), ("c", NOW)]


def test_without_its_pin_the_one_that_was_left_by_hand_does_not_come_back():
    pinned = rollout().stable("a").wanting("b").pinned("a", "b").rollback("a").recorded("a", "b")
    rolled_back = replace(pinned, state=replace(pinned.state, rollbacks=1))
    decision = without(rolled_back, "rollout", "pinned")
    assert (decision.state.stable, decision.state.candidate) == ("a", None)
    assert decision.state.pinned == pinned.state.pinned


def test_without_something_else_a_pin_that_is_over_stays_over():
    failed = rollout().stable("a").failed("b").rollback("a").recorded("a", "b")
    rolled_back = replace(failed, state=replace(failed.state, rollbacks=1))
    assert without(rolled_back, "phase", value=7).state.pinned is None


def test_without_its_rollout_the_history_is_kept_and_says_why():
    served = ROLLING.served("a", "x")
    told = served.state.history[1].model_copy(update={"left_reason": "GuardExceeded", "served_until": ago(900)})
    history = without(
        replace(served, state=replace(served.state, history=(served.state.history[0], told))), "rollout"
    ).state.history
    assert [(one.revision, one.left_reason) for one in history] == [("a", None), ("x", "GuardExceeded")]


class TestSleep:
    ASLEEP = rollout().scaled(1).autoscaled(may_sleep=True).stable("a", ready=0).sleep("Asleep", 900).recorded("a")

    @pytest.mark.parametrize(("pods", "phase"), [(0, "Asleep"), (1, "Waking")])
    def test_that_cannot_be_read_is_gone_on_with(self, pods, phase):
        decision = without(self.ASLEEP.deploying("a", pods), "scaling")
        assert decision.state.sleep.state == phase
        assert reasons(decision) == ["StatusNotReadable", "SleepCorrected"]

    def test_of_which_an_older_status_does_not_know_is_gone_on_with(self):
        """As a backup has it: its requests would go where no pod is."""
        awake = self.ASLEEP.sleep("Awake", 9000).state
        scenario = self.ASLEEP.deploying("a", 0)
        decision = decide(scenario.plan, scenario.observed, awake, NOW)
        assert (decision.state.sleep.state, decision.state.sleep.since) == ("Asleep", NOW)

    def test_is_over_once_a_pod_is_ready(self):
        awake = self.ASLEEP.sleep("Awake", 1).state
        scenario = self.ASLEEP.ready("a", 1)
        assert decide(scenario.plan, scenario.observed, awake, NOW).events == ()


class TestNothingServes:
    def test_no_record_goes_as_the_first_revision_begins(self):
        """As after a restored backup: ControllerRevisions are back, and neither Deployments nor a status."""
        first = rollout().wanting("c").recorded("a", "b", "c").decide()
        assert (first.state.candidate, first.state.exposure) == ("c", Exposure(100))
        assert {one.revision: one.left_reason for one in first.state.history} == {"a": "StatusLost", "b": "StatusLost"}

    def test_they_are_still_there_once_it_serves(self):
        first = rollout().wanting("c").recorded("a", "b", "c").following().ready("c", 4)
        serves, *left = first.decide().state.history
        assert (serves.revision, serves.left_reason) == ("c", None)
        assert {one.revision for one in left} == {"a", "b"}

"""Every kind of rollout arrives, and gets its pods first: pods follow one by one, and time goes on to the next look."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import BUSY, NOW, Scenario, rollout, shares

from nereid.controller.decide.rollout.state import Decision

BEGUN = rollout().stable("a").wanting("b").active("a", 7).active("b", 7)
AUTOSCALED = BEGUN.autoscaled().scaler("a", BUSY).scaler("b", BUSY)
ASLEEP = rollout().scaled(1).autoscaled(may_sleep=True).stable("a").ready("a", 0).deploying("a", 0).sleep("Asleep", 60)


def passes(scenario: Scenario) -> Iterator[tuple[Scenario, Decision]]:
    """Make passes until nothing happens any more; a scaler leaves each revision its least number of pods."""
    now = NOW
    for _ in range(200):
        decision = scenario.decide(now)
        yield scenario, decision
        asked = {revision: pods for revision, (pods, _) in shares(decision).items()}
        pods = {one: min(count, scenario.available.get(one, 0) + 1) for one, count in asked.items()}
        following = replace(scenario, state=decision.state, available=pods, deployed=asked)
        if following == scenario and decision.requeue_after is None:
            return
        if following == scenario:
            now += timedelta(seconds=decision.requeue_after or 1)
        scenario = following


@pytest.mark.parametrize(
    ("begun", "pods"),
    [
        (BEGUN, 4),
        (BEGUN.direct(), 4),
        (BEGUN.blue_green(preview_hold=60), 4),
        (BEGUN.shadow((50, 60), (100, 60)), 4),
        (BEGUN.ab_test(60), 4),
        (BEGUN.without_surge(), 3),
        (BEGUN.without_surge().direct(), 3),
        (BEGUN.scaled(1).without_surge(allow_downtime=True).ready("a", 1), 1),
        (AUTOSCALED.scaled(2).ready("a", 6).deploying("a", 6), 6),
        (AUTOSCALED.scaled(2).ready("a", 6).deploying("a", 6).direct(), 6),
        (ASLEEP.scaler("a", BUSY).scaler("b", BUSY).wanting("b").active("a", 7).active("b", 7), 1),
    ],
)
def test_with_all_pods_that_it_needs(begun, pods):
    stages = [(scenario, decision.state) for scenario, decision in passes(begun)]
    states = [state for _, state in stages]
    assert states[-1].stable == "b", states[-1]
    assert states[-1].retiring == ()
    assert not [state for state in states if state.failed]
    completed = next(scenario for scenario, state in stages if state.stable == "b")
    assert completed.available["b"] >= pods

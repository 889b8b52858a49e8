"""The table of transitions: what it says of itself, and the rows that random walks do not reach.

That a rollout makes no transition but these, tests/property/test_rollout_machine.py holds.
"""

import pytest
from tests.support.property.rare_transitions import RARE

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.transitions import TRANSITIONS, Group, members, stages_after

ROWS = [(source, target) for source, targets in TRANSITIONS.items() for target in targets]


@pytest.mark.parametrize(("source", "target"), RARE)
def test_a_transition_that_is_rare_is_made(source: Stage | Group, target: Stage):
    scenario = RARE[source, target]
    assert target in TRANSITIONS[source]
    assert scenario.state.stage in members(source)
    assert scenario.decide().state.stage is target


def test_every_stage_is_reached_and_left():
    assert {target for _, target in ROWS} == set(Stage)
    assert all(stages_after(stage) for stage in Stage)


def test_no_stage_follows_itself():
    assert all(stage not in stages_after(stage) for stage in Stage)


def test_every_transition_says_upon_what():
    assert all(why for targets in TRANSITIONS.values() for why in targets.values())

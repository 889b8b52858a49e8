"""After a rollout stable keeps its pods for a while, as an autoscaler has yet to see that it gets everything again."""

import pytest
from tests.support.scenario import PROPAGATION, doing, rollout, shares, unchanged

from nereid.controller.decide.rollout.settling import SECONDS

PROMOTED = rollout().stable("a").candidate("b", weight=100, step=2).promoting(PROPAGATION).scaled(1).following()
ROLLING_BACK = rollout().stable("a").candidate("b").wanting("a").scaled(1).following().phase("RollingBack", PROPAGATION)


@pytest.mark.parametrize(
    ("over", "stable"), [(PROMOTED, "b"), (ROLLING_BACK.following(), "a")], ids=["promoted", "rolled-back"]
)
class TestPods:
    def test_stay_as_many_as_there_were(self, over, stable):
        assert over.state.phase in {"Completed", "Idle"}
        assert shares(over.decide())[stable] == (4, 100)
        assert shares(over.phase(over.state.phase, SECONDS - 1).decide())[stable] == (4, 100)

    def test_become_as_many_as_are_asked_for_then(self, over, stable):
        assert over.phase(over.state.phase, SECONDS - 1).unseen().decide().requeue_after == 1
        settled = over.phase(over.state.phase, SECONDS)
        assert shares(settled.decide())[stable] == (1, 100)
        assert unchanged(settled.following().unseen())

    def test_become_more_at_once(self, over, stable):
        assert shares(over.scaled(7).decide())[stable] == (7, 100)

    def test_stay_while_the_next_rollout_runs(self, over, stable):
        begun = over.wanting("c").following()
        assert doing(begun.decide())[0] == "Preparing"
        assert shares(begun.preparing(2 * SECONDS).unseen().decide())[stable] == (4, 100)


def test_a_first_revision_leaves_none_to_keep():
    first = rollout().candidate("a", weight=100, step=2, ready=4).scaled(1)
    assert shares(first.decide()) == {"a": (1, 100)}

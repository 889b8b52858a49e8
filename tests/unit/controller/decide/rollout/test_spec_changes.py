"""The spec changes while a rollout runs."""

import pytest
from tests.support.scenario import PROPAGATION, place, reasons, rollout, shares


class TestSpecReverted:
    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_takes_all_traffic_back_at_once(self, phase):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).phase(phase).wanting("a").decide()
        assert (decision.state.phase, decision.state.reason) == ("RollingBack", "SpecReverted")
        assert shares(decision) == {"a": (4, 100), "b": (2, 0)}
        assert reasons(decision) == ["SpecReverted"]
        assert decision.state.failed is None

    def test_is_over_when_the_proxies_know_the_route(self):
        back = rollout().stable("a")
        assert back.rolling_back(PROPAGATION - 1).decide().requeue_after == 1
        assert back.rolling_back(PROPAGATION).decide().state.phase == "Idle"

    def test_forgives_a_failure(self):
        state = rollout().stable("a").failed("b").wanting("a").decide().state
        assert (state.phase, state.failed) == ("Idle", None)


class TestSuperseded:
    def test_a_newer_revision_starts_at_the_first_step_against_the_same_stable(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding().wanting("c").decide()
        assert place(decision) == ("Preparing", 0, 0)
        assert shares(decision) == {"a": (4, 100), "c": (1, 0), "b": (2, 0)}
        assert reasons(decision) == ["Superseded", "RolloutStarted"]

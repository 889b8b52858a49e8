"""A candidate that fails is rolled back, and stays failed until its user says otherwise."""

import pytest
from tests.support.scenario import NOW, PROGRESS_DEADLINE, PROPAGATION, doing, rollout, shares, unchanged

from nereid.controller.plan.plan import Exposure


class TestFailure:
    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_a_candidate_with_traffic_and_no_ready_pod_is_rolled_back_at_once(self, phase):
        scenario = rollout().paused().stable("a").candidate("b", weight=20, step=1, ready=0).phase(phase)
        decision = scenario.pod_problem("b", "OutOfMemory", "too little memory").decide()
        assert (decision.state.candidate, decision.state.phase) == (None, "RollingBack")
        assert (decision.state.failed.reason, decision.state.failed.message) == ("NoReadyReplica", "too little memory")
        assert shares(decision)["a"] == (4, 100)
        assert [(event.type, event.reason) for event in decision.events] == [("Warning", "RolledBack")]

    def test_a_candidate_without_traffic_may_take_its_time(self):
        assert unchanged(rollout().stable("a").candidate("b", ready=0).pod_problem("b", "ContainerCrashed"))

    @pytest.mark.parametrize("phase", ["Preparing", "Propagating", "Holding", "Paused", "Promoting"])
    def test_an_abort_takes_it_back_from_every_state(self, phase):
        scenario = rollout().paused().stable("a").candidate("b", weight=20).phase(phase).abort("b")
        state = scenario.decide().state
        assert (state.candidate, state.failed.revision, state.failed.reason) == (None, "b", "Aborted")

    @pytest.mark.parametrize(("revision", "attempt"), [("a", 1), ("c", 1), ("b", 1), ("b", 3)])
    def test_an_abort_of_another_revision_or_attempt_is_nothing(self, revision, attempt):
        held = rollout().stable("a").candidate("b", weight=20, attempt=2).holding(5)
        assert unchanged(held.abort(revision, attempt))

    def test_an_abort_wins_over_a_promotion(self):
        scenario = rollout().stable("a").candidate("b", weight=20).holding().promote("b").abort("b")
        assert scenario.decide().state.failed.reason == "Aborted"

    def test_is_final_when_the_proxies_know_the_route(self):
        failed = rollout().stable("a").failed("b")
        assert unchanged(failed.rolling_back(PROPAGATION - 1))
        assert failed.rolling_back(PROPAGATION).decide().state.phase == "Failed"

    def test_is_not_tried_again(self):
        failed = rollout().stable("a").failed("b").ready("b", 4)
        assert unchanged(failed)
        assert unchanged(failed.promote("b"))
        assert failed.decide().requeue_after is None

    def test_is_tried_again_when_its_user_says_so(self):
        state = rollout().stable("a").failed("b").retry("b").decide().state
        assert (state.candidate, state.attempt, state.failed) == ("b", 2, None)

    @pytest.mark.parametrize(("revision", "attempt"), [("a", 1), ("c", 1), ("b", 1), ("b", 3)])
    def test_a_retry_of_another_revision_or_attempt_is_nothing(self, revision, attempt):
        assert unchanged(rollout().stable("a").failed("b", attempt=2).retry(revision, attempt))

    def test_another_revision_is_tried_at_once(self):
        state = rollout().stable("a").failed("b").wanting("c").decide().state
        assert (state.candidate, state.attempt, state.failed) == ("c", 1, None)


class TestRetreat:
    """Stable lacks pods to take everything back: it gets as much as it can carry, and more as its pods come."""

    HALF = rollout().steps((20, 60), (80, 60)).stable("a", ready=2).candidate("b", weight=80, step=1)
    BACK = rollout().stable("a", ready=2).candidate("b", weight=50, step=1).failed_before("b").rolling_back(5)

    @pytest.mark.parametrize(
        ("scenario", "reason"),
        [
            (HALF.holding(5).abort("b"), "Aborted"),
            (HALF.wanting("c"), "Superseded"),
            (HALF.wanting("a"), "SpecReverted"),
        ],
        ids=["failed", "superseded", "reverted"],
    )
    def test_is_in_proportion_to_the_pods_that_stable_has(self, scenario, reason):
        decision = scenario.decide()
        assert doing(decision) == ("RollingBack", reason)
        assert shares(decision) == {"a": (4, 50), "b": (4, 50)}
        assert len(decision.events) == 1

    def test_never_gives_the_candidate_more(self):
        assert self.HALF.ready("a", 0).abort("b").decide().state.weight == 80

    @pytest.mark.parametrize(("ready", "weight"), [(0, 50), (1, 50), (2, 50), (3, 25)])
    def test_goes_on_as_stable_gets_its_pods(self, ready, weight):
        assert self.BACK.ready("a", ready).decide().state.weight == weight

    def test_is_over_when_stable_has_them_all(self):
        decision = self.BACK.ready("a", 4).decide()
        assert (decision.state.phase, decision.state.candidate) == ("RollingBack", None)
        assert shares(decision) == {"a": (4, 100), "b": (2, 0)}
        assert decision.state.since == NOW

    def test_is_over_when_the_candidate_has_no_pods_either(self):
        assert self.BACK.ready("b", 0).decide().state.candidate is None

    def test_waits_no_longer_than_for_any_pods(self):
        assert unchanged(self.BACK)
        assert self.BACK.decide().requeue_after == PROGRESS_DEADLINE - 5
        assert self.BACK.rolling_back(PROGRESS_DEADLINE).decide().state.candidate is None

    def test_waits_anew_whenever_there_is_progress(self):
        late = self.BACK.rolling_back(PROGRESS_DEADLINE - 1).ready("a", 3).decide()
        assert (late.state.weight, late.requeue_after) == (25, PROGRESS_DEADLINE)

    def test_is_final_whatever_the_spec_says_meanwhile(self):
        assert unchanged(self.BACK.promote("b").retry("b"))
        assert unchanged(self.BACK.wanting("c"))

    @pytest.mark.parametrize(
        ("wanted", "phase"),
        [("b", ("Failed", "Aborted")), ("a", ("Idle", "SpecReverted")), ("c", ("Preparing", "StartingPods"))],
    )
    def test_ends_as_the_spec_says(self, wanted, phase):
        over = self.BACK.wanting(wanted).ready("a", 4).following().rolling_back(PROPAGATION)
        assert doing(over.decide()) == phase

    def test_takes_a_shadow_or_a_preview_back_at_once_as_they_carry_nothing(self):
        for exposure in (Exposure(mirror=100), Exposure(preview=True), Exposure(matched=True)):
            seen = rollout().stable("a", ready=1).candidate("b", exposure=exposure).holding(5)
            assert seen.abort("b").decide().state.candidate is None

    def test_is_at_once_where_pods_that_are_more_than_enough_are_ready(self):
        assert self.HALF.ready("a", 9).abort("b").decide().state.candidate is None

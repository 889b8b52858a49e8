"""`surge: 0`: no place but stable's, so that each of the candidate's pods needs one of stable's to go."""

import pytest
from tests.support.scenario import PROGRESS_DEADLINE, PROPAGATION, doing, place, rollout, shares, unchanged

FOUR = rollout().without_surge().stable("a")
ONE = rollout().scaled(1).without_surge()
DOWNTIME = rollout().scaled(1).without_surge(allow_downtime=True)


class TestPlaces:
    def test_stable_gives_one_up_before_the_candidate_gets_a_pod(self):
        started = FOUR.wanting("b").decide()
        assert shares(started) == {"a": (3, 100), "b": (0, 0)}

    def test_the_candidate_gets_a_pod_when_the_place_is_free(self):
        waiting = FOUR.candidate("b", ready=0)
        assert shares(waiting.holds("a", 4).decide())["b"] == (0, 0)
        assert shares(waiting.ready("a", 3).holds("a", 4).decide())["b"] == (0, 0), (
            "a pod that is ending holds its place"
        )
        assert shares(waiting.ready("a", 3).decide())["b"] == (1, 0)

    def test_its_pods_stay_whoever_else_holds_places(self):
        crowded = FOUR.candidate("b", weight=50, step=1, ready=2).holding(5).holds("a", 4)
        assert shares(crowded.decide()) == {"a": (2, 50), "b": (2, 50)}

    def test_one_is_left_to_stable_as_long_as_it_may_have_to_take_everything_back(self):
        last = FOUR.candidate("b", weight=50, step=2, ready=2).ready("a", 1)
        assert shares(last.decide()) == {"a": (1, 50), "b": (3, 50)}
        promoting = last.ready("b", 3).decide()
        assert shares(promoting) == {"a": (1, 0), "b": (3, 100)}

    def test_the_last_one_follows_when_stable_has_drained(self):
        promoted = FOUR.candidate("b", weight=100, step=2, ready=3).ready("a", 1).promoting(PROPAGATION).following()
        assert shares(promoted.decide()) == {"b": (3, 100), "a": (1, 0)}
        assert shares(rollout().without_surge().stable("b", ready=3).decide()) == {"b": (4, 100)}

    def test_they_change_hands_one_by_one_and_the_traffic_with_them(self):
        """However much the candidate is to get in the end, stable is never more than one place short."""
        seen = []
        direct = rollout().direct().without_surge().stable("a").wanting("b").settled()
        while direct.state.candidate and direct.state.phase == "Preparing":
            pods = {one: replicas for one, (replicas, _) in shares(direct.decide()).items()}
            seen.append((*pods.values(), direct.state.weight))
            direct = direct.ready("a", pods["a"])
            direct = direct.ready("b", shares(direct.decide())["b"][0]).settled()
        assert seen == [(3, 0, 0), (2, 1, 25), (1, 2, 50)]
        assert place(direct.decide()) == ("Promoting", 0, 100)

    def test_the_traffic_waits_for_its_route_before_the_next_place(self):
        taking = rollout().direct().without_surge().stable("a").ready("a", 2).candidate("b", weight=25, ready=2)
        assert place(taking.decide()) == ("Preparing", 0, 50)
        assert unchanged(taking.unrouted())

    def test_a_step_is_at_its_weight_only_when_all_its_pods_are_there(self):
        canary = FOUR.candidate("b", weight=20, step=1, ready=1).ready("a", 3)
        assert place(canary.decide()) == ("Preparing", 1, 25)
        assert place(canary.ready("b", 2).settled().decide()) == ("Propagating", 1, 50)

    @pytest.mark.parametrize("step", [0, 1, 2])
    def test_two_replicas_keep_one_each(self, step):
        candidate = rollout().scaled(2).without_surge().stable("a").candidate("b", step=step, ready=1).ready("a", 1)
        assert {one: pods for one, (pods, _) in shares(candidate.decide()).items()} == {"a": 1, "b": 1}

    def test_the_first_revision_has_them_all(self):
        assert shares(rollout().without_surge().wanting("a").decide()) == {"a": (4, 100)}

    def test_a_new_candidate_takes_the_places_of_the_one_that_drains_before_stables(self):
        superseded = FOUR.candidate("b", weight=50, step=1, ready=2).ready("a", 2).holding(5).wanting("c").decide()
        assert shares(superseded) == {"a": (2, 100), "c": (0, 0), "b": (2, 0)}

    def test_waiting_for_places_that_drain_is_no_failure(self):
        waiting = FOUR.candidate("c", ready=0).retiring("b", PROGRESS_DEADLINE).active("b", 7, in_flight=1)
        assert doing(waiting.preparing(PROGRESS_DEADLINE).decide()) == ("Preparing", "StartingPods")

    def test_a_paused_candidate_without_traffic_takes_none(self):
        assert shares(FOUR.paused().wanting("b").decide()) == {"a": (4, 100), "b": (0, 0)}


class TestRollback:
    def test_is_one_step_as_stable_gets_its_places_back_only_afterwards(self):
        bad = FOUR.candidate("b", weight=50, step=1, ready=2).ready("a", 2).holding(5).abort("b").decide()
        assert shares(bad) == {"a": (2, 100), "b": (2, 0)}

    def test_starts_no_pods_for_what_is_going(self):
        """The candidate was to get three pods and has none: its places were not free yet."""
        bad = FOUR.candidate("b", step=2, ready=0).abort("b").decide()
        assert shares(bad) == {"a": (4, 100), "b": (0, 0)}


class TestOnlyPlace:
    WAITING = ONE.stable("a").candidate("b", ready=0)

    def test_is_not_given_up_without_the_users_consent(self):
        waiting = self.WAITING.following()
        assert doing(waiting.decide()) == ("Preparing", "NoPlace")
        assert shares(waiting.decide()) == {"a": (1, 100), "b": (0, 0)}
        assert unchanged(waiting)
        assert waiting.decide().requeue_after is None

    @pytest.mark.parametrize(
        "helped",
        [WAITING.without_surge(allow_downtime=True), WAITING.scaled(2)],
        ids=["downtime-allowed", "another-place"],
    )
    def test_is_waited_for_until_the_user_helps(self, helped):
        assert doing(helped.preparing(9999, "NoPlace").settled().decide()) == ("Preparing", "StartingPods")

    def test_a_promotion_makes_no_place_and_its_failure_says_what_does(self):
        promoted = ONE.stable("a").candidate("b", step=2, ready=0).preparing(PROGRESS_DEADLINE, "Promoted")
        assert promoted.decide().state.failed.message == (
            "0 of 1 pods were ready in time, as surge is 0 and stable's only pod is needed: set "
            "spec.rollout.allowDowntime, or scale to two replicas"
        )

    def test_a_promotion_makes_no_place_so_it_fails_in_the_end(self):
        promoted = self.WAITING.promote("b").following()
        assert unchanged(promoted)
        assert doing(promoted.preparing(PROGRESS_DEADLINE, "Promoted").decide())[0] == "RollingBack"

    def test_goes_to_the_candidate_where_downtime_is_allowed(self):
        started = DOWNTIME.stable("a").wanting("b")
        assert shares(started.decide()) == {"a": (0, 100), "b": (0, 0)}
        assert shares(started.following().ready("a", 0).decide()) == {"a": (0, 100), "b": (1, 0)}

    def test_then_the_candidate_gets_everything_at_once_as_nobody_else_serves(self):
        ready = DOWNTIME.stable("a", ready=0).candidate("b", ready=1).settled()
        assert place(ready.decide()) == ("Promoting", 2, 100)
        completed = ready.promoting(PROPAGATION).decide()
        assert shares(completed) == {"b": (1, 100), "a": (0, 0)}

    def test_goes_back_to_stable_when_the_candidate_fails(self):
        failing = DOWNTIME.stable("a", ready=0).candidate("b", step=2, ready=0).holds("b", 1)
        failed = failing.preparing(PROGRESS_DEADLINE).decide()
        assert shares(failed) == {"a": (1, 100), "b": (1, 0)}

    def test_stays_with_stable_while_the_spec_is_paused(self):
        assert shares(DOWNTIME.paused().stable("a").wanting("b").decide()) == {"a": (1, 100), "b": (0, 0)}

    def test_stays_with_stable_that_still_serves_when_surge_is_taken_away_in_the_middle(self):
        surged = DOWNTIME.stable("a").candidate("b", weight=20, ready=1).holding(5)
        assert shares(surged.decide()) == {"a": (1, 80), "b": (1, 20)}
        assert unchanged(surged)

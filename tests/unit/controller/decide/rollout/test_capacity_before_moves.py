"""No move without the pods for it: neither forward, nor back, nor to a revision that had begun to leave."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import (
    INTERVAL,
    NOW,
    PROGRESS_DEADLINE,
    PROPAGATION,
    doing,
    place,
    reasons,
    rollout,
    shares,
    unchanged,
)

from nereid.api.rollout import ABTestSpec, CookieMatch
from nereid.controller.decide.rollout.analysis import wanted_sample
from nereid.controller.observed.sample import QueryReading
from nereid.controller.plan.plan import Exposure, Query

AB_TEST = ABTestSpec(cookie=CookieMatch(name="cohort", value="beta"))


class TestEndpoints:
    """A pod that is ready, and that the Service has not as endpoint yet, gets nothing and counts for nothing."""

    STARTING = rollout().stable("a").candidate("b").ready("b", 1)

    def test_the_first_share_waits_for_them(self):
        late = self.STARTING.with_endpoints("b", 0)
        assert unchanged(late)
        assert "1 pods are ready, but the Service has 0 as endpoints" in late.report().rollout.message
        assert shares(late.with_endpoints("b", 1).decide()) == {"a": (4, 80), "b": (1, 20)}

    def test_the_deadline_tells_of_them(self):
        late = self.STARTING.preparing(PROGRESS_DEADLINE).with_endpoints("b", 0)
        assert "the Service has 0 as endpoints" in late.decide().state.failed.message

    def test_all_traffic_waits_for_those_of_all_pods(self):
        whole = rollout().stable("a").candidate("b", weight=100, step=2, ready=4).promoting(PROPAGATION)
        assert unchanged(whole.with_endpoints("b", 3))
        assert whole.with_endpoints("b", 4).decide().state.stable == "b"

    def test_the_first_revision_is_available_with_them(self):
        first = rollout().candidate("a", weight=100, ready=1)
        late, there = (
            next(one for one in first.with_endpoints("a", count).report().conditions if one.type == "Available")
            for count in (0, 1)
        )
        assert (late.status, there.status) == ("False", "True")
        assert "the Service has 0 as endpoints" in late.message


class TestPromotion:
    """The last move is over when all pods that it needs are ready."""

    PARTLY = rollout().stable("a").candidate("b", weight=100, step=2, ready=1)

    def test_waits_for_the_pods(self):
        waiting = self.PARTLY.promoting(PROPAGATION)
        assert unchanged(waiting)
        assert shares(waiting.decide()) == {"a": (4, 0), "b": (4, 100)}
        assert waiting.ready("b", 4).decide().state.stable == "b"

    def test_says_what_it_waits_for(self):
        status = self.PARTLY.promoting(PROPAGATION).report()
        message = "Candidate b gets 100% of the traffic, and 1 of the 4 pods that it needs are ready"
        assert status.rollout.message.startswith(message)
        (ready,) = [one for one in status.conditions if one.type == "Ready"]
        assert (ready.status, ready.reason, ready.message) == ("False", "CandidateLacksPods", status.rollout.message)

    def test_says_what_keeps_the_pods(self):
        waiting = self.PARTLY.promoting(PROPAGATION).pod_problem("b", "InsufficientCapacity", "no node has a GPU left")
        assert waiting.report().rollout.message.endswith(". Revision b: no node has a GPU left")

    def test_is_given_up_when_they_do_not_come(self):
        waiting = self.PARTLY.promoting(PROPAGATION)
        assert waiting.decide().requeue_after == PROGRESS_DEADLINE
        late = waiting.promoting(PROPAGATION + PROGRESS_DEADLINE).decide()
        assert (late.state.failed.reason, late.state.candidate) == ("ProgressDeadlineExceeded", None)
        assert shares(late) == {"a": (4, 100), "b": (4, 0)}


class TestReturn:
    """A revision that drains and is asked for again keeps its pods."""

    PROMOTED = rollout().stable("b").retiring("a", 2, replicas=4, was_replaced=True).ready("a", 4).served("b", "a")

    def test_takes_all_traffic_back_at_once_if_a_rollout_has_just_replaced_it(self):
        begun = self.PROMOTED.wanting("a").decide()
        assert shares(begun) == {"b": (4, 100), "a": (4, 0)}
        moved = replace(self.PROMOTED.wanting("a"), state=begun.state).decide()
        assert shares(moved) == {"b": (4, 0), "a": (4, 100)}
        assert place(moved) == ("Promoting", 2, 100)
        over = replace(self.PROMOTED.wanting("a"), state=moved.state)
        assert over.decide(NOW + timedelta(seconds=PROPAGATION)).state.stable == "a"

    def test_is_not_stopped_by_a_pause(self):
        assert self.PROMOTED.wanting("a").paused().following().decide().state.weight == 100

    def test_is_no_shorter_way_forward_for_what_a_rollback_replaced(self):
        back = rollout().stable("a").served("a", "b").retiring("b", 2, replicas=4).ready("b", 4)
        assert place(back.wanting("b").decide()) == ("Preparing", 0, 0)

    @pytest.mark.parametrize(("weight", "may_return"), [(100, True), (20, False)])
    def test_is_for_what_was_stable(self, weight, may_return):
        scenario = rollout().stable("a").candidate("b", weight=weight, step=2)
        left = scenario.promoting(PROPAGATION) if weight == 100 else scenario.holding(5).abort("b")
        assert [one.may_return for one in left.decide().state.retiring] == [may_return]

    def test_of_a_candidate_that_was_overtaken_starts_with_the_pods_that_it_had(self):
        overtaken = rollout().stable("a").candidate("b", weight=50, step=1).holding(10).wanting("c").following()
        again = overtaken.ready("b", 2).wanting("b")
        begun = again.following()
        assert shares(again.decide())["b"] == (2, 0)
        assert shares(begun.decide())["b"] == (2, 20), "and they stay when it gets a part of them"
        half = replace(begun, state=replace(begun.following().state, step=1, exposure=Exposure(50)))
        assert "b" not in {one.revision for one in half.decide().state.retiring}

    def test_without_surge_waits_until_it_has_drained_as_its_places_are_stables(self):
        draining = rollout().without_surge().stable("a", ready=2).retiring("b", 2, replicas=2).ready("b", 2)
        again = draining.wanting("b").following().unseen()
        assert shares(again.decide()) == {"a": (2, 100), "b": (2, 0)}
        assert again.decide().state.weight == 0


class TestRollback:
    """Traffic returns to pods that are ready."""

    CANARY = rollout().judged().stable("a").candidate("b", weight=50, step=1).analyzing(300)
    QUERY = Query("queue", "...", None, 10.0, None, 1)

    def test_gives_stable_nothing_while_it_has_no_ready_pod(self):
        bad = self.CANARY.ready("a", 0).counted((1000, 600), (1000, 1000))
        decision = bad.decide()
        assert doing(decision) == ("RollingBack", "GuardExceeded")
        assert shares(decision) == {"a": (4, 50), "b": (2, 50)}
        come = replace(bad, state=decision.state, sample=None).ready("a", 2)
        assert shares(come.decide()) == {"a": (4, 100), "b": (2, 0)}

    def test_gives_stable_everything_if_the_candidate_has_no_ready_pod_either(self):
        dead = self.CANARY.ready("a", 0).ready("b", 0).decide()
        assert (dead.state.failed.reason, dead.state.weight) == ("NoReadyReplica", 0)

    @pytest.mark.parametrize(("ready", "kept"), [(1, 50), (2, 0), (3, 0), (4, 0)])
    def test_of_a_bad_candidate_loads_stable_twice_as_much_as_usual_at_most(self, ready, kept):
        bad = self.CANARY.asking(self.QUERY).ready("a", ready)
        decision = bad.counted((1000, 0), (1000, 0), {"queue": QueryReading(10.5)}).decide()
        assert decision.state.failed.reason == "QueryFailed"
        assert decision.state.weight == kept

    @pytest.mark.parametrize(("ready", "phase"), [(0, "RollingBack"), (1, "RollingBack")])
    def test_of_a_test_gives_stable_nothing_while_it_has_no_ready_pod(self, ready, phase):
        test = rollout().ab_test().stable("a", ready=ready).candidate("b", exposure=Exposure(matched=True)).holding(5)
        matching = replace(test, rollout=replace(test.rollout, match=AB_TEST)).abort("b").decide()
        assert matching.state.phase == phase
        assert (matching.state.candidate, matching.state.exposure.matched) == (
            ("b", True) if ready == 0 else (None, False)
        )

    def test_without_surge_waits_for_stables_pod_too(self):
        few = rollout().without_surge().stable("a", ready=0).candidate("b", weight=75, step=2, ready=3).holding(5)
        assert few.abort("b").decide().state.weight == 75
        assert few.ready("a", 1).abort("b").decide().state.weight == 0

    def test_without_surge_says_whose_places_it_waits_for(self):
        draining = rollout().without_surge().stable("a", ready=2).retiring("b", 2, replicas=2).ready("b", 2)
        message = draining.wanting("c").following().report().rollout.message
        assert message == "Candidate c waits for its pods, as surge is 0 and the pods of revision b still drain"

    def test_with_a_single_place_goes_at_once_as_nothing_else_can(self):
        one = rollout().scaled(1).without_surge(allow_downtime=True)
        only = one.stable("a", ready=0).candidate("b", weight=100, step=2, ready=1).promoting(5)
        assert only.abort("b").decide().state.weight == 0


class TestRetreat:
    """A candidate that keeps a share, as stable lacks pods, is judged as before."""

    BACK = rollout().judged().stable("a", ready=1).candidate("b", weight=60, step=1, ready=3).abort("b")
    BACK = BACK.analyzing(300).following().looked(INTERVAL)

    def test_looks_go_on(self):
        assert self.BACK.state.phase == "RollingBack"
        assert wanted_sample(self.BACK.plan, self.BACK.state, NOW) is not None

    def test_says_what_it_waits_for(self):
        none = self.BACK.ready("a", 0).pod_problem("a", "ModelNotFound", "the claim is gone")
        status = none.wanting("c").report()
        (ready,) = [one for one in status.conditions if one.type == "Ready"]
        assert (ready.status, ready.reason) == ("False", "StableLacksPods")
        assert ready.message == (
            "Stable revision a is to get all traffic (Aborted), but none of its pods is ready: candidate b gets 60% of "
            "the traffic until one is, and revision c starts after that. Revision a: the claim is gone"
        )
        assert status.rollout.message == ready.message

    def test_a_bad_candidate_gives_up_what_stables_pods_can_take_in_haste(self):
        decision = self.BACK.counted((1000, 1000), (1000, 0)).decide()
        assert (decision.state.weight, decision.state.is_urgent) == (50, True)
        assert reasons(decision) == ["GuardExceeded"]
        assert decision.state.failed.reason == "Aborted"
        more = replace(self.BACK, state=decision.state).ready("a", 2).decide()
        assert more.state.candidate is None

    def test_it_has_failed_then_if_it_is_what_the_spec_asks_for(self):
        back = replace(self.BACK, state=replace(self.BACK.state, failed=None))
        assert back.counted((1000, 1000), (1000, 0)).decide().state.failed.reason == "GuardExceeded"

    def test_the_deadline_makes_it_urgent_and_gives_nothing_to_pods_that_are_not_there(self):
        late = self.BACK.rolling_back(PROGRESS_DEADLINE)
        assert late.decide().state.weight == 50
        none = late.ready("a", 0)
        assert (none.decide().state.weight, none.decide().state.is_urgent) == (60, True)
        assert wanted_sample(none.plan, none.following().state, NOW) is not None


class TestClock:
    """A clock that jumps ahead skips no propagation: the route is seen as decided in two passes."""

    PROMOTING = rollout().stable("a").candidate("b", weight=100, step=2).promoting(0)

    def test_half_of_a_wait_counts_that_took_much_too_long(self):
        later = NOW + timedelta(seconds=900)
        jumped = self.PROMOTING.decide(later)
        assert (jumped.state.phase, jumped.requeue_after) == ("Promoting", PROPAGATION / 2)
        seen = replace(self.PROMOTING, state=jumped.state)
        assert seen.decide(later + timedelta(seconds=PROPAGATION / 2)).state.stable == "b"

    def test_an_operator_that_is_always_late_gets_there(self):
        later = NOW + timedelta(seconds=900)
        again = replace(self.PROMOTING, state=self.PROMOTING.decide(later).state)
        late = again.decide(later + timedelta(seconds=900)).state
        assert replace(again, state=late).decide(later + timedelta(seconds=901)).state.stable == "b"

    def test_a_rollback_and_a_step_wait_as_well(self):
        for waiting in (
            rollout().stable("a").candidate("b", weight=20).propagating(0),
            rollout().stable("a").failed("b").rolling_back(0),
        ):
            assert waiting.decide(NOW + timedelta(seconds=15)).state.stage is waiting.state.stage
            assert waiting.decide(NOW + timedelta(seconds=PROPAGATION)).state.stage is not waiting.state.stage


class TestStrategy:
    @pytest.mark.parametrize("stage", ["promoting", "holding"])
    def test_does_not_matter_once_everything_is_given(self, stage):
        """Neither while the proxies receive the last move, nor while blue/green keeps stable after it."""
        given = getattr(rollout().blue_green().stable("a").candidate("b", weight=100, step=1), stage)(5)
        edited = replace(given, rollout=replace(rollout().rollout, strategy="Canary"))
        assert (edited.decide().state.weight, edited.settled().state.weight) == (100, 100)
        assert "StrategyChanged" not in reasons(edited.decide())

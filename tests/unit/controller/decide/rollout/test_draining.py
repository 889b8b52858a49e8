"""Pods without traffic stay until two looks find nothing new: for a stream ten minutes, for new requests for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.scenario import DRAIN, NOW, PROPAGATION, rollout, shares, unchanged

from nereid.controller.decide.rollout.draining import LONGEST_SECONDS, QUIET_SECONDS, SELDOM_SECONDS, wanted_looks
from nereid.controller.observed.sample import Activity

LEAST = PROPAGATION + DRAIN
DRAINING = rollout().stable("a").retiring("b", LEAST, replicas=3, looked=(QUIET_SECONDS, 7))


def is_gone(scenario, revision="b"):
    return revision not in shares(scenario.decide())


def looks(scenario):
    return {look.revision: look for look in wanted_looks(scenario.plan, scenario.state, NOW)}


class TestPods:
    def test_stay_as_they_were_until_the_time_asked_for(self):
        draining = rollout().stable("a").retiring("b", LEAST - 1, replicas=3, looked=(QUIET_SECONDS, 7)).active("b", 7)
        assert shares(draining.decide()) == {"a": (4, 100), "b": (3, 0)}

    def test_go_when_a_second_look_finds_nothing_new(self):
        decision = DRAINING.active("b", 7).decide()
        assert shares(decision) == {"a": (4, 100)}
        assert decision.requeue_after is None

    def test_stay_while_requests_come(self):
        state = DRAINING.active("b", 8).decide().state
        assert (state.retiring[0].looked_at, state.retiring[0].requests) == (NOW, 8)

    def test_stay_while_requests_are_in_flight(self):
        assert not is_gone(DRAINING.active("b", 7, in_flight=1))

    def test_go_where_nobody_can_tell_what_is_in_flight(self):
        assert is_gone(DRAINING.active("b", 7, in_flight=None))

    def test_need_two_looks(self):
        once = rollout().stable("a").retiring("b", LEAST).active("b", 7)
        assert not is_gone(once)
        assert once.decide().state.retiring[0].requests == 7

    def test_that_began_to_count_anew_are_looked_at_once_more(self):
        assert not is_gone(DRAINING.active("b", 0))

    def test_go_after_the_time_where_nothing_can_be_told(self):
        assert is_gone(DRAINING.active("b", None, None))
        assert not is_gone(rollout().stable("a").retiring("b", LEAST - 1).active("b", None, None))

    def test_stay_until_the_look_is_answered(self):
        assert unchanged(DRAINING.unseen())
        assert DRAINING.unseen().decide().requeue_after is None
        much_later = DRAINING.unseen().decide(NOW + timedelta(seconds=2 * LONGEST_SECONDS))
        assert much_later.state == DRAINING.state

    def test_go_in_the_end_however_long_a_stream_lasts(self):
        streams = rollout().stable("a").active("b", 7, in_flight=1)
        assert not is_gone(streams.retiring("b", LEAST + LONGEST_SECONDS - 1, looked=(QUIET_SECONDS, 7)))
        assert is_gone(streams.retiring("b", LEAST + LONGEST_SECONDS, looked=(QUIET_SECONDS, 7)))

    def test_stay_for_a_stream_as_long_again_after_each_new_request(self):
        streams = rollout().stable("a").active("b", 7, in_flight=1)
        lasting = streams.retiring("b", 2 * LONGEST_SECONDS, looked=(SELDOM_SECONDS, 7))
        assert not is_gone(lasting.requested("b", LONGEST_SECONDS - 1))
        assert is_gone(lasting.requested("b", LONGEST_SECONDS))

    def test_go_each_by_its_own_time(self):
        scenario = rollout().stable("a").retiring("b", LEAST, looked=(30, 7)).retiring("c", 10)
        scenario = replace(scenario, activity={"b": Activity(None, None), "c": Activity(None, None)})
        assert shares(scenario.decide()).keys() == {"a", "c"}

    def test_stay_while_the_routes_may_lead_to_them(self):
        assert is_gone(DRAINING.active("b", 7))
        assert not is_gone(DRAINING.active("b", 7).unrouted())

    def test_of_a_candidate_are_those_of_the_step_that_it_was_at(self):
        decision = rollout().stable("a").candidate("b", weight=50, step=1).holding().wanting("a").decide()
        assert shares(decision)["b"] == (2, 0)


class TestTime:
    """It counts from look to look only: a clock that jumps ahead, or an operator that was away, removes nothing."""

    def test_that_jumps_needs_its_looks_as_before(self):
        scenario = rollout().stable("a").retiring("b", 1, replicas=3).active("b", 7)
        now = NOW + timedelta(seconds=660)
        looked = replace(scenario, state=scenario.decide(now).state)
        (entry,) = looked.state.retiring
        assert entry.requests == 7
        wait = looked.decide(now).requeue_after
        assert wait == DRAIN + PROPAGATION / 2, "half of the wait for the first look counts"
        assert shares(looked.decide(now + timedelta(seconds=wait))) == {"a": (4, 100)}

    def test_that_jumps_between_two_looks_makes_a_third_one_necessary(self):
        jumped = DRAINING.retiring("c", LEAST + 600, replicas=2, looked=(600, 7)).active("b", 7).active("c", 7)
        assert shares(jumped.decide()) == {"a": (4, 100), "c": (2, 0)}
        later = replace(jumped, state=jumped.decide().state)
        assert shares(later.decide(NOW + timedelta(seconds=QUIET_SECONDS))) == {"a": (4, 100)}

    def test_that_an_operator_is_always_late_keeps_nothing_for_ever(self):
        scenario, now = rollout().stable("a").retiring("b", 0).active("b", 7), NOW
        for _ in range(3):
            decision = scenario.decide(now)
            now += timedelta(seconds=60 + (decision.requeue_after or 0))
            scenario = replace(scenario, state=scenario.decide(now).state)
        assert scenario.state.retiring == ()


class TestNewRequests:
    """A proxy that does not get the route, or a client that knows the pods, sends more: they are answered."""

    BUSY = (
        rollout().stable("b").retiring("a", 3 * LONGEST_SECONDS, replicas=4, looked=(SELDOM_SECONDS, 7)).ready("a", 4)
    )

    def test_are_answered_for_ever(self):
        scenario = rollout().stable("b").retiring("a", 0, replicas=4).ready("a", 4)
        for seconds in range(PROPAGATION, 4 * LONGEST_SECONDS, QUIET_SECONDS):
            now = NOW + timedelta(seconds=seconds)
            decision = scenario.active("a", 100 * seconds, in_flight=20).decide(now)
            scenario = replace(scenario, state=decision.state)
            assert shares(decision)["a"] == (4, 0)

    def test_end_in_their_time(self):
        ended = self.BUSY.requested("a", SELDOM_SECONDS).active("a", 7)
        assert "a" not in shares(ended.decide())

    def test_are_looked_for_more_seldom_after_a_while(self):
        assert self.BUSY.active("a", 8).decide().requeue_after == SELDOM_SECONDS

    def test_are_told_of(self):
        status = self.BUSY.active("a", 8).report()
        (told,) = [one for one in status.conditions if one.type == "RouteNotEffective"]
        assert (told.status, told.reason) == ("True", "RequestsWithoutRoute")


class TestLooks:
    def test_begin_when_the_proxies_know_the_route(self):
        early = rollout().stable("a").retiring("b", PROPAGATION - 1)
        assert looks(early) == {}
        assert early.decide().requeue_after == 1
        assert looks(rollout().stable("a").retiring("b", PROPAGATION)).keys() == {"b"}

    def test_follow_when_the_pods_may_go(self):
        looked = rollout().stable("a").retiring("b", PROPAGATION + 1, looked=(1, 7))
        assert looks(looked) == {}
        assert looked.decide().requeue_after == DRAIN - 1

    def test_are_some_seconds_apart(self):
        busy = rollout().stable("a").retiring("b", LEAST + 1, looked=(1, 7))
        assert looks(busy) == {}
        assert busy.decide().requeue_after == QUIET_SECONDS - 1

    def test_that_nobody_waits_for_any_more_say_nothing(self):
        """The answer to a look comes late: the next one is not due, so this one was taken into account already."""
        assert unchanged(rollout().stable("a").retiring("b", LEAST + 1, looked=(1, 7)).active("b", 7))

    @pytest.mark.parametrize("propagation", [0, PROPAGATION])
    def test_are_each_another_request_as_the_same_one_would_get_the_same_answer(self, propagation):
        scenario = rollout().stable("a").retiring("b", PROPAGATION, looked=None).active("b", 7)
        scenario = replace(scenario, rollout=replace(scenario.rollout, propagation=propagation))
        first = looks(scenario)["b"]
        later = replace(scenario, state=scenario.decide().state)
        (second,) = wanted_looks(later.plan, later.state, NOW + timedelta(seconds=LEAST))
        assert first != second

    def test_never_happen_at_the_moment_when_the_traffic_was_taken(self):
        scenario = rollout().stable("a").retiring("b", 0)
        scenario = replace(scenario, rollout=replace(scenario.rollout, propagation=0, drain=0))
        assert looks(scenario) == {}

    def test_ask_for_each_revision_by_itself(self):
        asked = looks(rollout().stable("a").retiring("b", LEAST).retiring("c", LEAST))
        assert {(look.namespace, look.name, look.model, look.revision) for look in asked.values()} == {
            ("models", "digits", "digits", "b"),
            ("models", "digits", "digits", "c"),
        }

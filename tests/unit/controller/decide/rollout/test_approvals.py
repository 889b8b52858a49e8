"""Approvals by webhook: nothing goes forward without them, and nothing that goes back waits for them."""

import json
from dataclasses import replace

import pytest
from tests.support.scenario import INTERVAL, Scenario, place, reasons, rollout
from tests.support.webhooks import DOWN, NOT_YET, REFUSED, YES, Walk, approval

from nereid.api.rollout_stage import Stage
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.plan.webhooks import WebhookPlan

READY = rollout().stable("a").candidate("b", ready=4)
AT_20 = rollout().stable("a").candidate("b", weight=20, ready=4)
ALL_STEPS = rollout().calling(approval(when="EachStep")).stable("a").candidate("b", ready=4)


def waiting(scenario: Scenario, *webhooks: WebhookPlan) -> Walk:
    walk = Walk(scenario.calling(*webhooks)).rest()
    assert walk.state.stage is Stage.AWAITING_APPROVAL
    return walk


def weight(walk: Walk) -> int:
    return walk.state.weight


class TestApproval:
    def test_no_traffic_before_it_is_given_and_the_first_step_after(self):
        asked = waiting(READY, approval())
        assert weight(asked) == 0
        given = asked.rest({"board": YES})
        assert (given.state.stage, weight(given)) == (Stage.PROPAGATING, 20)

    def test_is_asked_for_when_pods_are_ready_and_checks_have_passed(self):
        starting = Walk(READY.calling(approval()).ready("b", 0)).rest()
        assert (starting.state.stage, starting.calls) == (Stage.STARTING_PODS, ())
        checked = Walk(READY.smoke().calling(approval())).rest()
        assert checked.state.stage is Stage.RUNNING_CHECKS

    def test_tells_what_is_to_be_approved(self):
        (call,) = waiting(READY, approval()).calls
        event = json.loads(call.body)
        assert (event["specversion"], event["type"]) == ("1.0", "dev.nereid.rollout.approval")
        assert event["source"] == "/apis/nereid.dev/v1alpha1/namespaces/models/modeldeployments/digits"
        assert event["id"] == call.id == "1f7c-b-1-traffic"
        assert event["data"] == {
            "kind": "ModelDeployment", "namespace": "models", "name": "digits", "revision": "b", "stable": "a",
            "attempt": 1, "strategy": "Canary", "step": 0, "steps": 2, "weight": 0, "nextWeight": 20,
        }  # fmt: skip

    def test_before_traffic_is_asked_for_once(self):
        given = waiting(READY, approval()).rest({"board": YES})
        second = given.at(given.scenario.holding(60)).rest()
        assert (second.state.stage, weight(second)) == (Stage.PROPAGATING, 50)

    def test_before_promotion_the_steps_go_on_without_it(self):
        first = Walk(READY.calling(approval(when="BeforePromotion"))).rest()
        assert weight(first) == 20
        last = waiting(
            rollout().stable("a").candidate("b", weight=50, step=2, ready=4), approval(when="BeforePromotion")
        )
        assert last.rest({"board": YES}).state.stage is Stage.PROMOTING

    def test_for_each_step_is_asked_for_at_each(self):
        first = Walk(ALL_STEPS).rest().rest({"board": YES})
        assert weight(first) == 20
        second = first.at(first.scenario.holding(60)).rest()
        assert (second.state.stage, weight(second)) == (Stage.AWAITING_APPROVAL, 20)
        assert second.calls[0].id != Walk(ALL_STEPS).rest().calls[0].id
        assert weight(second.rest({"board": YES})) == 50

    def test_all_of_several_have_to_be_given(self):
        asked = waiting(READY, approval("board"), approval("owner"))
        one = asked.rest({"owner": YES})
        assert (one.state.stage, [call.webhook for call in one.calls]) == (Stage.AWAITING_APPROVAL, ["board"])
        assert weight(one.rest({"board": YES})) == 20

    def test_of_an_earlier_attempt_counts_for_nothing(self):
        given = waiting(READY, approval()).rest({"board": YES}).state.webhooks
        again = rollout().stable("a").candidate("b", ready=4, attempt=2)
        walk = waiting(replace(again, state=replace(again.state, webhooks=given)), approval())
        assert [call.id for call in walk.calls] == ["1f7c-b-2-traffic"]

    @pytest.mark.parametrize("strategy", ["direct", "blue_green", "ab_test", "shadow"])
    def test_holds_in_every_strategy(self, strategy: str):
        asked = getattr(rollout(), strategy)().stable("a").candidate("b", ready=4)
        walk = waiting(asked, approval())
        assert not walk.state.exposure.has_traffic
        assert walk.rest({"board": YES}).state.exposure.has_traffic

    def test_no_surge_gives_the_first_place_only_after_it(self):
        asked = rollout().without_surge().stable("a", 3).candidate("b", ready=1)
        assert weight(waiting(asked, approval())) == 0


class TestNotYet:
    def test_is_asked_again_after_the_interval_with_the_same_id(self):
        asked = waiting(READY, approval(interval=60))
        first = asked.calls
        told = asked.rest({"board": NOT_YET})
        assert (told.calls, told.next_call) == ((), 60)
        again = told.later(60).calls
        assert [call.id for call in again] == [call.id for call in first]
        assert again != first
        assert weight(told.later(60).rest({"board": YES})) == 20

    def test_the_same_call_is_wanted_until_its_answer_is_in_status(self):
        asked = waiting(READY, approval())
        assert asked.go().calls == asked.later(5).calls == asked.calls

    def test_says_who_is_waited_for_and_what_it_said(self):
        told = waiting(READY, approval()).rest({"board": NOT_YET})
        assert told.status.rollout.message == (
            "Candidate b gets 0% of the traffic and waits for the approval of webhook board, which was asked 1 times "
            "(last answer: the board meets at noon), before step 1 of 2"
        )
        assert told.status.phase == "Paused"
        assert told.condition("WebhookFailing") is None

    def test_a_gate_that_answers_403_is_closed_and_not_broken(self):
        closed = waiting(READY, approval()).rest({"board": WebhookAnswer(failure="it answered HTTP 403", waits=True)})
        assert (weight(closed), closed.condition("WebhookFailing")) == (0, None)


class TestUnreachable:
    def test_never_advances_and_is_asked_less_and_less_often(self):
        walk, waits = waiting(READY, approval()), []
        for _ in range(8):
            walk = walk.rest({"board": DOWN})
            assert walk.state.stage is Stage.AWAITING_APPROVAL
            waits.append(walk.next_call)
            walk = walk.later(walk.next_call or 0)
        assert waits == [30, 30, 40, 80, 160, 300, 300, 300]

    def test_is_a_condition_that_goes_when_it_answers(self):
        down = waiting(READY, approval()).rest({"board": DOWN})
        reason, message = down.condition("WebhookFailing")
        assert reason == "CallFailed"
        assert message.startswith("Webhook board has failed once: board.example.com did not answer within 10 s. It is")
        assert down.later(30).rest({"board": YES}).condition("WebhookFailing") is None

    def test_is_no_condition_once_nobody_waits_for_it(self):
        down = waiting(AT_20, approval(when="EachStep")).rest({"board": DOWN})
        promoted = down.with_(down.scenario.promote("b")).rest()
        assert (weight(promoted), promoted.condition("WebhookFailing")) == (100, None)

    def test_a_host_that_is_not_allowed_is_never_called_and_says_what_to_change(self):
        refused = approval(refusal="a.b is not allowed: add it to webhooks.allowedHosts of its chart")
        walk = waiting(READY, refused)
        assert (walk.calls, walk.next_call, weight(walk)) == ((), None, 0)
        assert walk.condition("WebhookFailing") == ("HostNotAllowed", f"Webhook board is not called: {refused.refusal}")
        assert "webhooks.allowedHosts" in walk.status.rollout.message

    def test_is_judged_and_rolled_back_while_it_waits(self):
        judged = rollout().judged().stable("a").candidate("b", weight=20, ready=4)
        asked = judged.calling(approval(when="EachStep")).at(Stage.AWAITING_APPROVAL, 60).looked(INTERVAL)
        failed = asked.counted((100, 60), (400, 0)).decide().state
        assert (failed.phase, failed.failed.reason) == ("RollingBack", "GuardExceeded")


class TestRefusal:
    def test_rolls_the_candidate_back(self):
        refused = waiting(AT_20, approval(when="EachStep")).rest({"board": REFUSED})
        assert (refused.state.phase, refused.state.failed.reason) == ("RollingBack", "ApprovalRefused")
        assert refused.state.failed.message == "webhook board asked for a rollback instead of approving: freeze"


class TestWhatNeverWaits:
    CALLS = rollout().calling(approval(when="EachStep")).stable("a")

    def test_the_first_revision(self):
        assert place(rollout().calling(approval()).candidate("b", ready=4).decide())[2] == 100

    def test_a_promotion_by_hand(self):
        promoted = Walk(self.CALLS.candidate("b", weight=20, ready=4).promote("b")).rest()
        assert (promoted.state.stage, weight(promoted)) == (Stage.PROMOTING, 100)
        asked = waiting(AT_20, approval(when="EachStep"))
        assert weight(asked.with_(asked.scenario.promote("b")).rest()) == 100

    def test_an_abort_or_a_reverted_spec(self):
        asked = waiting(AT_20, approval(when="EachStep"))
        assert asked.with_(asked.scenario.abort("b")).go().state.phase == "RollingBack"
        assert reasons(asked.with_(asked.scenario.wanting("a")).go().decision) == ["SpecReverted"]

    def test_a_rollback_by_hand_and_the_fast_track(self):
        back = Walk(self.CALLS.served("a", "z").rollback("z").recorded("z", "a").ready("z", 4)).rest()
        assert weight(back) == 100
        fast = Walk(self.CALLS.fast_track().served("a", "z").wanting("z").ready("z", 4)).rest()
        assert weight(fast) == 100

    def test_a_webhook_that_is_removed(self):
        asked = waiting(READY, approval())
        assert weight(asked.with_(READY).rest()) == 20


class TestWhatGoesOnMeanwhile:
    def test_a_pause_by_the_spec_asks_nothing(self):
        asked = waiting(READY, approval())
        paused = asked.with_(asked.scenario.paused()).rest()
        assert (paused.state.stage, paused.calls) == (Stage.PREPARATION_PAUSED, ())
        assert asked.with_(asked.scenario.paused()).calls == (), "not even in the pass that finds it paused"

    def test_a_candidate_that_is_to_be_replaced_asks_nothing(self):
        asked = waiting(READY, approval())
        assert asked.with_(asked.scenario.wanting("c")).calls == ()

    def test_pods_are_looked_at_again_after_it(self):
        asked = waiting(READY, approval())
        lost = asked.with_(asked.scenario.ready("b", 0))
        assert lost.rest().state.stage is Stage.AWAITING_APPROVAL
        assert lost.rest({"board": YES}).state.stage is Stage.STARTING_PODS

    def test_the_longest_time_of_the_rollout_ends_it(self):
        asked = AT_20.calling(approval(when="EachStep")).within(3600, started=3600).at(Stage.AWAITING_APPROVAL, 60)
        assert asked.decide().state.failed.reason == "MaxDurationExceeded"

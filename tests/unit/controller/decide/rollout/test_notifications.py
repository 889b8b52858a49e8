"""Notifications by webhook: each transition is told, at least once, and no rollout waits for that."""

import json
from dataclasses import replace

from tests.support.scenario import Scenario, rollout
from tests.support.webhooks import DOWN, TAKEN, Walk, notification

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.notifications import MOST_PENDING, MOST_TRIES

CHAT = notification("chat")
SERVING = rollout().calling(CHAT).stable("a")
AT_20 = SERVING.candidate("b", weight=20, ready=4)


def told(walk: Walk) -> list[str]:
    return [news.event for one in walk.state.webhooks for news in one.pending]


def once(scenario: Scenario) -> Walk:
    return Walk(scenario).go()


class TestWhatIsTold:
    def test_the_start_and_each_change_of_the_weight(self):
        started = once(SERVING.wanting("b").ready("b", 4))
        assert told(started) == ["Started"]
        assert told(started.rest()) == ["Started", "WeightChanged"]

    def test_a_pause(self):
        assert told(once(AT_20.steps((20, None), (50, 60)).propagating(10))) == ["Paused"]
        assert told(once(AT_20.paused().holding(5))) == ["Paused"]

    def test_the_traffic_of_a_first_revision_that_has_passed_its_checks(self):
        first = rollout().smoke(asked_for=True).calling(CHAT).candidate("a", ready=4).has_passed(step=2)
        told_of = once(first.at(Stage.STARTING_PODS, 5)).state.webhooks[0].pending
        assert [(news.event, news.message) for news in told_of] == [
            ("WeightChanged", "Revision a gets 100% of the traffic")
        ]

    def test_a_rollback_and_nothing_more_of_it(self):
        failed = once(AT_20.abort("b").holding(5))
        assert told(failed) == ["RolledBack"]
        (news,) = failed.state.webhooks[0].pending
        assert (news.revision, news.reason, news.weight) == ("b", "Aborted", 0)
        assert "is rolled back (Aborted)" in news.message
        over = failed.later(11).rest()
        assert (over.state.stage, told(over)) == (Stage.FAILED, ["RolledBack"])

    def test_that_it_is_stable(self):
        done = once(SERVING.candidate("b", weight=100, step=2, ready=4).promoting(10))
        (news,) = done.state.webhooks[0].pending
        assert (news.event, news.revision, news.weight) == ("Completed", "b", 100)

    def test_only_the_events_that_are_asked_for(self):
        assert told(once(SERVING.calling(notification("chat", "Completed")).wanting("b"))) == []

    def test_nothing_where_nothing_happens(self):
        assert told(once(AT_20.holding(5))) == told(once(SERVING)) == []


class TestDelivery:
    def test_is_called_only_after_it_is_in_status_and_then_until_it_is_taken(self):
        before = Walk(AT_20.abort("b").holding(5))
        assert before.calls == ()
        failed = before.go()
        assert failed.calls == failed.go().calls == failed.later(5).calls != ()
        taken = failed.go({"chat": TAKEN})
        assert (told(taken), taken.calls) == ([], ())

    def test_is_a_cloud_event(self):
        (call,) = once(AT_20.abort("b").holding(5)).calls
        event = json.loads(call.body)
        assert call.content_type == "application/cloudevents+json; charset=utf-8"
        assert (event["specversion"], event["type"]) == ("1.0", "dev.nereid.rollout.rolledback")
        assert (event["id"], event["subject"], event["time"]) == (call.id, "b", "2026-11-20T12:00:00Z")
        assert event["data"]["message"].startswith("Revision b is rolled back")

    def test_may_be_a_text_for_slack_without_mentions(self):
        slack = notification("chat", format="Slack")
        walk = once(AT_20.calling(slack).abort("b").holding(5))
        assert json.loads(walk.calls[0].body).keys() == {"text"}
        known = walk.state.webhooks[0]
        news = known.pending[0].model_copy(update={"message": "<!channel> & more"})
        shouting = replace(walk.state, webhooks=(replace(known, pending=(news,)),))
        (call,) = walk.at(replace(walk.scenario, state=shouting)).calls
        assert json.loads(call.body)["text"] == "models/digits: &lt;!channel&gt; &amp; more"

    def test_they_come_in_order(self):
        walk = once(SERVING.wanting("b").ready("b", 4)).rest()
        first = json.loads(walk.calls[0].body)["type"]
        second = json.loads(walk.go({"chat": TAKEN}).calls[0].body)["type"]
        assert [first, second] == ["dev.nereid.rollout.started", "dev.nereid.rollout.weightchanged"]


class TestFailing:
    def test_never_holds_up_a_rollout_and_is_a_condition(self):
        walk = once(SERVING.wanting("b").ready("b", 4)).rest({"chat": DOWN})
        assert walk.state.stage is Stage.PROPAGATING
        reason, message = walk.condition("WebhookFailing")
        assert reason == "CallFailed"
        assert "No rollout waits for it: check its url" in message

    def test_is_tried_again_later_and_later_with_the_same_id_and_then_dropped(self):
        walk = once(AT_20.abort("b").holding(5))
        waits, ids = [], set()
        while walk.calls:
            ids |= {call.id for call in walk.calls}
            walk = walk.go({"chat": DOWN})
            waits.append(walk.next_call)
            walk = walk.later(walk.next_call or 0)
        assert waits == [10, 20, 40, 80, 160, 300, None]
        assert (len(waits), len(ids)) == (MOST_TRIES, 1)
        assert walk.condition("WebhookFailing") is not None

    def test_keeps_no_more_than_a_few(self):
        walk = Walk(SERVING)
        for attempt in range(2 * MOST_PENDING):
            walk = walk.at(replace(AT_20.paused().holding(5), state=replace(AT_20.paused().holding(5).state,
                webhooks=walk.state.webhooks, attempt=attempt + 1))).go()  # fmt: skip
        assert len(told(walk)) == MOST_PENDING
        assert walk.state.webhooks[0].pending[-1].attempt == 2 * MOST_PENDING

    def test_what_must_not_be_called_is_not_kept_either(self):
        refused = notification("chat", refusal="chat.example.com is not among the hosts")
        walk = once(SERVING.calling(refused).wanting("b"))
        assert (told(walk), walk.calls) == ([], ())
        assert walk.condition("WebhookFailing")[0] == "HostNotAllowed"

    def test_a_webhook_that_is_removed_is_forgotten(self):
        failed = once(AT_20.abort("b").holding(5))
        assert failed.with_(failed.scenario.calling()).go().state.webhooks == ()

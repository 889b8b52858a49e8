"""What is sent to webhooks: CloudEvents 1.0 in the structured mode of JSON, or a text as Slack takes it.

A body is made from what status holds alone, so that the same question or notification is sent the same each time.
"""

import json
from typing import Any, Final

from nereid.api.names import GROUP, KIND, PLURAL, VERSION
from nereid.api.status import PendingNotification, rfc3339
from nereid.controller.decide.rollout.capacity import exposure_at
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.plan.plan import Plan, Specified
from nereid.controller.plan.webhooks import WebhookPlan

_CLOUD_EVENT: Final = "application/cloudevents+json; charset=utf-8"
_JSON: Final = "application/json; charset=utf-8"
_APPROVAL: Final = "dev.nereid.rollout.approval"
_TYPES: Final = {
    "Started": "dev.nereid.rollout.started",
    "WeightChanged": "dev.nereid.rollout.weightchanged",
    "Paused": "dev.nereid.rollout.paused",
    "RolledBack": "dev.nereid.rollout.rolledback",
    "Completed": "dev.nereid.rollout.completed",
}
_SLACK_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def content_type(webhook: WebhookPlan) -> str:
    """Return the Content-Type of what a webhook is sent."""
    return _JSON if webhook.format == "Slack" else _CLOUD_EVENT


def asked(plan: Plan, state: RolloutState, identity: str) -> str:
    """Return the body of a request for approval."""
    target = exposure_at(plan.rollout, state.step)
    version = plan.model.version if isinstance(plan, Specified) else None
    data = {
        "revision": state.candidate,
        "version": version,
        "stable": state.stable,
        "attempt": state.attempt,
        "strategy": plan.rollout.strategy,
        "step": state.step,
        "steps": len(plan.rollout.steps),
        "weight": state.weight,
        "nextWeight": target.weight,
        "nextMirror": target.mirror or None,
    }
    return _cloud_event(plan, identity, _APPROVAL, rfc3339(state.since), data)


def told(plan: Plan, webhook: WebhookPlan, news: PendingNotification) -> str:
    """Return the body of a notification."""
    if webhook.format == "Slack":
        return _text({"text": _escaped(f"{plan.owner.namespace}/{plan.owner.name}: {news.message}")})
    data = {
        "revision": news.revision,
        "version": news.version,
        "attempt": news.attempt,
        "weight": news.weight,
        "reason": news.reason,
        "message": news.message,
    }
    return _cloud_event(plan, news.id, _TYPES[news.event], rfc3339(news.at), data)


def _cloud_event(plan: Plan, identity: str, kind: str, time: str, data: dict[str, Any]) -> str:
    owner = plan.owner
    named = {"namespace": owner.namespace, "name": owner.name}
    event = {
        "specversion": "1.0",
        "id": identity,
        "source": f"/apis/{GROUP}/{VERSION}/namespaces/{owner.namespace}/{PLURAL}/{owner.name}",
        "type": kind,
        "subject": data["revision"],
        "time": time,
        "datacontenttype": "application/json",
        "data": {"kind": KIND, **named, **{key: value for key, value in data.items() if value is not None}},
    }
    return _text(event)


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _escaped(text: str) -> str:
    """Return a text in which Slack sees no link or mention."""
    for letter, written in _SLACK_ESCAPES:
        text = text.replace(letter, written)
    return text

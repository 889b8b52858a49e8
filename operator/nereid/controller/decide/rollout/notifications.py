"""Notifications by webhook: what they tell, and until when they are tried. No rollout ever waits for one.

What is to be told is kept in status from the transition on until the endpoint has taken it, so that a restart of the
operator loses none; it may come twice, with the same id.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import PendingNotification
from nereid.api.webhooks import WebhookEvent
from nereid.controller.decide.orders import exposure_id
from nereid.controller.decide.rollout import webhook_state
from nereid.controller.decide.rollout.routing import describe
from nereid.controller.decide.rollout.stage import BLOCKED, ROLLING_BACK, WAITING
from nereid.controller.decide.rollout.state import Decision, RolloutState, whole_second
from nereid.controller.plan.plan import Plan, Specified

# What an endpoint that does not answer has missed is dropped, the oldest first: status stays small.
MOST_PENDING: Final = 8
# How often one is tried; by then some ten minutes have passed.
MOST_TRIES: Final = 7
_PAUSED: Final = WAITING | BLOCKED | {Stage.AWAITING_APPROVAL}
_LONGEST_MESSAGE: Final = 1000


def with_news(plan: Plan, before: RolloutState, decision: Decision, now: datetime) -> Decision:
    """Return the decision with what its transition is to tell; and without webhooks that are no longer in the spec."""
    state, planned = decision.state, {one.name: one for one in plan.rollout.webhooks}
    kept = tuple(one for one in state.webhooks if one.name in planned)
    news = _news(plan, before, decision, now)
    for one in plan.rollout.webhooks:
        if news and news.event in one.events and one.refusal is None:
            known = webhook_state.of(kept, one.name)
            kept = webhook_state.with_one(kept, _with_pending(known, news))
    return decision if kept == state.webhooks else replace(decision, state=replace(state, webhooks=kept))


def _with_pending(known: webhook_state.WebhookState, news: PendingNotification) -> webhook_state.WebhookState:
    pending = (*known.pending, news)[-MOST_PENDING:]
    is_same = known.pending and pending[0] == known.pending[0]
    return replace(known, pending=pending, calls=known.calls if is_same else 0)


def after_call(known: webhook_state.WebhookState) -> webhook_state.WebhookState:
    """Return what is known after a call: what was told, or was tried too often, is no longer pending."""
    if known.failures and known.calls < MOST_TRIES:
        return known
    return replace(known, pending=known.pending[1:], calls=0)


def event_of(before: RolloutState, after: RolloutState) -> WebhookEvent | None:
    """Return what a transition is to those who follow a rollout; None if it is nothing that is told."""
    if after.candidate and (after.candidate, after.attempt) != (before.candidate, before.attempt):
        return "Started"
    if before.candidate is None or (after.stage is before.stage and after.exposure == before.exposure):
        return None
    if after.candidate is None and after.stable == before.candidate:
        return "Completed"
    has_failed = after.stage is Stage.FAILED and before.stage not in ROLLING_BACK
    if (after.stage in ROLLING_BACK and before.stage not in ROLLING_BACK) or has_failed:
        return "RolledBack"
    if after.stage in ROLLING_BACK or after.candidate is None:
        return None
    if after.exposure != before.exposure:
        return "WeightChanged"
    return "Paused" if after.stage in _PAUSED else None


def _news(plan: Plan, before: RolloutState, decision: Decision, now: datetime) -> PendingNotification | None:
    after = decision.state
    event = event_of(before, after)
    if event is None or not plan.rollout.webhooks:
        return None
    revision = after.candidate or before.candidate or plan.revision
    attempt, at = (after if after.candidate else before).attempt, whole_second(now)
    words = decision.events[-1].message if decision.events else _words(event, after, revision)
    happened = f"{revision}-{attempt}-{event}-{exposure_id(after.exposure)}-{int(at.timestamp())}"
    return PendingNotification(
        id=f"{plan.owner.uid}-{happened}",
        event=event,
        at=at,
        revision=revision,
        version=plan.model.version if isinstance(plan, Specified) and plan.revision == revision else None,
        attempt=attempt,
        weight=100 if event == "Completed" else after.weight,
        reason=after.reason,
        message=words[:_LONGEST_MESSAGE],
    )


def _words(event: WebhookEvent, state: RolloutState, revision: str) -> str:
    if event == "WeightChanged":
        return f"Revision {revision} gets {describe(state)}"
    return f"Revision {revision} is held at {describe(state)} ({state.reason})"

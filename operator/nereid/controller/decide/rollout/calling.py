"""Which webhooks are called now, when the next one is, and what the answers change."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import approvals, notifications, webhook_bodies, webhook_state
from nereid.controller.decide.rollout.start import blocked_stage
from nereid.controller.decide.rollout.state import RolloutState, whole_second
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.plan.plan import Plan
from nereid.controller.plan.webhooks import WebhookPlan

# The pause after a call that has failed, doubled each time.
_FIRST_PAUSE: Final = 10
_LONGEST_PAUSE: Final = 300
_MOST_DOUBLINGS: Final = 10


def wanted_calls(plan: Plan, state: RolloutState, now: datetime) -> tuple[WebhookCall, ...]:
    """Return the calls that are due: the same until their answer is in the state."""
    return tuple(call for call, due in _calls(plan, state, now) if due <= now)


def next_call(plan: Plan, state: RolloutState, now: datetime) -> float | None:
    """Return the seconds until the next call; None if none is planned, or its answer is waited for."""
    waits = ((due - now).total_seconds() for _, due in _calls(plan, state, now) if due > now)
    return min(waits, default=None)


def answered(
    plan: Plan, state: RolloutState, answers: Mapping[WebhookCall, WebhookAnswer], now: datetime
) -> RolloutState:
    """Return the state with the answers to the calls that are due; any other answer is to what no longer matters."""
    planned = {one.name: one for one in plan.rollout.webhooks}
    webhooks = state.webhooks
    for call in wanted_calls(plan, state, now):
        if answer := answers.get(call):
            before = replace(webhook_state.of(webhooks, call.webhook), calls=call.number)
            after = _after(planned[call.webhook], before, call, answer, now)
            webhooks = webhook_state.with_one(webhooks, after)
    return state if webhooks == state.webhooks else replace(state, webhooks=webhooks)


def _after(
    webhook: WebhookPlan, before: webhook_state.WebhookState, call: WebhookCall, answer: WebhookAnswer, now: datetime
) -> webhook_state.WebhookState:
    if webhook.when is None:
        called = webhook_state.called(before, whole_second(now), answer.failure, None)
        return notifications.after_call(called)
    failure = None if answer.waits else answer.failure
    called = webhook_state.called(before, whole_second(now), failure, answer.message or answer.failure)
    return approvals.with_answer(called, call.id, approved=answer.approved, refused=answer.refused)


def _calls(plan: Plan, state: RolloutState, now: datetime) -> Iterator[tuple[WebhookCall, datetime]]:
    """Yield the next call of each webhook that is to be called, and when it is due."""
    yield from _questions(plan, state, now)
    for webhook in plan.rollout.webhooks:
        known = webhook_state.of(state.webhooks, webhook.name)
        if webhook.when is None and webhook.refusal is None and known.pending:
            news = known.pending[0]
            call = _call(plan, webhook, news.id, known.calls, webhook_bodies.told(plan, webhook, news))
            yield call, _due(known, now, _pause(known.calls)) if known.calls else now


def _questions(plan: Plan, state: RolloutState, now: datetime) -> Iterator[tuple[WebhookCall, datetime]]:
    if state.stage is not Stage.AWAITING_APPROVAL or blocked_stage(plan, state, now):
        return
    if state.candidate != plan.revision and state.pinned is None:
        return  # It is about to be superseded.
    for webhook in approvals.awaited(plan, state):
        if webhook.refusal is not None:
            continue
        known, question = webhook_state.of(state.webhooks, webhook.name), approvals.approval_id(plan, state, webhook)
        is_asked = known.approval == question
        body = webhook_bodies.asked(plan, state, question)
        call = _call(plan, webhook, question, known.calls if is_asked else 0, body)
        pause = max(webhook.interval, _pause(known.failures)) if known.failures else webhook.interval
        yield call, _due(known, now, pause) if is_asked else now


def _call(plan: Plan, webhook: WebhookPlan, identity: str, number: int, body: str) -> WebhookCall:
    return WebhookCall(
        key=(plan.owner.namespace, plan.owner.name),
        webhook=webhook.name,
        url=webhook.url,
        id=identity,
        number=number,
        body=body,
        content_type=webhook_bodies.content_type(webhook),
        timeout=webhook.timeout,
    )


def _pause(failures: int) -> int:
    return min(_FIRST_PAUSE << min(max(failures - 1, 0), _MOST_DOUBLINGS), _LONGEST_PAUSE)


def _due(known: webhook_state.WebhookState, now: datetime, pause: int) -> datetime:
    """Return when a webhook is called again; a time in the future, as after the clock was set back, counts as now."""
    return min(known.called_at or now, whole_second(now)) + timedelta(seconds=pause)

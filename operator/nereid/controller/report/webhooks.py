"""What is told of webhooks: which approval a rollout waits for, and what keeps a webhook from being called. Pure."""

from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout import webhook_state
from nereid.controller.decide.rollout.approvals import approval_id, awaited
from nereid.controller.decide.rollout.state import RolloutState
from nereid.controller.plan.plan import Plan
from nereid.controller.plan.webhooks import WebhookPlan
from nereid.controller.report.verdict import Verdict

# The condition, which exists only while something is wrong, and its reasons.
FAILING: Final = "WebhookFailing"
NOT_ALLOWED: Final = "HostNotAllowed"
CALL_FAILED: Final = "CallFailed"


def awaiting_approval(plan: Plan, state: RolloutState) -> str:
    """Return for which approvals a candidate waits, and what was said last, in words that follow "waits"."""
    lacking = awaited(plan, state)
    if not lacking:
        return "for its turn, as it is approved,"
    return "for the approval of " + " and of ".join(_awaited(plan, state, one) for one in lacking)


def failing_webhook(plan: Plan, state: RolloutState) -> Verdict | None:
    """Return the first webhook that cannot be called, if there is one."""
    for webhook in plan.rollout.webhooks:
        if webhook.refusal:
            return Verdict("True", NOT_ALLOWED, f"Webhook {webhook.name} is not called: {webhook.refusal}")
        known = webhook_state.of(state.webhooks, webhook.name)
        if known.failures and (webhook.when is None or _is_asked(plan, state, webhook)):
            times = "once" if known.failures == 1 else f"{known.failures} times in a row"
            sentence = f"Webhook {webhook.name} has failed {times}: {(known.message or '').rstrip('.')}. "
            return Verdict("True", CALL_FAILED, sentence + _consequence(webhook))
    return None


def _is_asked(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> bool:
    return state.stage is Stage.AWAITING_APPROVAL and webhook in awaited(plan, state)


def _consequence(webhook: WebhookPlan) -> str:
    check = "check its url in spec.rollout.webhooks, and whether the operator reaches it"
    if webhook.when is None:
        return f"No rollout waits for it: {check}"
    return f"It is asked again, and nothing that it has to approve goes on until it answers: {check}"


def _awaited(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> str:
    if webhook.refusal:
        return f"webhook {webhook.name}, which is not called ({webhook.refusal}),"
    known = webhook_state.of(state.webhooks, webhook.name)
    if known.approval != approval_id(plan, state, webhook) or known.called_at is None:
        return f"webhook {webhook.name}"
    said = known.message or "not yet"
    return f"webhook {webhook.name}, which was asked {known.calls} times (last answer: {said}),"

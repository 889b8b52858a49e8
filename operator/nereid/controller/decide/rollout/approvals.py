"""Approvals by webhook: the candidate gets no more before they are given. Nothing that goes back asks for them.

An endpoint that cannot be asked has not approved: the candidate keeps what it has, and is judged as before.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.orders import exposure_id
from nereid.controller.decide.rollout import webhook_state
from nereid.controller.decide.rollout.capacity import exposure_at
from nereid.controller.decide.rollout.routing import FULL
from nereid.controller.decide.rollout.state import Event, Failure, RolloutState, Transition, entered
from nereid.controller.plan.plan import Plan
from nereid.controller.plan.webhooks import WebhookPlan

REFUSED: Final = "ApprovalRefused"


def awaited(plan: Plan, state: RolloutState) -> tuple[WebhookPlan, ...]:
    """Return the webhooks without whose approval the candidate gets no more.

    A promotion to the end and the fast track need none, as they need no checks; nor does the first revision.
    """
    if not plan.rollout.webhooks or state.stable is None or state.candidate is None:
        return ()
    if state.is_fast or state.stage is Stage.PROMOTED_BY_USER:
        return ()
    return tuple(one for one in plan.rollout.webhooks if _is_due(plan, state, one) and not _is_given(plan, state, one))


def begun(plan: Plan, state: RolloutState, now: datetime) -> Transition | None:
    """Wait for approvals; None if none is lacking."""
    lacking = awaited(plan, state)
    if not lacking:
        return None
    sentence = f"Revision {state.candidate} is ready for more traffic and waits for the approval of {names(lacking)}"
    return entered(state, Stage.AWAITING_APPROVAL, now), (Event("Normal", "AwaitingApproval", sentence),)


def refusal(plan: Plan, state: RolloutState) -> Failure | None:
    """Return the failure of a candidate that an endpoint wants to be rolled back."""
    if state.stage is not Stage.AWAITING_APPROVAL:
        return None
    for one in awaited(plan, state):
        known = webhook_state.of(state.webhooks, one.name)
        if known.answer == "Refused" and known.approval == approval_id(plan, state, one):
            words = f": {known.message}" if known.message else ""
            return Failure(REFUSED, f"webhook {one.name} asked for a rollback instead of approving{words}")
    return None


def approval_id(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> str:
    """Return the id of what is to be approved: it stays the same however often it is asked, and after a restart."""
    return f"{plan.owner.uid}-{state.candidate}-{state.attempt}-{_subject(plan, state, webhook)}"


def names(webhooks: tuple[WebhookPlan, ...]) -> str:
    """Return the names of webhooks, for a sentence."""
    return " and ".join(one.name for one in webhooks)


def with_answer(
    known: webhook_state.WebhookState, approval: str, *, approved: bool, refused: bool
) -> webhook_state.WebhookState:
    """Return what is known of a webhook that has answered, or could not be asked."""
    return replace(known, approval=approval, answer="Approved" if approved else "Refused" if refused else "NotYet")


def _is_due(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> bool:
    target = exposure_at(plan.rollout, state.step)
    if webhook.when is None or target.order <= state.exposure.order:
        return False
    match webhook.when:
        case "BeforeTraffic":
            return not state.exposure.has_traffic
        case "BeforePromotion":
            return target.weight == FULL
        case _:
            return True


def _subject(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> str:
    match webhook.when:
        case "BeforeTraffic":
            return "traffic"
        case "BeforePromotion":
            return "promotion"
        case _:
            return exposure_id(exposure_at(plan.rollout, state.step))


def _is_given(plan: Plan, state: RolloutState, webhook: WebhookPlan) -> bool:
    known = webhook_state.of(state.webhooks, webhook.name)
    return known.answer == "Approved" and known.approval == approval_id(plan, state, webhook)

"""What is known of each webhook, as status holds it: what it was asked, what it answered, what it is to be told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from nereid.api.status import ApprovalAnswer, PendingNotification, WebhookStatus

# More are not read back, whatever somebody has written into status.
_MOST_CALLS: Final = 10**9


@dataclass(frozen=True, slots=True)
class WebhookState:
    """What is known of a webhook of this name.

    approval: the id of the approval that it was last asked for, and `answer` what it said. message: its words, or why
    it could not be called. called_at: when its last call ended. calls: how often it was called for this approval, or
    for the first of `pending`. failures: how many calls in a row have failed.
    """

    name: str
    approval: str | None = None
    answer: ApprovalAnswer | None = None
    message: str | None = None
    called_at: datetime | None = None
    calls: int = 0
    failures: int = 0
    pending: tuple[PendingNotification, ...] = ()

    @classmethod
    def from_status(cls, status: WebhookStatus) -> "WebhookState":
        """Read it back from status."""
        return cls(
            name=status.name,
            approval=status.approval,
            answer=status.answer,
            message=status.message,
            called_at=status.called_at,
            calls=min(status.calls or 0, _MOST_CALLS),
            failures=min(status.failures or 0, _MOST_CALLS),
            pending=tuple(status.pending or ()),
        )

    def to_status(self) -> WebhookStatus:
        """Return its form in status."""
        return WebhookStatus(
            name=self.name,
            approval=self.approval,
            answer=self.answer,
            message=self.message,
            called_at=self.called_at,
            calls=self.calls or None,
            failures=self.failures or None,
            pending=list(self.pending) or None,
        )


def of(webhooks: Sequence[WebhookState], name: str) -> WebhookState:
    """Return what is known of a webhook; nothing, if it was never called."""
    return next((one for one in webhooks if one.name == name), WebhookState(name))


def with_one(webhooks: Sequence[WebhookState], changed: WebhookState) -> tuple[WebhookState, ...]:
    """Return all of them with one that has changed, in the same order."""
    if all(one.name != changed.name for one in webhooks):
        return (*webhooks, changed)
    return tuple(changed if one.name == changed.name else one for one in webhooks)


def called(before: WebhookState, now: datetime, failure: str | None, message: str | None) -> WebhookState:
    """Return what is known after a call that has ended now."""
    return replace(
        before,
        called_at=now,
        calls=before.calls + 1,
        failures=before.failures + 1 if failure else 0,
        message=failure or message,
    )

"""What a webhook answers, read from its HTTP response. Pure.

As Flagger's users expect of their gates, any status from 200 to 299 approves and any other one does not; an object in
JSON may say more: {"approved": false}, with a message, or "rollback": true.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from nereid.contract.sentence import as_sentence

_LONGEST_MESSAGE: Final = 300
_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
# What Flagger's own gate answers while it is closed.
_NOT_YET: Final = 403


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came of a call.

    failure: why it has failed, in a sentence; None if the endpoint took it. approved, refused: what it says as an
    answer to a request for approval; neither is not yet. waits: it was a failure only for a notification, as a gate
    says not yet like that. message: its own words, if any.
    """

    failure: str | None = None
    approved: bool = False
    refused: bool = False
    waits: bool = False
    message: str | None = None


def failed(reason: str) -> WebhookAnswer:
    """Return the answer of a call that has failed."""
    return WebhookAnswer(failure=as_sentence(reason))


def answer_of(status: int, content_type: str, body: bytes) -> WebhookAnswer:
    """Read the response to a call."""
    if status in _REDIRECT:
        return failed(f"it redirects (HTTP {status}), which is not followed: write the URL that it leads to")
    content = _object(body)
    message = _message(content or {})
    if status not in _SUCCESS:
        says_not_yet = status == _NOT_YET or (content or {}).get("approved") is False
        reason = as_sentence(f"it answered HTTP {status}{f': {message}' if message else ''}")
        return WebhookAnswer(failure=reason, waits=says_not_yet, message=message)
    if content is None and "json" in content_type and body:
        return failed(f"it answered HTTP {status} with something else than an object in JSON")
    if content is None or not content.keys() & {"approved", "rollback"}:
        return WebhookAnswer(approved=True, message=message)
    approved, refused = content.get("approved", False), content.get("rollback", False)
    if not isinstance(approved, bool) or not isinstance(refused, bool) or (approved and refused):
        return failed("it answered with approved and rollback that are not true or false, or are both true")
    return WebhookAnswer(approved=approved, refused=refused, message=message)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _message(content: dict[str, Any]) -> str | None:
    """Return its words in one line: they come from outside, and are shown in status."""
    message = content.get("message")
    if not isinstance(message, str):
        return None
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    return words[:_LONGEST_MESSAGE] or None

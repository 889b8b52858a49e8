"""The two ways in which a check can end without a measured result, and how their messages show a value."""

from typing import Any, Final

_MAX_VALUE_LENGTH: Final = 40


class NotRunError(Exception):
    """The checks cannot be run, and the candidate is not the cause; the message says what to change."""


class AnswerError(Exception):
    """A revision's answer that fails a check; the message is a sentence without its subject, the revision.

    `is_rejection`: the revision rejected the request itself (a status from 400 to 499).
    """

    def __init__(self, sentence: str, *, is_rejection: bool = False) -> None:
        super().__init__(sentence)
        self.is_rejection = is_rejection


def abbreviated(value: Any) -> str:
    """Return a value as a message shows it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 1]}…"

"""The two ways in which a check can end without a figure, and how their sentences show a value."""

from typing import Any, Final

_LONGEST_SHOWN: Final = 40


class NotRunError(Exception):
    """What keeps the checks from being run and is no fault of the candidate; a sentence that says what to change."""


class AnswerError(Exception):
    """What a revision answered that no check can accept; a sentence that begins after the name of who answered.

    `is_refusal` tells that the request was turned down as it is (a status from 400 to 499).
    """

    def __init__(self, sentence: str, *, is_refusal: bool = False) -> None:
        super().__init__(sentence)
        self.is_refusal = is_refusal


def shown(value: Any) -> str:
    """Return a value as a sentence can hold it."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"

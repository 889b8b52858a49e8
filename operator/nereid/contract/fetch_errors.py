"""The ways in which fetching can fail, as the operator reads them from a container's termination message.

The code that detects a problem of a source does not know whether the source is a model's or a data set's. So a sentence
refers to the field to change by a `Field`, and the code that shows the sentence adds the object that has the field.
"""

import re
from enum import Enum, StrEnum
from typing import Final

LONGEST_MESSAGE = 1000
# The object whose fields are meant by default.
MODEL: Final = "spec.model"

_BEGIN, _END = "\x02", "\x03"
_FIELD: Final = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")


class Field(Enum):
    """A field that says where something is fetched from, or how; an f-string writes it into a sentence."""

    URI = "uri"
    PATH = "path"
    ENDPOINT = "endpoint"
    CREDENTIALS = "credentials"
    CA_BUNDLE = "caBundle"
    DIGEST = "digest"
    MAX_SIZE = "maxSize"
    NAME = "name"
    ANY = ""

    def __str__(self) -> str:
        """Return a placeholder that no user's text contains; `FetchError` replaces it by the field's name."""
        return f"{_BEGIN}{self.value}{_END}"


class Reason(StrEnum):
    """Why a model could not be fetched; the operator uses it as the reason of a condition."""

    MODEL_NOT_FOUND = "ModelNotFound"
    MODEL_ACCESS_DENIED = "ModelAccessDenied"
    MODEL_DIGEST_MISMATCH = "ModelDigestMismatch"
    MODEL_FETCH_FAILED = "ModelFetchFailed"
    MODEL_TOO_LARGE = "ModelTooLarge"
    MODEL_INVALID = "ModelInvalid"


# The part that was downloaded is valid, and worth keeping for the next attempt.
WORTH_CONTINUING: Final = frozenset({Reason.MODEL_FETCH_FAILED, Reason.MODEL_ACCESS_DENIED})


class FetchError(Exception):
    """A failure that the user can act on: the sentence says what happened and what to change, without any secret."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        """Take a sentence with `Field` placeholders; `marked` keeps them, so that it can become part of another."""
        super().__init__(reason, sentence)
        self.reason = reason
        self.marked = sentence

    @property
    def sentence(self) -> str:
        """The message for a model's source."""
        return self.sentence_for(MODEL)

    def sentence_for(self, subject: str) -> str:
        """Return the message for the source of another object, for instance `spec.rollout.checks[0].dataset`."""
        return _FIELD.sub(lambda match: f"{subject}.{match[1]}" if match[1] else subject, self.marked)

    def __str__(self) -> str:
        """Return `<Reason>: <sentence>` as one bounded line, which fits into a termination message."""
        line = " ".join(f"{self.reason}: {self.sentence}".split())
        return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def failure_in(message: str) -> FetchError | None:
    """Return the failure that a termination message holds; None if it is not the message of a failed fetch."""
    reason, _, sentence = message.strip().partition(": ")
    return FetchError(Reason(reason), sentence) if reason in set(Reason) else None

"""The ways in which fetching a model can fail, as the operator reads them from the pod's termination message."""

from enum import StrEnum
from typing import Final

LONGEST_MESSAGE = 1000


class Reason(StrEnum):
    """Why a model could not be fetched; the operator uses it as the reason of a condition."""

    MODEL_NOT_FOUND = "ModelNotFound"
    MODEL_ACCESS_DENIED = "ModelAccessDenied"
    MODEL_DIGEST_MISMATCH = "ModelDigestMismatch"
    MODEL_FETCH_FAILED = "ModelFetchFailed"
    MODEL_INVALID = "ModelInvalid"


# What has come so far is what was meant, and is worth keeping for the next attempt.
WORTH_CONTINUING: Final = frozenset({Reason.MODEL_FETCH_FAILED, Reason.MODEL_ACCESS_DENIED})


class FetchError(Exception):
    """A failure that the user can act on: `sentence` says what happened and what to change, without any secret."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(reason, sentence)
        self.reason = reason
        self.sentence = sentence

    def __str__(self) -> str:
        """Return `<Reason>: <sentence>` as one bounded line, which fits into a termination message."""
        line = " ".join(f"{self.reason}: {self.sentence}".split())
        return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def failure_in(message: str) -> FetchError | None:
    """Return the failure that a termination message tells; None where it is none that a fetch has left."""
    reason, _, sentence = message.strip().partition(": ")
    return FetchError(Reason(reason), sentence) if reason in set(Reason) else None

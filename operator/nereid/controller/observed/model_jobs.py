"""What has come of a question to a model's source, or of a tag, as the Job that asks tells, and its pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nereid.api.status import ResolutionFailure
from nereid.contract.model_job import ModelJobAnswer

# A pod that is not there by then, or has not answered, is given up.
ANSWER_SECONDS: Final = 50

UNANSWERED: Final = "ResolutionFailed"
_NO_POD: Final = "no pod was created for it: look at the Job's events, as a quota or a policy may reject it"
_NO_START: Final = (
    "the source did not answer, or the pod did not start: look at the source's server and at the pod's events"
)
_NO_WORD: Final = "its pod was removed before its answer was read"


@dataclass(frozen=True, slots=True)
class ModelJobFacts:
    """A Job that speaks to a model's source, or a pod of one.

    `run` tells which question or tag it is for. `answer` is there once it has ended well; `failure` says why there will
    be none, or of a pod that has not ended what keeps it from running. `is_over` tells that nothing more comes of it.
    `created` is when a Job was made; None of a pod.
    """

    run: str
    answer: ModelJobAnswer | None = None
    failure: ResolutionFailure | None = None
    is_over: bool = False
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its answer once there is one, why there will be none, or what keeps it from running.

    `begun` is when its Job was made; None while it is not seen.
    """

    answer: ModelJobAnswer | None = None
    failure: ResolutionFailure | None = None
    why_not_running: str | None = None
    begun: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether an answer or a failure is there."""
        return self.answer is not None or self.failure is not None


def progress(run: str, facts: Sequence[ModelJobFacts], now: datetime) -> Progress:
    """Return how far a run is, from its Job and its pod as far as they are seen."""
    pods = [one for one in facts if one.run == run and one.created is None]
    job = next((one for one in facts if one.run == run and one.created is not None), None)
    begun = job.created if job else None
    for pod in pods:
        if pod.answer is not None:
            return Progress(pod.answer, pod.answer.failure, begun=begun)
        if pod.is_over:
            return Progress(failure=pod.failure, begun=begun)
    if begun is None or job is None:
        return Progress()
    word = next((pod.failure for pod in pods if pod.failure), None)
    if job.is_over and not pods:
        return Progress(failure=job.failure or _failure(_NO_WORD), begun=begun)
    if now >= begun + timedelta(seconds=ANSWER_SECONDS):
        return Progress(failure=_late(word, has_pod=bool(pods)), begun=begun)
    return Progress(why_not_running=word.message if word else None, begun=begun)


def _late(word: ResolutionFailure | None, *, has_pod: bool) -> ResolutionFailure:
    if word is not None:
        return word
    sentence = _NO_START if has_pod else _NO_POD
    return _failure(f"there was no answer within {ANSWER_SECONDS} s; {sentence}")


def _failure(sentence: str) -> ResolutionFailure:
    return ResolutionFailure(reason=UNANSWERED, message=sentence)

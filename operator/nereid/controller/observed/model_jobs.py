"""The outcome of resolving a URI or of tagging a registry, from the Job that does it and its pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nereid.api.status import ResolutionFailure
from nereid.contract.model_job import ModelJobAnswer

# A run without a pod or an answer by then has failed.
ANSWER_SECONDS: Final = 50

UNANSWERED: Final = "ResolutionFailed"
_NO_POD: Final = "no pod was made for it: look at the Job's events, as a quota or a policy may reject it"
_NO_START: Final = (
    "the source did not answer, or the pod did not start: look at the source's server and at the pod's events"
)
_ANSWER_LOST: Final = "its pod was removed before its answer was read"


@dataclass(frozen=True, slots=True)
class ModelJobFacts:
    """A Job that contacts a model's source, or a pod of one.

    `run` is the id of the request or tag that it is for. `answer` is set once it has succeeded; `failure` is why there
    will be no answer or, for a pod that has not ended, what keeps it from running. `is_over`: whether it has ended.
    `created` is when a Job was created; None for a pod.
    """

    run: str
    answer: ModelJobAnswer | None = None
    failure: ResolutionFailure | None = None
    is_over: bool = False
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: its answer once there is one, why there will be none, or what keeps it from running.

    `started_at` is when its Job was created; None while the Job is not observed.
    """

    answer: ModelJobAnswer | None = None
    failure: ResolutionFailure | None = None
    why_not_running: str | None = None
    started_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is an answer or a failure."""
        return self.answer is not None or self.failure is not None


def progress(run: str, facts: Sequence[ModelJobFacts], now: datetime) -> Progress:
    """Return the progress of a run, from its Job and its pod if they are observed."""
    pods = [entry for entry in facts if entry.run == run and entry.created is None]
    job = next((entry for entry in facts if entry.run == run and entry.created is not None), None)
    started_at = job.created if job else None
    for pod in pods:
        if pod.answer is not None:
            return Progress(pod.answer, pod.answer.failure, started_at=started_at)
        if pod.is_over:
            return Progress(failure=pod.failure, started_at=started_at)
    if started_at is None or job is None:
        return Progress()
    cause = next((pod.failure for pod in pods if pod.failure), None)
    if job.is_over and not pods:
        return Progress(failure=job.failure or _failure(_ANSWER_LOST), started_at=started_at)
    if now >= started_at + timedelta(seconds=ANSWER_SECONDS):
        return Progress(failure=_late(cause, has_pod=bool(pods)), started_at=started_at)
    return Progress(why_not_running=cause.message if cause else None, started_at=started_at)


def _late(cause: ResolutionFailure | None, *, has_pod: bool) -> ResolutionFailure:
    if cause is not None:
        return cause
    sentence = _NO_START if has_pod else _NO_POD
    return _failure(f"there was no answer within {ANSWER_SECONDS} s; {sentence}")


def _failure(sentence: str) -> ResolutionFailure:
    return ResolutionFailure(reason=UNANSWERED, message=sentence)

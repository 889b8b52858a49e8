"""Facts of the Jobs that contact a model's source, and of their pods, from raw objects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from nereid.api import names
from nereid.api.status import ResolutionFailure
from nereid.contract.model_job import CONTAINER_RESOLVE, CONTAINER_TAG, ModelJobAnswer
from nereid.contract.sentence import as_sentence, last_line
from nereid.controller.observed.job_pods import ended, finished, problem
from nereid.controller.observed.model_jobs import UNANSWERED, ModelJobFacts

_CONTAINERS: Final = (CONTAINER_RESOLVE, CONTAINER_TAG)


def model_job_facts(raw: Mapping[str, Any]) -> ModelJobFacts:
    """Return the facts of a Job: when it was created, whether it is over, and if it failed, why."""
    end = finished(raw)
    failure = None
    if end and end["type"] != "Complete":
        failure = _unanswered(f"the Job failed ({end.get('reason')}): {end.get('message', '')}")
    created = datetime.fromisoformat(raw["metadata"]["creationTimestamp"])
    return ModelJobFacts(_run(raw), failure=failure, is_over=end is not None, created=created)


def model_job_pod_facts(raw: Mapping[str, Any]) -> ModelJobFacts:
    """Return the facts of a Job's pod: its answer, or why it has none."""
    end = next((end for end in (ended(raw, container) for container in _CONTAINERS) if end), None)
    if end is None:
        cause = problem(raw)
        failure = ResolutionFailure(reason=cause.reason, message=cause.message) if cause else None
        return ModelJobFacts(_run(raw), failure=failure)
    answer = _answer(end)
    if answer is not None and end.get("exitCode") == 0:
        return ModelJobFacts(_run(raw), answer=answer, failure=answer.failure, is_over=True)
    return ModelJobFacts(_run(raw), failure=_failure(end), is_over=True)


def _answer(end: Mapping[str, Any]) -> ModelJobAnswer | None:
    try:
        answer = ModelJobAnswer.model_validate_json(end.get("message") or "")
    except ValidationError:
        return None
    if answer.failure is None:
        return answer
    failure = ResolutionFailure(reason=answer.failure.reason, message=as_sentence(answer.failure.message))
    return answer.model_copy(update={"failure": failure})


def _failure(end: Mapping[str, Any]) -> ResolutionFailure:
    code, message = end.get("exitCode"), end.get("message", "")
    if end.get("reason") == "OOMKilled":
        sentence = "the container that contacts the source used more memory than its limit"
        return ResolutionFailure(reason="OutOfMemory", message=sentence)
    if code is None:
        return _unanswered(f"its pod was terminated ({end.get('reason')}): {last_line(message)}")
    if code == 0:
        return _unanswered("the container that contacts the source left no readable answer")
    return _unanswered(f"the container that contacts the source ended with exit code {code}: {last_line(message)}")


def _unanswered(sentence: str) -> ResolutionFailure:
    return ResolutionFailure(reason=UNANSWERED, message=as_sentence(sentence))


def _run(raw: Mapping[str, Any]) -> str:
    return str(raw["metadata"].get("labels", {}).get(names.LABEL_MODEL_JOB, ""))

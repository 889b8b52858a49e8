"""What an MLflow registry is to record: which version a ModelDeployment serves, and until when it served others.

Tagging never delays a rollout; a Job that fails is tried again. Pure: no client, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nereid.api import names
from nereid.api.status import ResolutionFailure, ServedRevision, rfc3339
from nereid.contract.source import RegisteredModel, source_of
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.observed.model_jobs import ANSWER_SECONDS, ModelJobFacts, progress
from nereid.controller.plan.plan import SourceSpec
from nereid.controller.plan.resolution import BACK_OFF_SECONDS

_SERVING: Final = "serving"
_RUN_HASH_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Tagging:
    """What the registry has recorded, the Jobs that tag it, and why the last one failed.

    `tagged` is the revision that was last recorded as stable. `is_retry`: an attempt is in progress after one that has
    failed, whose cause is no longer known.
    """

    tagged: str | None
    jobs: tuple[ModelJob, ...] = ()
    failure: ResolutionFailure | None = None
    requeue_after: float | None = None
    is_retry: bool = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The state of one tag: the Job that is to exist, whether it has succeeded, why the last one failed."""

    job: ModelJob
    is_done: bool = False
    failure: ResolutionFailure | None = None
    wait: float | None = None
    is_retry: bool = False


def tagging(
    source: SourceSpec,
    history: Sequence[ServedRevision],
    tagged: str | None,
    facts: Sequence[ModelJobFacts],
    now: datetime,
) -> Tagging | None:
    """Return what the registry is to record about stable and former revisions; None if the spec does not ask for it.

    The Jobs are kept until all of them have succeeded, as only they record that; afterwards `tagged` does.
    """
    if not source.model.tag_registry:
        return None
    serving = history[0] if history else None
    if serving is None or serving.revision == tagged or not _is_registered(serving):
        return Tagging(tagged)
    attempts = [_attempt(source, uri, value, facts, now) for uri, value in _values(history, tagged).items()]
    if all(attempt.is_done for attempt in attempts):
        return Tagging(serving.revision)
    return Tagging(
        tagged,
        tuple(attempt.job for attempt in attempts),
        next((attempt.failure for attempt in attempts if attempt.failure), None),
        min((attempt.wait for attempt in attempts if attempt.wait is not None), default=None),
        any(attempt.is_retry for attempt in attempts),
    )


def _is_registered(served: ServedRevision) -> bool:
    return isinstance(source_of(served.model_uri), RegisteredModel)


def _key(source: SourceSpec) -> str:
    return f"{names.GROUP}/{source.owner.namespace}.{source.owner.name}"


def _values(history: Sequence[ServedRevision], tagged: str | None) -> dict[str, str]:
    """Return the value of the tag by URI: for stable that it serves, for earlier revisions until when they did.

    Only revisions back to the one that was tagged last can have a tag that is out of date.
    """
    values = {history[0].model_uri: _SERVING}
    last_tagged = next((index for index, entry in enumerate(history) if entry.revision == tagged), 0)
    for entry in history[1 : last_tagged + 1]:
        if _is_registered(entry) and entry.served_until:
            values.setdefault(entry.model_uri, f"served until {rfc3339(entry.served_until)}")
    return values


def _attempt(source: SourceSpec, uri: str, value: str, facts: Sequence[ModelJobFacts], now: datetime) -> _Attempt:
    name = f"tag-{names.content_hash([source.owner.uid, uri, value])[:_RUN_HASH_LENGTH]}"
    number = max((_number(job.run) for job in facts if job.run.startswith(f"{name}-")), default=1)
    job = ModelJob("tag", f"{name}-{number}", uri, ((_key(source), value),))
    last = progress(job.run, facts, now)
    if not last.is_over:
        return _Attempt(job, wait=ANSWER_SECONDS, is_retry=number > 1)
    if last.failure is None:
        return _Attempt(job, is_done=True)
    retry_at = (last.started_at or now) + timedelta(seconds=_back_off(number))
    if now < retry_at:
        return _Attempt(job, failure=last.failure, wait=(retry_at - now).total_seconds())
    return _Attempt(ModelJob("tag", f"{name}-{number + 1}", uri, job.tags), failure=last.failure, wait=ANSWER_SECONDS)


def _number(run: str) -> int:
    last = run.rpartition("-")[2]
    return int(last) if last.isdecimal() else 1


def _back_off(number: int) -> int:
    """Return the seconds from the start of a failed attempt to the next one: its own time and the wait after it."""
    return ANSWER_SECONDS + BACK_OFF_SECONDS[min(number, len(BACK_OFF_SECONDS)) - 1]

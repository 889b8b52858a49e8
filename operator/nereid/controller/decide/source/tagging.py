"""What an MLflow registry is to be told: which version a ModelDeployment serves, and until when it served others.

Telling it never delays a rollout; what fails is tried again. Pure: no client, no clock.
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
    """What the registry has been told, the Jobs that tell it more, and why it could not be told.

    `tagged` is the revision that it was last told to be stable. `is_retry` tells that an attempt is under way after one
    that has failed, of which nothing is left to tell why.
    """

    tagged: str | None
    jobs: tuple[ModelJob, ...] = ()
    failure: ResolutionFailure | None = None
    requeue_after: float | None = None
    is_retry: bool = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one tag stands: the Job that is to be there, whether it is done, why the last one failed."""

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
    """Return what the registry is to be told of the revisions that serve and have served; None where nobody asks.

    The Jobs stay until all of them are done, as they are what remembers it; then `tagged` does.
    """
    if not source.model.tag_registry:
        return None
    serving = history[0] if history else None
    if serving is None or serving.revision == tagged or not _is_registered(serving):
        return Tagging(tagged)
    attempts = [_attempt(source, uri, value, facts, now) for uri, value in _values(history, tagged).items()]
    if all(one.is_done for one in attempts):
        return Tagging(serving.revision)
    return Tagging(
        tagged,
        tuple(one.job for one in attempts),
        next((one.failure for one in attempts if one.failure), None),
        min((one.wait for one in attempts if one.wait is not None), default=None),
        any(one.is_retry for one in attempts),
    )


def _is_registered(served: ServedRevision) -> bool:
    return isinstance(source_of(served.model_uri), RegisteredModel)


def _key(source: SourceSpec) -> str:
    return f"{names.GROUP}/{source.owner.namespace}.{source.owner.name}"


def _values(history: Sequence[ServedRevision], tagged: str | None) -> dict[str, str]:
    """Return what is to be said of each version: that it serves, or of those that did since the last word, until when.

    Revisions of which the registry may have heard begin with the one that it was last told of.
    """
    values = {history[0].model_uri: _SERVING}
    heard = next((index for index, one in enumerate(history) if one.revision == tagged), 0)
    for one in history[1 : heard + 1]:
        if _is_registered(one) and one.served_until:
            values.setdefault(one.model_uri, f"served until {rfc3339(one.served_until)}")
    return values


def _attempt(source: SourceSpec, uri: str, value: str, facts: Sequence[ModelJobFacts], now: datetime) -> _Attempt:
    name = f"tag-{names.content_hash([source.owner.uid, uri, value])[:_RUN_HASH_LENGTH]}"
    number = max((_number(one.run) for one in facts if one.run.startswith(f"{name}-")), default=1)
    job = ModelJob("tag", f"{name}-{number}", uri, ((_key(source), value),))
    told = progress(job.run, facts, now)
    if not told.is_over:
        return _Attempt(job, wait=ANSWER_SECONDS, is_retry=number > 1)
    if told.failure is None:
        return _Attempt(job, is_done=True)
    again = (told.started_at or now) + timedelta(seconds=_back_off(number))
    if now < again:
        return _Attempt(job, failure=told.failure, wait=(again - now).total_seconds())
    return _Attempt(ModelJob("tag", f"{name}-{number + 1}", uri, job.tags), failure=told.failure, wait=ANSWER_SECONDS)


def _number(run: str) -> int:
    last = run.rpartition("-")[2]
    return int(last) if last.isdecimal() else 1


def _back_off(number: int) -> int:
    """Return how long a failed attempt counts, from its beginning: its own time and the wait after it."""
    return ANSWER_SECONDS + BACK_OFF_SECONDS[min(number, len(BACK_OFF_SECONDS)) - 1]

"""When it is looked up what a model's URI leads to, where that may move, and by which Job. Pure: no clock."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nereid.api.provenance import ObservedProvenance, Provenance
from nereid.api.status import ResolutionStatus
from nereid.controller.observed.facts import Problem
from nereid.controller.observed.model_jobs import ANSWER_SECONDS, ModelJobFacts, progress
from nereid.controller.plan.resolution import ResolutionRequest, resolved, run_of, wait_of


@dataclass(frozen=True, slots=True)
class ModelJob:
    """A Job that speaks to a model's source about `uri`; `run` tells it from all others of the same ModelDeployment."""

    task: Literal["resolve", "tag"]
    run: str
    uri: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known of a URI now: for status, with the Job that is to run, and when to look again.

    `why_not_running` is what keeps that Job from running, as far as is known, and `refusal` why it could not be made.
    """

    status: ResolutionStatus
    job: ModelJob | None = None
    requeue_after: float | None = None
    why_not_running: str | None = None
    refusal: Problem | None = None

    @property
    def uri(self) -> str | None:
        """What the URI leads to; None while that is not known."""
        return self.status.resolved_uri


def resolve(
    request: ResolutionRequest,
    before: ResolutionStatus | None,
    facts: Sequence[ModelJobFacts],
    served: Collection[str],
    now: datetime,
) -> Resolution:
    """Return what is known of a URI, and the Job that is to look it up where a look is due.

    The arguments are those of `resolved`.
    """
    status = resolved(request, before, facts, served, now)
    wait = wait_of(request, status, now)
    if wait is not None:
        return Resolution(status, requeue_after=None if wait == math.inf else wait)
    run = run_of(request, status)
    look = progress(run, facts, now)
    left = ANSWER_SECONDS - (now - (look.started_at or now)).total_seconds()
    return Resolution(status, ModelJob("resolve", run, request.uri), max(1.0, left), look.why_not_running)


def made_from(said: Provenance | None, resolution: ResolutionStatus | None) -> ObservedProvenance:
    """Return what a model was made from: as its user says, and where that tells nothing, as its registry does."""
    registry = resolution.provenance if resolution else None
    told = registry.model_dump(exclude_none=True) if registry else {}
    told |= said.model_dump(exclude_none=True) if said else {}
    if resolution and resolution.resolved_uri not in {None, resolution.uri}:
        told["resolvedUri"] = resolution.resolved_uri
    return ObservedProvenance(**told)

"""When a reference is resolved, and by which Job. Pure: no clock."""

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
    """A Job that resolves or tags `uri` at its source; `run` is unique among the Jobs of a ModelDeployment."""

    task: Literal["resolve", "tag"]
    run: str
    uri: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """The resolution of a URI now: for status, with the Job that is to run, and when the next pass is due.

    `why_not_running` is what keeps that Job from running, if that is known; `apply_problem` is why it could not be
    created.
    """

    status: ResolutionStatus
    job: ModelJob | None = None
    requeue_after: float | None = None
    why_not_running: str | None = None
    apply_problem: Problem | None = None

    @property
    def uri(self) -> str | None:
        """What the URI resolves to; None while that is not known."""
        return self.status.resolved_uri


def resolve(
    request: ResolutionRequest,
    before: ResolutionStatus | None,
    facts: Sequence[ModelJobFacts],
    served: Collection[str],
    now: datetime,
) -> Resolution:
    """Return the resolution of a URI, with the Job that is to look it up if that is due.

    The arguments are those of `resolved`.
    """
    status = resolved(request, before, facts, served, now)
    wait = wait_of(request, status, now)
    if wait is not None:
        return Resolution(status, requeue_after=None if wait == math.inf else wait)
    run = run_of(request, status)
    job = progress(run, facts, now)
    remaining_seconds = ANSWER_SECONDS - (now - (job.started_at or now)).total_seconds()
    return Resolution(status, ModelJob("resolve", run, request.uri), max(1.0, remaining_seconds), job.why_not_running)


def made_from(specified: Provenance | None, resolution: ResolutionStatus | None) -> ObservedProvenance:
    """Return what a model was made from: each field as the spec gives it, or else as the registry does."""
    registered = resolution.provenance if resolution else None
    fields = registered.model_dump(exclude_none=True) if registered else {}
    fields |= specified.model_dump(exclude_none=True) if specified else {}
    if resolution and resolution.resolved_uri not in {None, resolution.uri}:
        fields["resolvedUri"] = resolution.resolved_uri
    return ObservedProvenance(**fields)

"""The plan of a pass, from the spec and the situation: the only plan that a pass makes.

If it is not known which revision the spec asks for, the plan is for the revision before it: that one is still judged,
rolled back, scaled and repaired. Pure: no client, no clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from nereid.api.runtime import RuntimeSpec
from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.hosts import with_hosts_that_it_may_have
from nereid.controller.plan.plan import INVALID_SPEC, POLICY_VIOLATION, Held, SourceSpec, Specified, held_at
from nereid.controller.plan.reading import InvalidSpecError, Reading, read_spec
from nereid.controller.plan.resolution import ResolutionRequest, request_of, resolved
from nereid.controller.plan.revision_content import with_resolved_uri
from nereid.controller.plan.settings import Settings


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A first model whose URI is not resolved yet, without a revision before it."""

    source: SourceSpec
    request: ResolutionRequest


@dataclass(frozen=True, slots=True)
class Invalid:
    """A spec that cannot be carried out at all, with a sentence for the user, and the reason as one word."""

    message: str
    reason: str = INVALID_SPEC


def plan(situation: Situation, settings: Settings, now: datetime) -> Specified | Held | Unresolved | Invalid:
    """Return the plan of a ModelDeployment; Unresolved or Invalid if there is no revision to plan for.

    Its hosts are those of the spec that it may have.
    """
    subject = situation.subject
    if subject.spec_problem:
        return Invalid(subject.spec_problem)
    try:
        reading = read_spec(subject.owner, subject.annotations, subject.spec, settings)
    except InvalidSpecError as error:
        return Invalid(str(error))
    result = _plan(reading, situation, now)
    if isinstance(result, (Invalid, Unresolved)):
        return result
    result = replace(result, activator_key=situation.activator_key)
    return with_hosts_that_it_may_have(result, situation)


def last_desired_revision(status: ModelDeploymentStatus) -> str | None:
    """Return the revision that the spec asked for last; None if there was none."""
    if status.rollout is None:
        return None
    if status.rollout.pinned:
        return status.rollout.pinned.instead_of
    if status.candidate:
        return status.candidate.revision
    served = status.rollout.failed or status.stable
    return served.revision if served else None


def _plan(reading: Reading, situation: Situation, now: datetime) -> Specified | Held | Unresolved | Invalid:
    if reading.rejection:
        return _held(reading, situation, reading.rejection) or Invalid(reading.rejection)
    request = request_of(reading.plan.source)
    if request is None:
        return _within_policy(reading.plan, reading, situation)
    before = situation.status.resolution
    resolution = resolved(request, before, situation.model_jobs, situation.served_uris, now)
    if resolution.resolved_uri:
        return _within_policy(with_resolved_uri(reading.plan, resolution.resolved_uri), reading, situation)
    if reading.refusal:
        return _refused(reading, situation, reading.refusal)
    return _held(reading, situation) or Unresolved(reading.plan.source, request)


def _within_policy(plan: Specified, reading: Reading, situation: Situation) -> Specified | Held | Invalid:
    """Return the plan if the installer's policy allows its pods; a revision that runs goes on, whatever policy came."""
    if reading.refusal is None:
        return plan
    running = situation.observed.of(plan.revision)
    if running.record and running.deployment:
        return replace(plan, tolerated=reading.refusal)
    return _refused(reading, situation, reading.refusal)


def _refused(reading: Reading, situation: Situation, refusal: str) -> Held | Invalid:
    # Jobs are no place for what was refused either.
    allowed = RuntimeSpec(image_pull_secrets=reading.plan.runtime.image_pull_secrets)
    plan = replace(reading.plan, source=replace(reading.plan.source, runtime=allowed))
    held = _held(replace(reading, plan=plan), situation, refusal, POLICY_VIOLATION)
    return held or Invalid(refusal, POLICY_VIOLATION)


def _held(
    reading: Reading, situation: Situation, rejection: str | None = None, reason: str = INVALID_SPEC
) -> Held | None:
    """Return the plan for the revision that was asked for before; None if there was none."""
    revision = last_desired_revision(situation.status)
    if not revision:
        return None
    record = situation.observed.of(revision).record
    # The model's name in its pods, which the spec may have changed since.
    name = record.model_name if record else None
    return held_at(reading.plan, revision, name or reading.plan.model_name, rejection, reason)

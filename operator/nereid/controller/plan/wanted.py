"""The plan of a pass: what the spec means where things stand as they do, and the only plan that a pass makes.

Where it is not known which revision the spec asks for, what was asked for before goes on in its place: it is judged,
taken back, scaled and repaired. Pure: no client, no clock.
"""

from dataclasses import dataclass
from datetime import datetime

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Held, SourceSpec, Specified, held_at
from nereid.controller.plan.reachable import reachable
from nereid.controller.plan.reading import InvalidSpecError, Reading, read_spec
from nereid.controller.plan.resolution import ResolutionRequest, request_of, resolved
from nereid.controller.plan.revision_content import leading_to
from nereid.controller.plan.settings import Settings


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A first model of which it is not known yet where its URI leads: there is nothing that could go on meanwhile."""

    source: SourceSpec
    request: ResolutionRequest


@dataclass(frozen=True, slots=True)
class Invalid:
    """A spec of which nothing can be carried out, with a sentence for the user."""

    message: str


def plan(situation: Situation, settings: Settings, now: datetime) -> Specified | Held | Unresolved | Invalid:
    """Return what is wanted of a ModelDeployment's revisions; Unresolved or Invalid where nothing can be yet.

    The hosts are those that the spec asks for and no older ModelDeployment has.
    """
    subject = situation.subject
    try:
        reading = read_spec(subject.owner, subject.annotations, subject.spec, settings)
    except InvalidSpecError as error:
        return Invalid(str(error))
    wanted = _plan(reading, situation, now)
    if isinstance(wanted, (Invalid, Unresolved)):
        return wanted
    return reachable(wanted, situation.rivals, situation.gateways)


def asked_before(status: ModelDeploymentStatus) -> str | None:
    """Return the revision that was asked for last, as far as any was."""
    if status.rollout is None:
        return None
    if status.rollout.pinned:
        return status.rollout.pinned.instead_of
    if status.candidate:
        return status.candidate.revision
    served = status.rollout.failed or status.stable
    return served.revision if served else None


def _plan(reading: Reading, situation: Situation, now: datetime) -> Specified | Held | Unresolved | Invalid:
    if reading.refusal:
        return _held(reading, situation) or Invalid(reading.refusal)
    source = reading.plan.source
    request = request_of(source)
    if request is None:
        return reading.plan
    before = situation.status.resolution
    resolution = resolved(request, before, situation.model_jobs, situation.served_uris, now)
    if resolution.resolved_uri:
        return leading_to(reading.plan, resolution.resolved_uri)
    return _held(reading, situation) or Unresolved(source, request)


def _held(reading: Reading, situation: Situation) -> Held | None:
    """Return the plan with the revision in it that was asked for before; None where none was."""
    revision = asked_before(situation.status)
    if not revision:
        return None
    record = situation.observed.of(revision).record
    # The name by which its pods serve the model, whatever the spec says now.
    name = record.model_name if record else None
    return held_at(reading.plan, revision, name or reading.plan.model_name, reading.refusal)

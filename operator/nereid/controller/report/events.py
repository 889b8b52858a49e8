"""Events: what the last status did not say yet is emitted once."""

from typing import Final

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.decide.rollout.state import Event
from nereid.controller.decide.source.resolution import made_from
from nereid.controller.observed.facts import Problem
from nereid.controller.plan.plan import Held, Specified
from nereid.controller.report.conditions import ReportInput, main_problem
from nereid.controller.report.memory import is_new
from nereid.controller.report.problems import OF_READINESS, REMEMBERED_CONDITIONS, of_conditions

# Reasons of events whose condition's reason is too general on its own.
_EVENT_REASONS: Final = {
    "RegistryTagged": "RegistryNotTagged",
    "ModelChanged": "ModelChanged",
    "RouteNotEffective": "RouteNotEffective",
    "RequestsLeftOut": "RequestsLeftOut",
    "WebhookFailing": "WebhookFailing",
}


def problem_event(report_input: ReportInput, previous: ModelDeploymentStatus) -> Problem | None:
    """Return the main problem if the previous status does not have it yet, to be emitted once as an event."""
    if isinstance(report_input.plan, Held) and not report_input.first_problem:
        # Condition Ready shows why the spec is held.
        return None
    problem = main_problem(report_input)
    before = {earlier.reason for earlier in previous.problems or () if earlier.concern in OF_READINESS}
    if problem is None or report_input.decision.state.failed or problem.reason in before:
        return None
    return problem


def created_events(report_input: ReportInput, candidate: str | None) -> tuple[Event, ...]:
    """Return the event of a new revision: where its model comes from. `candidate` is the previous candidate."""
    plan, revision = report_input.plan, report_input.plan.revision
    if (
        report_input.decision.state.candidate != revision
        or candidate == revision
        or report_input.observed.of(revision).record
    ):
        return ()
    if not isinstance(plan, Specified):
        return ()
    resolution = report_input.resolution.status if report_input.resolution else None
    origin = made_from(plan.model.provenance, resolution)
    # An event is written to the operator's log too, and a signed URL has its secrets behind the question mark.
    source = plan.model_uri.partition("?")[0]
    reference = f" ({plan.model.uri})" if plan.model.uri != plan.model_uri else ""
    dataset = " ".join(text for text in (origin.dataset, origin.dataset_version) if text)
    details = (("version", plan.model.version), ("commit", origin.commit), ("data set", dataset), ("run", origin.run))
    more = "".join(f", {name} {value}" for name, value in details if value)
    return (Event("Normal", "RevisionCreated", f"Revision {revision} is {source}{reference}{more}"),)


def condition_events(previous: ModelDeploymentStatus, status: ModelDeploymentStatus) -> tuple[Event, ...]:
    """Return the events about the source and the traffic: what the status shows and the previous one did not."""
    events = []
    before, now = previous.resolution, status.resolution
    if before and now and before.id == now.id and before.resolved_uri not in {None, now.resolved_uri}:
        sentence = f"{now.uri} now leads to {now.resolved_uri}, and led to {before.resolved_uri} before"
        events.append(Event("Normal", "ModelMoved", sentence))
    for condition in status.conditions:
        if condition.type not in REMEMBERED_CONDITIONS:
            continue
        if any(is_new(problem, previous) for problem in of_conditions([condition])):
            reason = _EVENT_REASONS.get(condition.type, condition.reason)
            events.append(Event("Warning", reason, condition.message))
    return tuple(events)

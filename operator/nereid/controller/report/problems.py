"""The problems that status remembers for the operator; the conditions show them to people. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from nereid.api.status import Concern, Condition, ConditionStatus, ProblemStatus
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.plan.plan import Held
from nereid.controller.report.conditions import ReportInput, main_problem

# Conditions about a model's source: what each concerns, and the status that means a problem.
SOURCE_CONDITIONS: Final[Mapping[str, tuple[Concern, ConditionStatus]]] = {
    "ModelResolved": ("Source", "False"),
    "RegistryTagged": ("Registry", "False"),
    "ModelChanged": ("Model", "True"),
}
# Conditions about a model's traffic, which exist only while something is wrong.
TRAFFIC_CONDITIONS: Final[Mapping[str, tuple[Concern, ConditionStatus]]] = {
    "RouteNotEffective": ("Route", "True"),
    "CountsDisagree": ("Counts", "True"),
    "RequestsLeftOut": ("Requests", "True"),
    "QueriesNotAllowed": ("Queries", "True"),
    "WebhookFailing": ("Webhooks", "True"),
}
REMEMBERED_CONDITIONS: Final = {**SOURCE_CONDITIONS, **TRAFFIC_CONDITIONS}
# Those that condition Ready shows, one at a time.
OF_READINESS: Final[frozenset[Concern]] = frozenset({"Children", "Routes", "Pods"})


def problems(report_input: ReportInput, conditions: Sequence[Condition]) -> list[ProblemStatus] | None:
    """Return all problems; `conditions` are those of the same report_input."""
    return [
        *_of_readiness(report_input),
        *source_job_problems(report_input.resolution),
        *of_conditions(conditions),
    ] or None


def source_job_problems(resolution: Resolution | None) -> tuple[ProblemStatus, ...]:
    """Return why the Job that resolves a URI could not be created, if it could not."""
    problem = resolution.apply_problem if resolution else None
    return (ProblemStatus(concern="SourceJobs", reason=problem.reason, message=problem.message),) if problem else ()


def of_conditions(conditions: Sequence[Condition]) -> tuple[ProblemStatus, ...]:
    """Return the problems that the conditions about the model's source and its traffic show."""
    shown = []
    for condition in (item for item in conditions if item.type in REMEMBERED_CONDITIONS):
        concern, problem_status = REMEMBERED_CONDITIONS[condition.type]
        if condition.status == problem_status:
            # The message is shown again while tagging is retried.
            message = condition.message if concern == "Registry" else None
            shown.append(ProblemStatus(concern=concern, reason=condition.reason, message=message))
    return tuple(shown)


def _of_readiness(report_input: ReportInput) -> tuple[ProblemStatus, ...]:
    """Return the problem that condition Ready shows, other than a rejection of the spec itself."""
    if report_input.problems:
        first = report_input.problems[0]
        return (ProblemStatus(concern="Children", reason=first.reason, message=first.message),)
    if report_input.plan.route_problems:
        return (ProblemStatus(concern="Routes", reason=report_input.plan.route_problems[0].reason),)
    problem = None if isinstance(report_input.plan, Held) else main_problem(report_input)
    return (ProblemStatus(concern="Pods", reason=problem.reason),) if problem else ()

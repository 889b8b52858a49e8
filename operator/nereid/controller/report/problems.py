"""What is wrong, as status remembers it beside the conditions, which say it to people. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from nereid.api.status import Concern, Condition, ConditionStatus, ProblemStatus
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.plan.plan import Held
from nereid.controller.report.conditions import ReportInput, main_problem

# Conditions about a model's source: what each concerns, and the status that is bad news.
SOURCE_CONDITIONS: Final[Mapping[str, tuple[Concern, ConditionStatus]]] = {
    "ModelResolved": ("Source", "False"),
    "RegistryTagged": ("Registry", "False"),
    "ModelChanged": ("Model", "True"),
}
# Those that Ready tells of: one of them at a time.
OF_READINESS: Final[frozenset[Concern]] = frozenset({"Children", "Routes", "Pods"})


def problems(report_input: ReportInput, conditions: Sequence[Condition]) -> list[ProblemStatus] | None:
    """Return what is wrong; `conditions` are those of the same report_input."""
    return [*_of_readiness(report_input), *refused_jobs(report_input.resolution), *of_source(conditions)] or None


def refused_jobs(resolution: Resolution | None) -> tuple[ProblemStatus, ...]:
    """Return why the Job that looks a URI up could not be made, if it could not."""
    refusal = resolution.apply_problem if resolution else None
    return (ProblemStatus(concern="SourceJobs", reason=refusal.reason, message=refusal.message),) if refusal else ()


def of_source(conditions: Sequence[Condition]) -> tuple[ProblemStatus, ...]:
    """Return what the conditions about the model's source complain of."""
    bad_news = []
    for condition in (item for item in conditions if item.type in SOURCE_CONDITIONS):
        concern, bad = SOURCE_CONDITIONS[condition.type]
        if condition.status == bad:
            # What the registry could not be told is repeated while it is tried again.
            message = condition.message if concern == "Registry" else None
            bad_news.append(ProblemStatus(concern=concern, reason=condition.reason, message=message))
    return tuple(bad_news)


def _of_readiness(report_input: ReportInput) -> tuple[ProblemStatus, ...]:
    """Return what Ready tells of, other than what the spec itself is refused for."""
    if report_input.problems:
        first = report_input.problems[0]
        return (ProblemStatus(concern="Children", reason=first.reason, message=first.message),)
    if report_input.plan.route_problems:
        return (ProblemStatus(concern="Routes", reason=report_input.plan.route_problems[0].reason),)
    problem = None if isinstance(report_input.plan, Held) else main_problem(report_input)
    return (ProblemStatus(concern="Pods", reason=problem.reason),) if problem else ()

"""What has come of applying: what is wrong with children and Jobs, and when they are to be tried again. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nereid.controller.observed.facts import Problem
from nereid.controller.shell.cluster.converge import Applied
from nereid.controller.shell.cluster.errors import Conflict

# A child that the API server rejects, or whose name is taken, may become possible without any event that shows it: at
# once after a restart of the API server, which knows no roles for a moment, or whenever somebody raises a quota.
FIRST_RETRY_SECONDS: Final = 2.0
LATER_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of the children, and of the Jobs that speak to the model's source."""

    children: Applied
    jobs: Applied


def problems(applied: Applied) -> tuple[Problem, ...]:
    """Return what could not be applied; of failures that another attempt may cure, the first."""
    taken = [Problem("NameConflict", problem.message) for problem in applied.conflicts]
    rejected = [
        Problem("ChildRejected", f"the API server rejects {problem.kind} {problem.name}: {problem.message}")
        for problem in applied.rejections
    ]
    failed = [
        Problem("ApplyFailed", f"a write to the API server failed: {problem}")
        for problem in applied.failures
        if not isinstance(problem, Conflict)
    ]
    return (*taken, *rejected, *failed[:1])


def retry(problems: Sequence[Problem], before: Problem | None) -> float | None:
    """Return the seconds until they are tried again; `before` is what was wrong at the attempt before this one."""
    if not problems:
        return None
    return LATER_RETRY_SECONDS if before else FIRST_RETRY_SECONDS


def retry_of_jobs(applied: Applied) -> float | None:
    """Return when to make the Jobs again that could not be made; soon, where somebody else only was in the way."""
    if applied.is_complete:
        return None
    was_in_the_way = any(isinstance(problem, Conflict) for problem in applied.failures)
    return FIRST_RETRY_SECONDS if was_in_the_way else LATER_RETRY_SECONDS

"""The outcome of applying: the problems of children and Jobs, and when they are tried again. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nereid.controller.observed.facts import Problem
from nereid.controller.shell.cluster.converge import Applied
from nereid.controller.shell.cluster.errors import Conflict

# A child that the API server rejects, or whose name is taken, may become possible without an event: at once after a
# restart of the API server, which briefly has no roles, or whenever somebody raises a quota.
FIRST_RETRY_SECONDS: Final = 2.0
LATER_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results for the children, and for the Jobs that contact the model's source."""

    children: Applied
    jobs: Applied


def problems(applied: Applied) -> tuple[Problem, ...]:
    """Return the problems of applying; only the first of the failures that may succeed when retried."""
    conflicts = [Problem("NameConflict", conflict.message) for conflict in applied.conflicts]
    rejected = [
        Problem("ChildRejected", f"the API server rejects {problem.kind} {problem.name}: {problem.message}")
        for problem in applied.rejections
    ]
    failed = [
        Problem("ApplyFailed", f"a write to the API server failed: {problem}")
        for problem in applied.failures
        if not isinstance(problem, Conflict)
    ]
    return (*conflicts, *rejected, *failed[:1])


def retry(problems: Sequence[Problem], before: Problem | None) -> float | None:
    """Return the seconds until the next attempt; `before` is the problem of the attempt before this one."""
    if not problems:
        return None
    return LATER_RETRY_SECONDS if before else FIRST_RETRY_SECONDS


def retry_of_jobs(applied: Applied) -> float | None:
    """Return the seconds until the next attempt at Jobs that could not be created; fewer after a write conflict."""
    if applied.is_complete:
        return None
    has_conflict = any(isinstance(problem, Conflict) for problem in applied.failures)
    return FIRST_RETRY_SECONDS if has_conflict else LATER_RETRY_SECONDS

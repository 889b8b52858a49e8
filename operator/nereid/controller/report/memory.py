"""The problems that status remembers: each is reported once, and stands until the next attempt. Pure."""

from nereid.api.status import Concern, ModelDeploymentStatus, ProblemStatus
from nereid.controller.observed.facts import Problem


def problem_of(status: ModelDeploymentStatus, concern: Concern) -> ProblemStatus | None:
    """Return the problem of one concern in a status, if there is one."""
    return next((problem for problem in status.problems or () if problem.concern == concern), None)


def standing(status: ModelDeploymentStatus, concern: Concern) -> Problem | None:
    """Return a problem that stands until the next attempt, if there is one."""
    problem = problem_of(status, concern)
    return Problem(problem.reason, problem.message) if problem and problem.message else None


def is_new(problem: ProblemStatus, previous: ModelDeploymentStatus) -> bool:
    """Whether the last status did not have the problem yet; a different message does not count."""
    before = problem_of(previous, problem.concern)
    return before is None or before.reason != problem.reason

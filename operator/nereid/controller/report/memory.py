"""What status remembers of what is wrong: told once, and standing until another attempt has been made. Pure."""

from nereid.api.status import Concern, ModelDeploymentStatus, ProblemStatus
from nereid.controller.observed.facts import Problem


def problem_of(status: ModelDeploymentStatus, concern: Concern) -> ProblemStatus | None:
    """Return what was wrong with something, as the last status has it."""
    return next((problem for problem in status.problems or () if problem.concern == concern), None)


def standing(status: ModelDeploymentStatus, concern: Concern) -> Problem | None:
    """Return a problem that stands until the next attempt shows otherwise."""
    problem = problem_of(status, concern)
    return Problem(problem.reason, problem.message) if problem and problem.message else None


def is_new(problem: ProblemStatus, previous: ModelDeploymentStatus) -> bool:
    """Whether the last status did not tell of a problem yet; how it words it does not count."""
    before = problem_of(previous, problem.concern)
    return before is None or before.reason != problem.reason

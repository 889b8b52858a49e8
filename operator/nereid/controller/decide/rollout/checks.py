"""Checks of a candidate before it gets more traffic: which are due, and what has come of them."""

from dataclasses import dataclass

from nereid.api.rollout_stage import Stage
from nereid.api.status import ChecksStatus, CheckStatus
from nereid.controller.decide.orders import CheckRun
from nereid.controller.decide.rollout.state import Failure, RolloutState
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.plan.plan import Held, Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of a run: the results for status, and what is wrong, if anything is."""

    status: ChecksStatus | None
    failure: Failure | None
    summary: str


def pending(plan: Plan, state: RolloutState) -> CheckRun | None:
    """Return the checks that the candidate must pass before its step, unless it has; None when there are none.

    A promotion by the user and the fast track skip them. Those of the first step are all, later only those that ask
    for each step.
    """
    if state.stable is None or state.candidate is None or state.is_fast or state.stage is Stage.PROMOTED_BY_USER:
        return None
    done = state.checks
    if done is not None and done.step == state.step and all(result.passed for result in done.results):
        return None
    asked = tuple(check for check in plan.rollout.checks if not state.exposure.has_traffic or check.when == "EachStep")
    if not asked:
        return None
    return CheckRun(state.candidate, state.stable, state.attempt, state.step, asked, plan.rollout.checks_timeout)


def due(plan: Plan, state: RolloutState) -> CheckRun | None:
    """Return the checks that are to run now."""
    runs = state.stage is Stage.RUNNING_CHECKS and not isinstance(plan, Held)
    return pending(plan, state) if runs else None


def outcome(run: CheckRun, facts: ChecksFacts | None) -> Outcome | None:
    """Return what has come of a run; None while it is not over."""
    if facts is None or facts.run != run.id:
        return None
    if facts.failure is not None:
        return Outcome(None, Failure("ChecksNotRun", f"the checks could not be run: {facts.failure}"), "")
    if not facts.results:
        return None
    missing = {check.name for check in run.checks} - {one.name for one in facts.results}
    if missing:
        sentence = f"the check Job reported no result of {', '.join(sorted(missing))}"
        return Outcome(None, Failure("ChecksNotRun", sentence), "")
    results = [CheckStatus(name=one.name, passed=one.passed, message=one.message) for one in facts.results]
    status = ChecksStatus(step=run.step, results=results)
    failed = [one for one in results if not one.passed]
    summary = "; ".join(f"{one.name}: {one.message}" for one in failed or results)
    return Outcome(status, Failure("CheckFailed", summary, is_harmful=True) if failed else None, summary)

"""Checks of a candidate before it gets more traffic: which are due, and their outcome."""

from dataclasses import dataclass

from nereid.api.rollout_stage import Stage
from nereid.api.status import ChecksStatus, CheckStatus
from nereid.controller.decide.orders import CheckRun, exposure_id
from nereid.controller.decide.rollout.capacity import exposure_at
from nereid.controller.decide.rollout.state import Failure, RolloutState
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.plan.plan import Held, Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run: results for status, why the candidate failed (if it did), and a summary for an event."""

    status: ChecksStatus | None
    failure: Failure | None
    summary: str


def pending(plan: Plan, state: RolloutState) -> CheckRun | None:
    """Return the checks that the candidate has yet to pass before its step; None if there are none.

    A promotion by the user and the fast track skip them. Before the first step all checks run, before later steps those
    with `when: EachStep`.
    """
    if state.stable is None or state.candidate is None or state.is_fast or state.stage is Stage.PROMOTED_BY_USER:
        return None
    exposure = exposure_at(plan.rollout, state.step)
    last = state.checks
    # Known by what it gets, as steps may be edited: the step with this number may be another one by now.
    if last and last.exposure == exposure_id(exposure) and all(result.passed for result in last.results):
        return None
    is_first = not state.exposure.has_traffic
    items = tuple(check for check in plan.rollout.checks if is_first or check.when == "EachStep")
    if not items:
        return None
    return CheckRun(
        state.candidate, state.stable, state.attempt, state.step, exposure, items, plan.rollout.checks_timeout
    )


def due(plan: Plan, state: RolloutState) -> CheckRun | None:
    """Return the checks that are to run now."""
    runs = state.stage is Stage.RUNNING_CHECKS and not isinstance(plan, Held)
    return pending(plan, state) if runs else None


def outcome(run: CheckRun, facts: ChecksFacts | None) -> Outcome | None:
    """Return the outcome of a run; None while it is not over."""
    if facts is None or facts.run != run.id:
        return None
    if facts.failure is not None:
        return Outcome(None, Failure("ChecksNotRun", f"the checks could not be run: {facts.failure}"), "")
    if not facts.results:
        return None
    missing = {check.name for check in run.checks} - {result.name for result in facts.results}
    if missing:
        sentence = f"the check Job reported no result of {', '.join(sorted(missing))}"
        return Outcome(None, Failure("ChecksNotRun", sentence), "")
    results = [CheckStatus(name=item.name, passed=item.passed, message=item.message) for item in facts.results]
    status = ChecksStatus(step=run.step, exposure=exposure_id(run.exposure), results=results)
    failed = [result for result in results if not result.passed]
    summary = "; ".join(f"{result.name}: {result.message}" for result in failed or results)
    return Outcome(status, Failure("CheckFailed", summary, is_harmful=True) if failed else None, summary)

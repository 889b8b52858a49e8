"""Checks of a candidate before it gets more traffic: which are due, and their outcome."""

from dataclasses import dataclass
from typing import Final

from nereid.api.checks import SMOKE_CHECK
from nereid.api.rollout_stage import Stage
from nereid.api.status import ChecksStatus, CheckStatus
from nereid.controller.decide.orders import CheckRun, exposure_id
from nereid.controller.decide.rollout.capacity import next_exposure
from nereid.controller.decide.rollout.state import Failure, RolloutState
from nereid.controller.observed.check_results import ChecksFacts
from nereid.controller.plan.plan import Exposure, Held, Plan, RolloutPlan

# A check that nobody asked for may hold a rollout for this long, where its Job cannot run.
_OPTIONAL_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run: results for status, why the candidate failed (if it did), and a summary for an event.

    `is_known`: the checks were run, so that the results are those of the candidate.
    """

    status: ChecksStatus
    failure: Failure | None
    summary: str
    is_known: bool = True


def pending(plan: Plan, state: RolloutState) -> CheckRun | None:
    """Return the checks that the candidate has yet to pass before its step; None if there are none.

    A promotion by the user and the fast track skip them. Before the first step all checks run, before later steps those
    with `when: EachStep`; before the first revision gets traffic, those that need no stable one.
    """
    if state.candidate is None or state.is_fast or state.stage is Stage.PROMOTED_BY_USER:
        return None
    exposure = next_exposure(plan, state)
    if _has_passed(state, exposure):
        return None
    is_first = not state.exposure.has_traffic
    if state.stable is None and not is_first:
        return None
    rollout = plan.rollout
    items = tuple(
        check
        for check in rollout.checks
        if (is_first or check.when == "EachStep") and (state.stable is not None or not check.comparison)
    )
    smoke = is_first and (not items if rollout.smoke is None else rollout.smoke)
    if not items and not smoke:
        return None
    return CheckRun(
        state.candidate,
        state.stable or "",
        state.attempt,
        state.step,
        exposure,
        items,
        time_limit(rollout),
        smoke=smoke,
        is_optional=smoke and rollout.smoke is None,
    )


def time_limit(rollout: RolloutPlan) -> int:
    """Return how many seconds a run of checks may take."""
    is_optional = rollout.smoke is None and not rollout.checks
    return min(rollout.checks_timeout, _OPTIONAL_SECONDS) if is_optional else rollout.checks_timeout


def _has_passed(state: RolloutState, exposure: Exposure) -> bool:
    """Whether the last checks were those before this exposure: steps may be edited, so that their numbers change."""
    last = state.checks
    return bool(
        last is not None
        and last.exposure == exposure_id(exposure)
        and last.results
        and all(result.passed for result in last.results)
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
        return not_run(run, f"the checks could not be run: {facts.failure}")
    if not facts.results:
        return None
    missing = set(run.check_names) - {result.name for result in facts.results}
    if missing:
        return not_run(run, f"the check Job reported no result of {', '.join(sorted(missing))}")
    results = [CheckStatus(name=item.name, passed=item.passed, message=item.message) for item in facts.results]
    status = _recorded(run, results)
    failed = [result for result in results if not result.passed]
    summary = "; ".join(f"{result.name}: {result.message}" for result in failed or results)
    return Outcome(status, Failure("CheckFailed", summary, is_harmful=True) if failed else None, summary)


def not_run(run: CheckRun, cause: str) -> Outcome:
    """Return the outcome of checks that could not be completed: nobody knows whether the candidate is good.

    It is no reason to fail where nobody asked for a check: the rollout goes on as one without it, and tells so.
    """
    if not run.is_optional:
        return Outcome(_recorded(run, []), Failure("ChecksNotRun", cause), "")
    unknown = CheckStatus(name=SMOKE_CHECK, passed=True, message=f"unknown, as {cause}", unknown=True)
    return Outcome(_recorded(run, [unknown]), None, cause, is_known=False)


def _recorded(run: CheckRun, results: list[CheckStatus]) -> ChecksStatus:
    return ChecksStatus(step=run.step, exposure=exposure_id(run.exposure), run=run.id, results=results)

"""A run of checks: its start, its end, and what follows. The same before the first traffic of any revision."""

from datetime import datetime

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.orders import CheckRun
from nereid.controller.decide.rollout import checks
from nereid.controller.decide.rollout.state import Event, RolloutState, Transition, entered
from nereid.controller.decide.rollout.timing import is_over
from nereid.controller.observed.facts import Observed
from nereid.controller.plan.plan import Plan


def begun(run: CheckRun, state: RolloutState, now: datetime) -> Transition:
    """Start a run of checks."""
    event = Event(
        "Normal", "ChecksStarted", f"Checks of revision {state.candidate} start: {', '.join(run.check_names)}"
    )
    return entered(state, Stage.RUNNING_CHECKS, now), (event,)


def ended(run: CheckRun, plan: Plan, observed: Observed, state: RolloutState, now: datetime) -> checks.Outcome | None:
    """Return the outcome of a run, also of one that takes too long; None while it is not over."""
    outcome = checks.outcome(run, observed.checks)
    if outcome is not None or not is_over(plan, observed, state, now):
        return outcome
    cause = observed.why_not_running or "the Job did not finish"
    return checks.not_run(run, f"the checks did not finish within {run.timeout} s: {cause}")


def passed(outcome: checks.Outcome, state: RolloutState, now: datetime) -> Transition:
    """Go on after a run without a failure."""
    event = Event("Normal", "ChecksPassed", f"Revision {state.candidate} passed its checks: {outcome.summary}")
    if not outcome.is_known:
        sentence = f"Revision {state.candidate} gets traffic unchecked: {outcome.summary}"
        event = Event("Warning", "SmokeCheckNotRun", sentence)
    return entered(state, Stage.STARTING_PODS, now), (event,)

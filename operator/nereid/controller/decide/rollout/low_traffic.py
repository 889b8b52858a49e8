"""What moves a rollout on where too few requests come for the judge: weaker evidence, or checks alone.

- Of the default steps, which nobody has asked for, one is passed over if a pass cannot be earned there in time, by the
  requests that have come. The last one is not: the pass is to be earned there, where most requests come.
- `onInconclusive: ContinueIfClean` goes on at the deadline if the candidate's errors are shown to lie within the
  guard's ceiling, and no metric speaks against it.
- A model that may sleep, and that nobody asks, is rolled out on its checks alone, as it could not sleep before.

All of it follows from state and facts, so that nothing has to be remembered.
"""

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.judge.summary import requests_for_pass
from nereid.controller.decide.rollout import verdicts
from nereid.controller.decide.rollout.analysis_state import AnalysisState
from nereid.controller.decide.rollout.routing import describe
from nereid.controller.decide.rollout.scaling import lacks_activator
from nereid.controller.decide.rollout.state import Event, RolloutState
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.sample import ERRORS
from nereid.controller.plan.plan import Plan


def is_enough(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether the candidate may leave its step once the hold is over, though it has not earned a pass there."""
    return _is_passed_over(plan, state) or relies_on_checks(plan, observed, state)


def is_clean(plan: Plan, state: RolloutState) -> bool:
    """Whether undecided evidence is good enough at the deadline, if the spec says `ContinueIfClean`."""
    judged, analysis = state.analysis, plan.rollout.analysis
    if analysis.on_inconclusive != "ContinueIfClean" or judged is None or not _speaks_for_it(state, judged):
        return False
    if not all(query.passed for query in judged.queries):
        return False
    return ERRORS in judged.evidence and not verdicts.lacking(analysis, state, judged.evidence)


def relies_on_checks(plan: Plan, observed: Observed, state: RolloutState) -> bool:
    """Whether the candidate gets all traffic on its checks alone: the model would sleep if it were not rolled out.

    Not where a person is to decide, at a gate, or where evidence is asked for; and not if any request to the candidate
    was bad, or its checks could not be run. Once somebody asks the model, the candidate is judged as any other.
    """
    rollout = plan.rollout
    if not _may_sleep(plan) or lacks_activator(plan):
        return False
    if rollout.strategy != "Canary" or any(step.hold is None for step in rollout.steps):
        return False
    if rollout.analysis.provider == "None" or rollout.analysis.on_inconclusive == "Rollback":
        return False
    # The candidate's own scaler counts the requests of its checks, too.
    return observed.of(state.stable).is_idle and not _has_bad_requests(state) and _has_checks(plan, state)


def moved_on(plan: Plan, observed: Observed, state: RolloutState) -> tuple[Event, ...]:
    """Return the event that tells why the candidate leaves a step at which it has not earned a pass."""
    if relies_on_checks(plan, observed, state):
        return ()  # It is told with the step that it goes to.
    counted = state.analysis.evidence[ERRORS].candidate if state.analysis else None
    seen = verdicts.share(counted) if counted else "no requests"
    if _is_passed_over(plan, state):
        cause = (
            f"{seen} failed, too few come for a pass there, and nothing speaks against it: it is to be earned at "
            "the next step"
        )
    else:
        cause = (
            f"{seen} failed, which is within the guard's ceiling, and nothing speaks against it; too few came for a "
            "pass (onInconclusive ContinueIfClean)"
        )
    return (Event("Normal", "LowTraffic", f"Revision {state.candidate} goes on from {describe(state)}: {cause}"),)


def skipped(plan: Plan, observed: Observed, state: RolloutState, step: int) -> tuple[Event, ...]:
    """Return the event that tells why the candidate goes to a step, if that is for lack of requests."""
    steps = len(plan.rollout.steps)
    if state.is_fast or steps not in {step, state.step} or not _may_sleep(plan):
        return ()
    if relies_on_checks(plan, observed, state):
        sentence = (
            f"Nobody asks the model, which is to sleep: revision {state.candidate} gets all traffic as soon as it has "
            "passed its checks"
        )
        return (Event("Normal", "JudgedByChecks", sentence),)
    sentence = f"The model is asked, or it cannot be told: revision {state.candidate} goes through its steps"
    return (Event("Normal", "JudgedBySteps", sentence),) if step < steps else ()


def _is_passed_over(plan: Plan, state: RolloutState) -> bool:
    """Whether the requests so far say that a pass cannot be earned at this step in time."""
    rollout, judged = plan.rollout, state.analysis
    if not rollout.is_auto or judged is None or state.step >= len(rollout.steps) - 1:
        return False
    if not verdicts.has_control(state) or not _speaks_for_it(state, judged) or ERRORS not in judged.evidence:
        return False
    known = judged.evidence[ERRORS]
    requests, hold = known.candidate.requests, rollout.steps[state.step].hold
    if hold is None or requests < rollout.analysis.guard.min_requests:
        return False
    needed = requests_for_pass(known.margins, verdicts.limits(rollout.analysis, state.trial))
    counted = (judged.sampled_at - state.since).total_seconds()
    return needed is None or counted * needed > requests * (hold + rollout.deadline_at(state.step))


def _speaks_for_it(state: RolloutState, judged: AnalysisState) -> bool:
    """Whether requests were counted at this step, and nothing of what is known speaks against the candidate."""
    if judged.errors or judged.sampled_at <= state.since or (judged.share and judged.share.is_off):
        return False
    if any(query.passed is False for query in judged.queries):
        return False
    return all(one.failing.log_value <= 0 for one in judged.evidence.values())


def _may_sleep(plan: Plan) -> bool:
    return plan.autoscaling is not None and plan.autoscaling.may_sleep


def _has_bad_requests(state: RolloutState) -> bool:
    return state.analysis is not None and any(one.candidate.errors for one in state.analysis.evidence.values())


def _has_checks(plan: Plan, state: RolloutState) -> bool:
    """Whether the candidate has passed checks; before they have run, whether there are any."""
    last = state.checks
    if last is None or not last.results:
        before_traffic = not state.exposure.has_traffic and state.stage is not Stage.PROMOTED_BY_USER
        return before_traffic and (bool(plan.rollout.checks) or plan.rollout.smoke is not False)
    return all(result.passed and not result.unknown for result in last.results)

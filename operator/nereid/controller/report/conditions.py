"""The conditions of a ModelDeployment, each a function of the same ReportInput."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout_stage import Stage
from nereid.api.status import AnalysisStatus, Condition, ModelDeploymentStatus, ResolutionFailure, rfc3339
from nereid.contract.sentence import as_sentence
from nereid.controller.decide.decide import Orders
from nereid.controller.decide.rollout.gates import is_gate_amid
from nereid.controller.decide.rollout.routing import describe, is_gated
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_problem
from nereid.controller.decide.rollout.settling import is_at_rest
from nereid.controller.decide.rollout.stage import PREPARING, ROLLING_BACK, WAITING
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.decide.rollout.timing import deadline
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.decide.source.tagging import Tagging
from nereid.controller.observed.authors import Author
from nereid.controller.observed.facts import Observed, Problem, RevisionObserved
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Held, Plan, Specified
from nereid.controller.plan.rollout_plan import END_OF_BAKE
from nereid.controller.report.analysis import analysis_status
from nereid.controller.report.kept_log import kept_log
from nereid.controller.report.lacking_pods import lacking_pods, waiting_for_places
from nereid.controller.report.memory import problem_of, standing
from nereid.controller.report.queries import QUERIES_NOT_ALLOWED, queries_not_allowed
from nereid.controller.report.route_effect import retiring_problem, routes_problem, share_problem
from nereid.controller.report.route_effect import verdicts as traffic_verdicts
from nereid.controller.report.source import model_changed, model_resolved, registry_tagged
from nereid.controller.report.verdict import Verdict, dated, rejected_verdict
from nereid.controller.report.webhooks import FAILING, awaiting_approval, failing_webhook

_UNTIL_KNOWN: Final = " until it is known what the spec asks for"


@dataclass(frozen=True)
class ReportInput:
    """All that a report is made from.

    `problems` are children that could not be applied. `resolution` is the state of a model URI that has to be resolved,
    and `tagging` that of a registry that is tagged. `author` is who last changed the model in the spec. `is_applied`:
    whether `observed` is what came of applying; `previous` are the conditions before. `callers`: why all recent
    requests to stable fail, if they do.
    """

    plan: Plan
    decision: Decision
    observed: Observed
    problems: Sequence[Problem]
    resolution: Resolution | None = None
    tagging: Tagging | None = None
    author: Author | None = None
    is_applied: bool = False
    previous: Sequence[Condition] = ()
    callers: Problem | None = None

    @property
    def route_problem(self) -> Problem | None:
        """Why the routes have no effect, as far as that shows without the clock."""
        state = self.decision.state
        if self.first_problem:
            return share_problem(state)
        not_as_applied = routes_problem(self.plan, self.observed, state, self.previous, is_applied=self.is_applied)
        return not_as_applied or share_problem(state)

    @property
    def lacking_pods(self) -> Problem | None:
        """Which pods the last move forward, or a move back, waits for."""
        return lacking_pods(self.plan, self.observed, self.decision.state)

    @property
    def first_problem(self) -> Problem | None:
        """What keeps the spec from being carried out: children that could not be applied, then routes."""
        return next(iter((*self.problems, *self.plan.route_problems)), None)

    @cached_property
    def analysis(self) -> AnalysisStatus | None:
        """The status of the analysis; computed once, as several sentences use it and forecasting is slow."""
        return analysis_status(self.plan, self.decision.state)

    @property
    def stable(self) -> RevisionObserved:
        """The observed stable revision."""
        return self.observed.of(self.decision.state.stable)

    @property
    def candidate(self) -> RevisionObserved:
        """The observed candidate."""
        return self.observed.of(self.decision.state.candidate)

    @property
    def serving(self) -> RevisionObserved:
        """The observed revision that serves: stable, or the first candidate if there is no stable one."""
        return self.observed.of(self.decision.live[0].revision)


def expected(plan: Plan, orders: Orders, situation: Situation) -> ReportInput:
    """Return the input of the report before anything is applied: earlier problems stand until the next attempt."""
    resolution, children = orders.resolution, standing(situation.status, "Children")
    if resolution and resolution.job:
        resolution = replace(resolution, apply_problem=standing(situation.status, "SourceJobs"))
    return ReportInput(
        plan,
        orders.decision,
        orders.observed,
        problems=(children,) if children else (),
        resolution=resolution,
        tagging=orders.tagging,
        author=situation.subject.author,
        previous=tuple(situation.status.conditions),
        callers=situation.callers,
    )


def with_apply_problems(report_input: ReportInput, apply_problems: Sequence[Problem]) -> ReportInput:
    """Return the input with the problems of Jobs that contact the model's source, if any could not be created."""
    if not apply_problems:
        return report_input
    resolution, tagging, first = report_input.resolution, report_input.tagging, apply_problems[0]
    if resolution and resolution.job:
        resolution = replace(resolution, apply_problem=first)
    if tagging and tagging.jobs:
        tagging = replace(tagging, failure=ResolutionFailure(reason=first.reason, message=first.message))
    return replace(report_input, resolution=resolution, tagging=tagging)


def spec_valid(report_input: ReportInput) -> Verdict:
    """Return condition SpecValid. For a spec that cannot even be parsed, see `report.status.invalid`."""
    plan = report_input.plan
    if isinstance(plan, Held) and plan.rejection:
        return rejected_verdict(plan.rejection, plan.reason)
    if isinstance(plan, Specified) and plan.tolerated:
        kept = f"Revision {plan.revision} goes on as it runs, and a new one would be rejected: {plan.tolerated}"
        return Verdict("True", "RunsBeyondPolicy", as_sentence(kept))
    return Verdict("True", "Valid", "The spec is valid")


def held_verdict(report_input: ReportInput) -> Verdict | None:
    """Return why the spec cannot be carried out yet while another revision serves in its place; None if it can."""
    if not isinstance(report_input.plan, Held):
        return None
    if report_input.plan.rejection:
        return spec_valid(report_input)
    if report_input.resolution:
        resolved = model_resolved(report_input.resolution)
        return Verdict("False", resolved.reason, resolved.message)
    return None


def available(report_input: ReportInput) -> Verdict:
    """Return condition Available: whether requests are answered, by a sleeping model once it has woken up."""
    state = report_input.decision.state
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if state.stable is None and not state.exposure.has_traffic:
        return Verdict("False", "FirstRevisionPending", rollout_message(report_input))
    if report_input.serving.available:
        return Verdict("True", "ReplicasAvailable", f"Revision {report_input.decision.live[0].revision} serves")
    if state.stable is None:
        late = report_input.candidate.late_endpoints
        sentence = f"First revision: {late}" if late else "The first revision has no ready pod yet"
        return Verdict("False", "FirstRevisionPending", sentence)
    late = report_input.stable.late_endpoints
    sentence = f"Stable revision {state.stable}: {late}" if late else f"Stable revision {state.stable} has no ready pod"
    return Verdict("False", "NoReadyReplica", sentence)


def progressing(report_input: ReportInput) -> Verdict:
    """Return condition Progressing: whether a rollout is in progress, and at which stage."""
    state = report_input.decision.state
    moving = (state.candidate is not None and state.stage is not Stage.FAILED) or state.stage in ROLLING_BACK
    return Verdict("True" if moving else "False", state.phase, rollout_message(report_input))


def rollout_passed(report_input: ReportInput) -> Verdict:
    """Return condition RolloutPassed: how the last rollout ended."""
    state = report_input.decision.state
    if cause := held_verdict(report_input):
        return Verdict("Unknown", cause.reason, cause.message)
    if state.failed:
        return Verdict("False", state.failed.reason, state.failed.message)
    if found := _found_in_first_bake(state):
        return Verdict("False", found.reason, found.message)
    if state.candidate:
        return Verdict("Unknown", "RolloutInProgress", f"The rollout of revision {state.candidate} is in progress")
    return Verdict("True", "StableIsWanted", f"Revision {state.stable} is stable")


def ready(report_input: ReportInput) -> Verdict:
    """Return condition Ready: whether the revision of the spec serves with all its pods or, if not, the main cause."""
    state = report_input.decision.state
    if problem := report_input.first_problem:
        return Verdict("False", problem.reason, problem.message)
    if cause := held_verdict(report_input):
        # Whatever serves, it is not what the spec asks for.
        return cause
    if problem := report_input.lacking_pods or main_problem(report_input):
        return Verdict("False", problem.reason, problem.message)
    if state.stable is None:
        return Verdict("False", "FirstRevisionPending", rollout_message(report_input))
    if state.candidate or state.stage in ROLLING_BACK:
        return Verdict("False", "RolloutInProgress", rollout_message(report_input))
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if report_input.stable.available < report_input.plan.replicas:
        count = f"{report_input.stable.available} of {report_input.plan.replicas}"
        return Verdict("False", "ReplicasNotReady", f"{count} pods of revision {state.stable} are ready")
    return Verdict("True", "Serving", f"Revision {state.stable} serves with all its pods")


def scaling(report_input: ReportInput) -> Verdict:
    """Return condition Scaling: whether the number of pods follows the metrics of the spec."""
    autoscaling, state = report_input.plan.autoscaling, report_input.decision.state
    if problem := scaling_problem(report_input.plan, report_input.observed):
        return Verdict("False", problem.reason, problem.message)
    scaler = report_input.serving.scaler
    if scaler and scaler.problem:
        return Verdict("False", scaler.problem.reason, f"{scaler.problem.message}: existing pods are kept")
    if lacks_activator(report_input.plan):
        return Verdict(
            "False", "ActivatorNotInstalled", "minReplicas: 0 needs the activator: set activator.enabled in the chart"
        )
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if autoscaling is None or report_input.decision.live[0].scale is None:
        return Verdict("Unknown", "RolloutInProgress", "With surge 0, nothing is scaled while a rollout is in progress")
    if scaler is None or scaler.works is None:
        return Verdict("Unknown", "ScalerStarting", "The scaler has not measured anything yet")
    metrics = ", ".join(f"{metric.type} {metric.target:g}" for metric in autoscaling.metrics)
    return Verdict("True", "ScalerActive", f"The number of pods follows {metrics}, up to {autoscaling.maximum}")


def _sleep_message(report_input: ReportInput) -> str:
    state = report_input.decision.state
    match state.sleep and state.sleep.state:
        case "FallingAsleep":
            return f"No requests to revision {state.stable}: its pods are about to be removed"
        case "Waking":
            return f"Revision {state.stable} is waking up: requests wait for its first pod"
        case _:
            return f"Revision {state.stable} is asleep: the next request starts its first pod and waits for it"


def main_problem(report_input: ReportInput) -> Problem | None:
    """Return the problem to look at first, if any: of applying, of the candidate, of the rollout, of stable."""
    state = report_input.decision.state
    if problem := report_input.first_problem:
        return problem
    if state.candidate and report_input.candidate.problem:
        problem = report_input.candidate.problem
        role = "Candidate" if state.stable else "First"
        return Problem(problem.reason, f"{role} revision {state.candidate}: {problem.message}")
    if state.failed:
        return Problem(state.failed.reason, _failure_sentence(report_input))
    if found := _found_in_first_bake(state):
        return found
    is_asleep = state.sleep is not None and state.sleep.state == "Asleep"
    if (
        state.stable
        and report_input.stable.problem
        and report_input.stable.available < report_input.plan.replicas
        and not is_asleep
    ):
        problem = report_input.stable.problem
        return Problem(problem.reason, f"Stable revision {state.stable}: {problem.message}")
    return report_input.callers if is_at_rest(state) and not is_gated(state) else None


def _found_in_first_bake(state: RolloutState) -> Problem | None:
    """Return what the bake of the first revision has found, if it has."""
    failure = state.first_bake.failure if state.first_bake else None
    if failure is None:
        return None
    until = "this is told until it was fine for as long as a bake takes"
    sentence = f"First revision {state.stable}: {failure.message.rstrip('.')}. There is none to go back to: {until}"
    return Problem(failure.reason, sentence)


def rollout_message(report_input: ReportInput) -> str:
    """Return a sentence about the stage of the rollout and what it waits for."""
    state, steps = report_input.decision.state, report_input.plan.rollout.steps
    place = f"step {state.step + 1} of {len(steps)}" if state.step < len(steps) else "the last move, to 100%"
    gets = f"Candidate {state.candidate} gets {describe(state)}"
    match state.stage:
        case stage if stage in PREPARING:
            return _preparation(report_input, gets, place)
        case _ if problem := report_input.route_problem:
            return f"{gets}: {problem.message}" if state.candidate else problem.message
        case _ if lacking := report_input.lacking_pods:
            return lacking.message
        case Stage.PROPAGATING | Stage.PROMOTING:
            return f"Waiting for the proxies to receive the route: {gets[0].lower()}{gets[1:]}, {place}"
        case Stage.BAKING:
            return _bake(report_input, gets)
        case Stage.HOLDING | Stage.ANALYZING:
            judged = f", {place}. {_evidence(report_input)}"
            return f"{gets}{judged if state.stage is Stage.ANALYZING else f': {place}'}"
        case stage if stage in WAITING:
            return f"{gets} and waits{_pause_cause(report_input)}"
        case Stage.ROLLING_BACK:
            return f"All traffic returns to stable revision {state.stable}"
        case Stage.FAILED:
            return _failure_sentence(report_input)
        case _:
            log = kept_log(report_input.plan, state)
            return f"Revision {state.stable} is stable and gets all traffic{_pin(state)}{log and f'. {log}'}"


def _bake(report_input: ReportInput, gets: str) -> str:
    plan, state = report_input.plan, report_input.decision.state
    kept = f"{gets}, and stable revision {state.stable} keeps its pods to take it back at once"
    if isinstance(plan, Held):
        return f"{kept}{_UNTIL_KNOWN}"
    if plan.rollout.paused:
        return f"{kept} while spec.rollout.paused is true"
    promote = f"nereid.dev/promote={state.candidate}/{state.attempt}{END_OF_BAKE}"
    judged = f". {_evidence(report_input)}" if state.analysis else ""
    end = f"kubectl annotate mdep {plan.owner.name} --overwrite {promote}"
    return f"{kept} for {plan.rollout.bake:.0f} s, the bake{judged}. To end it: {end}"


def _preparation(report_input: ReportInput, gets: str, place: str) -> str:
    state = report_input.decision.state
    if state.stable is None:
        does = "is being checked before any traffic" if state.stage is Stage.RUNNING_CHECKS else "is starting its pods"
        return f"The first revision, {state.candidate}, {does}"
    match state.stage:
        case Stage.PREPARATION_PAUSED:
            return f"{gets} and waits: spec.rollout.paused is true"
        case Stage.PREPARATION_HELD:
            return f"{gets} and waits{_UNTIL_KNOWN}"
        case Stage.NO_PLACE:
            change = "set spec.rollout.allowDowntime, or scale to two replicas"
            return f"Candidate {state.candidate} cannot start, as surge is 0 and stable's only pod is needed: {change}"
        case Stage.OUTSIDE_WINDOW:
            opens = deadline(report_input.plan, report_input.observed, state)
            when = f": the next one opens at {rfc3339(opens)}" if opens else ""
            return f"{gets} and waits for a window of spec.rollout.windows before {place}{when}"
        case Stage.RUNNING_CHECKS:
            return f"Candidate {state.candidate} is being checked before {place}"
        case Stage.AWAITING_APPROVAL:
            return f"{gets} and waits {awaiting_approval(report_input.plan, state)} before {place}"
        case _:
            late = report_input.candidate.late_endpoints
            starts = f"Candidate {state.candidate} is starting its pods for {place}{f': {late}' if late else ''}"
            return waiting_for_places(report_input.plan, state) or starts


def _pin(state: RolloutState) -> str:
    return (
        f", pinned by hand until the spec asks for another revision than {state.pinned.instead_of}"
        if state.pinned
        else ""
    )


def _pause_cause(report_input: ReportInput) -> str:
    state = report_input.decision.state
    attempt = f"/{state.attempt}" if state.attempt > 1 else ""
    name = report_input.plan.owner.name
    promote = f"kubectl annotate mdep {name} --overwrite nereid.dev/promote={state.candidate}{attempt}"
    match state.stage:
        case Stage.STEP_PAUSED:
            return ": spec.rollout.paused is true"
        case Stage.STEP_HELD:
            return _UNTIL_KNOWN
        case Stage.INCONCLUSIVE:
            return f", as the evidence is undecided. {_evidence(report_input)}. To go on without it: {promote}"
        case Stage.METRICS_UNAVAILABLE:
            return f" until metrics are available again. {_evidence(report_input)}"
        case _ if is_gate_amid(report_input.plan.rollout, state.step):
            gate = f"{promote.removesuffix(attempt)}/{state.attempt}/{state.step}"
            return f" for a promotion. To the next step: {gate}. To the end: the same with {state.candidate}{attempt}"
        case _:
            return f" for a promotion: {promote}"


def _evidence(report_input: ReportInput) -> str:
    return report_input.analysis.message if report_input.analysis else "No requests have been counted yet"


def _failure_sentence(report_input: ReportInput) -> str:
    failed, stable = report_input.decision.state.failed, report_input.decision.state.stable
    if failed is None:
        return f"Revision {stable} is stable and gets all traffic"
    attempt = f"/{failed.attempt}" if failed.attempt > 1 else ""
    if stable is None:
        return (
            f"First revision {failed.revision} gets no traffic: {failed.message.rstrip('.')}. Change the spec, "
            f"spec.rollout.checks if the check is wrong, or try again with annotation "
            f"nereid.dev/retry={failed.revision}{attempt}"
        )
    log = kept_log(report_input.plan, report_input.decision.state)
    return (
        f"Revision {failed.revision} was rolled back, stable revision {stable} serves: {failed.message.rstrip('.')}. "
        f"Change the spec, or try again with annotation nereid.dev/retry={failed.revision}{attempt}{log and f'. {log}'}"
    )


_CONDITIONS: Final = {
    "Ready": ready,
    "Available": available,
    "Progressing": progressing,
    "RolloutPassed": rollout_passed,
    "SpecValid": spec_valid,
}


def conditions(
    report_input: ReportInput,
    provenance: Mapping[str, ObservedProvenance],
    previous: ModelDeploymentStatus,
    now: datetime,
) -> list[Condition]:
    """Return all conditions; one whose status is as before keeps the time of its last transition.

    `provenance` is that of the revisions' models, by revision.
    """
    verdicts = {kind: verdict(report_input) for kind, verdict in _CONDITIONS.items()}
    if report_input.plan.autoscaling:
        verdicts["Scaling"] = scaling(report_input)
    if report_input.resolution:
        verdicts["ModelResolved"] = model_resolved(report_input.resolution)
    if report_input.tagging:
        verdicts["RegistryTagged"] = registry_tagged(report_input.tagging, problem_of(previous, "Registry"))
    state = report_input.decision.state
    route = report_input.route_problem or retiring_problem(report_input.plan, state, now)
    verdicts |= traffic_verdicts(route, state)
    if failing := failing_webhook(report_input.plan, state):
        verdicts[FAILING] = failing
    if not_allowed := queries_not_allowed(report_input.plan):
        verdicts[QUERIES_NOT_ALLOWED] = not_allowed
    if changed := model_changed(provenance, report_input.observed):
        verdicts["ModelChanged"] = changed
    return dated(verdicts, previous.conditions, report_input.plan.owner.generation, now)

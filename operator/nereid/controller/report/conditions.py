"""The conditions of a ModelDeployment, each a function of the same ReportInput."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout_stage import Stage
from nereid.api.status import AnalysisStatus, Condition, ModelDeploymentStatus, ResolutionFailure, rfc3339
from nereid.controller.decide.decide import Orders
from nereid.controller.decide.rollout.capacity import lacks_pods, pods_needed
from nereid.controller.decide.rollout.draining import draining, is_overdue
from nereid.controller.decide.rollout.routing import describe, is_gated
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_problem
from nereid.controller.decide.rollout.stage import PREPARING, ROLLING_BACK, WAITING
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.decide.source.tagging import Tagging
from nereid.controller.observed.authors import Author
from nereid.controller.observed.facts import Observed, Problem, RevisionObserved
from nereid.controller.observed.situation import Situation
from nereid.controller.plan.plan import Held, Plan
from nereid.controller.report.analysis import analysis_status
from nereid.controller.report.memory import problem_of, standing
from nereid.controller.report.source import model_changed, model_resolved, registry_tagged
from nereid.controller.report.verdict import Verdict, dated, rejected_verdict

_UNTIL_PODS: Final = "stable's pods are kept until all are"
_UNTIL_KNOWN: Final = " until it is known what the spec asks for"


@dataclass(frozen=True)
class ReportInput:
    """All that a report is made from.

    `problems` are children that could not be applied. `resolution` is the state of a model URI that has to be resolved,
    and `tagging` that of a registry that is tagged. `author` is who last changed the model in the spec.
    """

    plan: Plan
    decision: Decision
    observed: Observed
    problems: Sequence[Problem]
    resolution: Resolution | None = None
    tagging: Tagging | None = None
    author: Author | None = None

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
    rejection = report_input.plan.rejection if isinstance(report_input.plan, Held) else None
    return rejected_verdict(rejection) if rejection else Verdict("True", "Valid", "The spec is valid")


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
    if is_gated(report_input.decision.state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if report_input.serving.available:
        return Verdict("True", "ReplicasAvailable", f"Revision {report_input.decision.live[0].revision} serves")
    if report_input.decision.state.stable is None:
        return Verdict("False", "FirstRevisionPending", "The first revision has no ready pod yet")
    return Verdict("False", "NoReadyReplica", f"Stable revision {report_input.decision.state.stable} has no ready pod")


def progressing(report_input: ReportInput) -> Verdict:
    """Return condition Progressing: whether a rollout is in progress, and at which stage."""
    state = report_input.decision.state
    moving = state.candidate is not None or state.stage in ROLLING_BACK
    return Verdict("True" if moving else "False", state.phase, rollout_message(report_input))


def rollout_passed(report_input: ReportInput) -> Verdict:
    """Return condition RolloutPassed: how the last rollout ended."""
    state = report_input.decision.state
    if cause := held_verdict(report_input):
        return Verdict("Unknown", cause.reason, cause.message)
    if state.failed:
        return Verdict("False", state.failed.reason, state.failed.message)
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
    if problem := main_problem(report_input):
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
    is_asleep = state.sleep is not None and state.sleep.state == "Asleep"
    if (
        state.stable
        and report_input.stable.problem
        and report_input.stable.available < report_input.plan.replicas
        and not is_asleep
    ):
        problem = report_input.stable.problem
        return Problem(problem.reason, f"Stable revision {state.stable}: {problem.message}")
    return None


def rollout_message(report_input: ReportInput) -> str:
    """Return a sentence about the stage of the rollout and what it waits for."""
    state, steps = report_input.decision.state, report_input.plan.rollout.steps
    place = f"step {state.step + 1} of {len(steps)}" if state.step < len(steps) else "the last move, to 100%"
    gets = f"Candidate {state.candidate} gets {describe(state)}"
    match state.stage:
        case stage if stage in PREPARING:
            return _preparation(state, gets, place)
        case Stage.PROMOTING if lacks_pods(report_input.plan, report_input.observed, state):
            return f"{gets}, and {_pods_ready(report_input)}: {_UNTIL_PODS}"
        case Stage.PROPAGATING | Stage.PROMOTING:
            return f"Waiting for the proxies to receive the route: {gets[0].lower()}{gets[1:]}, {place}"
        case Stage.HOLDING:
            return f"{gets}: {place}"
        case Stage.ANALYZING:
            return f"{gets}, {place}. {_evidence(report_input)}"
        case stage if stage in WAITING:
            return f"{gets} and waits{_pause_cause(report_input)}"
        case Stage.RETREATING:
            until = f"{gets[0].lower()}{gets[1:]} until it has them"
            return f"Stable revision {state.stable} has too few pods for all traffic: {until}"
        case Stage.ROLLING_BACK:
            return f"All traffic returns to stable revision {state.stable}"
        case Stage.FAILED:
            return _failure_sentence(report_input)
        case _:
            return f"Revision {state.stable} is stable and gets all traffic{_pin(state)}"


def _pods_ready(report_input: ReportInput) -> str:
    needed = pods_needed(report_input.plan, report_input.decision.state)
    return f"{report_input.candidate.available} of the {needed} pods that it needs are ready"


def drained(report_input: ReportInput) -> Verdict | None:
    """Return condition Drained: what still gets requests long after its traffic was to end; None if nothing does."""
    rollout, state = report_input.plan.rollout, report_input.decision.state
    overdue = [retiring for retiring in draining(state) if is_overdue(rollout, retiring)]
    if not overdue:
        return None
    names = ", ".join(retiring.revision for retiring in overdue)
    last = max(retiring.requested_at for retiring in overdue if retiring.requested_at)
    cause = "look for a VirtualService or a proxy that does not follow the route, and for clients of its own Service"
    return Verdict(
        "False",
        "StillGetsRequests",
        f"Revision {names} gets no traffic by the routes, but has answered new requests until {rfc3339(last)}: its "
        f"pods are kept for as long as requests come; {cause}",
    )


def _preparation(state: RolloutState, gets: str, place: str) -> str:
    if state.stable is None:
        return f"The first revision, {state.candidate}, is starting its pods"
    match state.stage:
        case Stage.PREPARATION_PAUSED:
            return f"{gets} and waits: spec.rollout.paused is true"
        case Stage.PREPARATION_HELD:
            return f"{gets} and waits{_UNTIL_KNOWN}"
        case Stage.NO_PLACE:
            change = "set spec.rollout.allowDowntime, or scale to two replicas"
            return f"Candidate {state.candidate} cannot start, as surge is 0 and stable's only pod is needed: {change}"
        case Stage.RUNNING_CHECKS:
            return f"Candidate {state.candidate} is being checked before {place}"
        case _:
            return f"Candidate {state.candidate} is starting its pods for {place}"


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
        case _:
            return f" for a promotion: {promote}"


def _evidence(report_input: ReportInput) -> str:
    return report_input.analysis.message if report_input.analysis else "No requests have been counted yet"


def _failure_sentence(report_input: ReportInput) -> str:
    failed, stable = report_input.decision.state.failed, report_input.decision.state.stable
    if failed is None:
        return f"Revision {stable} is stable and gets all traffic"
    attempt = f"/{failed.attempt}" if failed.attempt > 1 else ""
    return (
        f"Revision {failed.revision} was rolled back, stable revision {stable} serves: {failed.message.rstrip('.')}. "
        f"Change the spec, or try again with annotation nereid.dev/retry={failed.revision}{attempt}"
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
    if undrained := drained(report_input):
        verdicts["Drained"] = undrained
    if changed := model_changed(provenance, report_input.observed):
        verdicts["ModelChanged"] = changed
    return dated(verdicts, previous.conditions, report_input.plan.owner.generation, now)

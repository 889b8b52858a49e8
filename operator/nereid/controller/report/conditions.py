"""The conditions of a ModelDeployment, each a function of the same report_input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout_stage import Stage
from nereid.api.status import AnalysisStatus, Condition, ModelDeploymentStatus, ResolutionFailure
from nereid.controller.decide.decide import Orders
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
from nereid.controller.report.verdict import Verdict, dated, refused

_UNTIL_KNOWN: Final = " until it is known what the spec asks for"


@dataclass(frozen=True)
class ReportInput:
    """All that a report is made from.

    `problems` are children that could not be applied. `resolution` is what is known of a URI that is looked up, and
    `tagging` what the registry is told, where it is. `author` is who last changed the model in the spec.
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
        """What the judge knows; made once, as several sentences tell of it and forecasting takes its time."""
        return analysis_status(self.plan, self.decision.state)

    @property
    def stable(self) -> RevisionObserved:
        """What is seen of the stable revision."""
        return self.observed.of(self.decision.state.stable)

    @property
    def candidate(self) -> RevisionObserved:
        """What is seen of the candidate."""
        return self.observed.of(self.decision.state.candidate)

    @property
    def serving(self) -> RevisionObserved:
        """What is seen of the revision that serves: stable, or the first candidate while there is none."""
        return self.observed.of(self.decision.live[0].revision)


def expected(plan: Plan, orders: Orders, situation: Situation) -> ReportInput:
    """Return what to report before anything is applied: earlier problems stand until they have been tried again."""
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


def with_refusals(report_input: ReportInput, refusals: Sequence[Problem]) -> ReportInput:
    """Return the input with the problems of the Jobs that query the model's source, if any could not be made."""
    if not refusals:
        return report_input
    resolution, tagging, first = report_input.resolution, report_input.tagging, refusals[0]
    if resolution and resolution.job:
        resolution = replace(resolution, apply_problem=first)
    if tagging and tagging.jobs:
        tagging = replace(tagging, failure=ResolutionFailure(reason=first.reason, message=first.message))
    return replace(report_input, resolution=resolution, tagging=tagging)


def spec_valid(report_input: ReportInput) -> Verdict:
    """Tell whether the spec can be carried out; of one that cannot even be read, `report.status.invalid` tells."""
    refusal = report_input.plan.rejection if isinstance(report_input.plan, Held) else None
    return refused(refusal) if refusal else Verdict("True", "Valid", "The spec is valid")


def held(report_input: ReportInput) -> Verdict | None:
    """Return why it is not known which revision the spec asks for, while another goes on in its place; else None."""
    if not isinstance(report_input.plan, Held):
        return None
    if report_input.plan.rejection:
        return spec_valid(report_input)
    if report_input.resolution:
        told = model_resolved(report_input.resolution)
        return Verdict("False", told.reason, told.message)
    return None


def available(report_input: ReportInput) -> Verdict:
    """Tell whether requests are answered at all; those to a sleeping model are, once it has woken up."""
    if is_gated(report_input.decision.state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if report_input.serving.available:
        return Verdict("True", "ReplicasAvailable", f"Revision {report_input.decision.live[0].revision} serves")
    if report_input.decision.state.stable is None:
        return Verdict("False", "FirstRevisionPending", "The first revision has no ready pod yet")
    return Verdict("False", "NoReadyReplica", f"Stable revision {report_input.decision.state.stable} has no ready pod")


def progressing(report_input: ReportInput) -> Verdict:
    """Tell whether a rollout is under way, and where it is."""
    state = report_input.decision.state
    moving = state.candidate is not None or state.stage in ROLLING_BACK
    return Verdict("True" if moving else "False", state.phase, rollout_message(report_input))


def rollout_passed(report_input: ReportInput) -> Verdict:
    """Tell how the last rollout ended."""
    state = report_input.decision.state
    if cause := held(report_input):
        return Verdict("Unknown", cause.reason, cause.message)
    if state.failed:
        return Verdict("False", state.failed.reason, state.failed.message)
    if state.candidate:
        return Verdict("Unknown", "RolloutInProgress", f"The rollout of revision {state.candidate} is under way")
    return Verdict("True", "StableIsWanted", f"Revision {state.stable} is stable")


def ready(report_input: ReportInput) -> Verdict:
    """Tell whether what the spec asks for is what serves, with all its pods; if not, the most telling cause."""
    state = report_input.decision.state
    if problem := report_input.first_problem:
        return Verdict("False", problem.reason, problem.message)
    if cause := held(report_input):
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
    """Tell whether the number of pods follows what the spec names."""
    wanted, state = report_input.plan.autoscaling, report_input.decision.state
    if found := scaling_problem(report_input.plan, report_input.observed):
        return Verdict("False", found.reason, found.message)
    scaler = report_input.serving.scaler
    if scaler and scaler.problem:
        return Verdict("False", scaler.problem.reason, f"{scaler.problem.message}: the pods that there are stay")
    if lacks_activator(report_input.plan):
        return Verdict(
            "False", "ActivatorNotInstalled", "minReplicas: 0 needs the activator: set activator.enabled in the chart"
        )
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(report_input))
    if wanted is None or report_input.decision.live[0].scale is None:
        return Verdict("Unknown", "RolloutInProgress", "With surge 0, nothing is scaled while a rollout runs")
    if scaler is None or scaler.works is None:
        return Verdict("Unknown", "ScalerStarting", "The scaler has not measured anything yet")
    followed = ", ".join(f"{metric.type} {metric.target:g}" for metric in wanted.metrics)
    return Verdict("True", "ScalerActive", f"The number of pods follows {followed}, up to {wanted.maximum}")


def _sleep_message(report_input: ReportInput) -> str:
    state = report_input.decision.state
    match state.sleep and state.sleep.state:
        case "FallingAsleep":
            return f"Nobody asks for revision {state.stable}: its pods end soon"
        case "Waking":
            return f"Revision {state.stable} wakes up: requests wait for its first pod"
        case _:
            return f"Revision {state.stable} sleeps: the next request starts its first pod, and waits for it"


def main_problem(report_input: ReportInput) -> Problem | None:
    """Return what the user should look at first, if anything: what could not be applied, what failed, what is ill."""
    state = report_input.decision.state
    if problem := report_input.first_problem:
        return problem
    if state.candidate and report_input.candidate.problem:
        found = report_input.candidate.problem
        role = "Candidate" if state.stable else "First"
        return Problem(found.reason, f"{role} revision {state.candidate}: {found.message}")
    if state.failed:
        return Problem(state.failed.reason, _failure_sentence(report_input))
    is_asleep = state.sleep is not None and state.sleep.state == "Asleep"
    if (
        state.stable
        and report_input.stable.problem
        and report_input.stable.available < report_input.plan.replicas
        and not is_asleep
    ):
        found = report_input.stable.problem
        return Problem(found.reason, f"Stable revision {state.stable}: {found.message}")
    return None


def rollout_message(report_input: ReportInput) -> str:
    """Return what the rollout is doing and what comes next."""
    state, steps = report_input.decision.state, report_input.plan.rollout.steps
    place = f"step {state.step + 1} of {len(steps)}" if state.step < len(steps) else "the last move, to 100%"
    gets = f"Candidate {state.candidate} gets {describe(state)}"
    match state.stage:
        case stage if stage in PREPARING:
            return _preparation(state, gets, place)
        case Stage.PROPAGATING | Stage.PROMOTING:
            return f"The proxies are learning that candidate {state.candidate} gets {describe(state)}: {place}"
        case Stage.HOLDING:
            return f"{gets}: {place}"
        case Stage.ANALYZING:
            return f"{gets}, {place}. {_evidence(report_input)}"
        case stage if stage in WAITING:
            return f"{gets} and waits{_pause_cause(report_input)}"
        case Stage.RETREATING:
            until = f"{gets[0].lower()}{gets[1:]} until it has them"
            return f"Stable revision {state.stable} lacks pods to take everything back: {until}"
        case Stage.ROLLING_BACK:
            return f"All traffic goes back to stable revision {state.stable}"
        case Stage.FAILED:
            return _failure_sentence(report_input)
        case _:
            return f"Revision {state.stable} is stable and gets all traffic{_pin(state)}"


def _preparation(state: RolloutState, gets: str, place: str) -> str:
    if state.stable is None:
        return f"The first revision, {state.candidate}, is getting its pods"
    match state.stage:
        case Stage.PREPARATION_PAUSED:
            return f"{gets} and waits: spec.rollout.paused is true"
        case Stage.PREPARATION_HELD:
            return f"{gets} and waits{_UNTIL_KNOWN}"
        case Stage.NO_PLACE:
            change = "set spec.rollout.allowDowntime, or scale to two replicas"
            return (
                f"Candidate {state.candidate} has no place, as surge is 0 and stable's only pod has to stay: {change}"
            )
        case Stage.RUNNING_CHECKS:
            return f"Candidate {state.candidate} is being checked for {place}"
        case _:
            return f"Candidate {state.candidate} is getting its pods for {place}"


def _pin(state: RolloutState) -> str:
    return f", by hand, until the spec asks for another than {state.pinned.instead_of}" if state.pinned else ""


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
            return f" until there are metrics again. {_evidence(report_input)}"
        case _:
            return f" for a promotion: {promote}"


def _evidence(report_input: ReportInput) -> str:
    return report_input.analysis.message if report_input.analysis else "Nothing was counted yet"


def _failure_sentence(report_input: ReportInput) -> str:
    failed, stable = report_input.decision.state.failed, report_input.decision.state.stable
    if failed is None:
        return f"Revision {stable} is stable and gets all traffic"
    attempt = f"/{failed.attempt}" if failed.attempt > 1 else ""
    return (
        f"Revision {failed.revision} was taken back, stable revision {stable} serves: {failed.message.rstrip('.')}. "
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

    `provenance` is what is known of the revisions' models, by revision.
    """
    verdicts = {kind: judge(report_input) for kind, judge in _CONDITIONS.items()}
    if report_input.plan.autoscaling:
        verdicts["Scaling"] = scaling(report_input)
    if report_input.resolution:
        verdicts["ModelResolved"] = model_resolved(report_input.resolution)
    if report_input.tagging:
        verdicts["RegistryTagged"] = registry_tagged(report_input.tagging, problem_of(previous, "Registry"))
    if changed := model_changed(provenance, report_input.observed):
        verdicts["ModelChanged"] = changed
    return dated(verdicts, previous.conditions, report_input.plan.owner.generation, now)

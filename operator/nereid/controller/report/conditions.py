"""The conditions of a ModelDeployment, each a function of the same picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout_stage import Stage
from nereid.api.status import AnalysisStatus, Condition, ResolutionFailure
from nereid.controller.decide.rollout.routing import describe, is_gated
from nereid.controller.decide.rollout.scaling import lacks_activator, scaling_trouble
from nereid.controller.decide.rollout.stage import PREPARING, TAKEN_BACK, WAITING
from nereid.controller.decide.rollout.state import Decision, RolloutState
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.decide.source.tagging import Tagging
from nereid.controller.observed.authors import Author
from nereid.controller.observed.facts import Observed, RevisionObserved, Trouble
from nereid.controller.plan.plan import Plan
from nereid.controller.report.analysis import analysis_status
from nereid.controller.report.source import model_changed, model_resolved, registry_tagged
from nereid.controller.report.verdict import Verdict, dated, refused

_UNTIL_KNOWN: Final = " until it is known what the spec asks for"


@dataclass(frozen=True)
class Picture:
    """All that a report is made from.

    `problems` are children that could not be applied. `resolution` is what is known of a URI that is looked up, and
    `tagging` what the registry is told, where it is. `author` is who last changed the model in the spec.
    """

    plan: Plan
    decision: Decision
    observed: Observed
    problems: Sequence[Trouble]
    resolution: Resolution | None = None
    tagging: Tagging | None = None
    author: Author | None = None

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


def with_refusals(picture: Picture, refusals: Sequence[Trouble]) -> Picture:
    """Return a picture that tells why Jobs that speak to the model's source could not be made, if they could not."""
    if not refusals:
        return picture
    resolution, tagging, first = picture.resolution, picture.tagging, refusals[0]
    if resolution and resolution.job:
        resolution = replace(resolution, refusal=first)
    if tagging and tagging.jobs:
        tagging = replace(tagging, failure=ResolutionFailure(reason=first.reason, message=first.message))
    return replace(picture, resolution=resolution, tagging=tagging)


def spec_valid(picture: Picture) -> Verdict:
    """Tell whether the spec can be carried out; of one that cannot even be read, `report.status.invalid` tells."""
    if picture.plan.refusal:
        return refused(picture.plan.refusal)
    return Verdict("True", "Valid", "The spec is valid")


def held(picture: Picture) -> Verdict | None:
    """Return why it is not known which revision the spec asks for, while another goes on in its place; else None."""
    if picture.plan.refusal:
        return spec_valid(picture)
    if picture.plan.is_held and picture.resolution:
        told = model_resolved(picture.resolution)
        return Verdict("False", told.reason, told.message)
    return None


def available(picture: Picture) -> Verdict:
    """Tell whether requests are answered at all; those to a sleeping model are, once it has woken up."""
    if is_gated(picture.decision.state):
        return Verdict("True", "Sleeping", _sleep_message(picture))
    if picture.serving.available:
        return Verdict("True", "ReplicasAvailable", f"Revision {picture.decision.live[0].revision} serves")
    if picture.decision.state.stable is None:
        return Verdict("False", "FirstRevisionPending", "The first revision has no ready pod yet")
    return Verdict("False", "NoReadyReplica", f"Stable revision {picture.decision.state.stable} has no ready pod")


def progressing(picture: Picture) -> Verdict:
    """Tell whether a rollout is under way, and where it is."""
    state = picture.decision.state
    moving = state.candidate is not None or state.stage in TAKEN_BACK
    return Verdict("True" if moving else "False", state.phase, rollout_message(picture))


def rollout_passed(picture: Picture) -> Verdict:
    """Tell how the last rollout ended."""
    state = picture.decision.state
    if cause := held(picture):
        return Verdict("Unknown", cause.reason, cause.message)
    if state.failed:
        return Verdict("False", state.failed.reason, state.failed.message)
    if state.candidate:
        return Verdict("Unknown", "RolloutInProgress", f"The rollout of revision {state.candidate} is under way")
    return Verdict("True", "StableIsWanted", f"Revision {state.stable} is stable")


def ready(picture: Picture) -> Verdict:
    """Tell whether what the spec asks for is what serves, with all its pods; if not, the most telling cause."""
    state = picture.decision.state
    if picture.problems:
        return Verdict("False", picture.problems[0].reason, picture.problems[0].message)
    if cause := held(picture):
        # Whatever serves, it is not what the spec asks for.
        return cause
    if trouble := trouble_of(picture):
        return Verdict("False", trouble.reason, trouble.message)
    if state.stable is None:
        return Verdict("False", "FirstRevisionPending", rollout_message(picture))
    if state.candidate or state.stage in TAKEN_BACK:
        return Verdict("False", "RolloutInProgress", rollout_message(picture))
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(picture))
    if picture.stable.available < picture.plan.replicas:
        count = f"{picture.stable.available} of {picture.plan.replicas}"
        return Verdict("False", "ReplicasNotReady", f"{count} pods of revision {state.stable} are ready")
    return Verdict("True", "Serving", f"Revision {state.stable} serves with all its pods")


def scaling(picture: Picture) -> Verdict:
    """Tell whether the number of pods follows what the spec names."""
    wanted, state = picture.plan.autoscaling, picture.decision.state
    if found := scaling_trouble(picture.plan, picture.observed):
        return Verdict("False", found.reason, found.message)
    scaler = picture.serving.scaler
    if scaler and scaler.trouble:
        return Verdict("False", scaler.trouble.reason, f"{scaler.trouble.message}: the pods that there are stay")
    if lacks_activator(picture.plan):
        return Verdict(
            "False", "ActivatorNotInstalled", "minReplicas: 0 needs the activator: set activator.enabled in the chart"
        )
    if is_gated(state):
        return Verdict("True", "Sleeping", _sleep_message(picture))
    if wanted is None or picture.decision.live[0].scale is None:
        return Verdict("Unknown", "RolloutInProgress", "With surge 0, nothing is scaled while a rollout runs")
    if scaler is None or scaler.works is None:
        return Verdict("Unknown", "ScalerStarting", "The scaler has not measured anything yet")
    followed = ", ".join(f"{metric.type} {metric.target:g}" for metric in wanted.metrics)
    return Verdict("True", "ScalerActive", f"The number of pods follows {followed}, up to {wanted.maximum}")


def _sleep_message(picture: Picture) -> str:
    state = picture.decision.state
    match state.sleep and state.sleep.state:
        case "FallingAsleep":
            return f"Nobody asks for revision {state.stable}: its pods end soon"
        case "Waking":
            return f"Revision {state.stable} wakes up: requests wait for its first pod"
        case _:
            return f"Revision {state.stable} sleeps: the next request starts its first pod, and waits for it"


def trouble_of(picture: Picture) -> Trouble | None:
    """Return what the user should look at first, if anything: what could not be applied, what failed, what is ill."""
    state = picture.decision.state
    if picture.problems:
        return picture.problems[0]
    if state.candidate and picture.candidate.trouble:
        found = picture.candidate.trouble
        role = "Candidate" if state.stable else "First"
        return Trouble(found.reason, f"{role} revision {state.candidate}: {found.message}")
    if state.failed:
        return Trouble(state.failed.reason, _failure_sentence(picture))
    is_asleep = state.sleep is not None and state.sleep.state == "Asleep"
    if state.stable and picture.stable.trouble and picture.stable.available < picture.plan.replicas and not is_asleep:
        found = picture.stable.trouble
        return Trouble(found.reason, f"Stable revision {state.stable}: {found.message}")
    return None


def rollout_message(picture: Picture) -> str:
    """Return what the rollout is doing and what comes next."""
    state, steps = picture.decision.state, picture.plan.rollout.steps
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
            return f"{gets}, {place}. {_evidence(picture)}"
        case stage if stage in WAITING:
            return f"{gets} and waits{_pause_cause(picture)}"
        case Stage.RETREATING:
            until = f"{gets[0].lower()}{gets[1:]} until it has them"
            return f"Stable revision {state.stable} lacks pods to take everything back: {until}"
        case Stage.ROLLING_BACK:
            return f"All traffic goes back to stable revision {state.stable}"
        case Stage.FAILED:
            return _failure_sentence(picture)
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


def _pause_cause(picture: Picture) -> str:
    state = picture.decision.state
    attempt = f"/{state.attempt}" if state.attempt > 1 else ""
    name = picture.plan.owner.name
    promote = f"kubectl annotate mdep {name} --overwrite nereid.dev/promote={state.candidate}{attempt}"
    match state.stage:
        case Stage.STEP_PAUSED:
            return ": spec.rollout.paused is true"
        case Stage.STEP_HELD:
            return _UNTIL_KNOWN
        case Stage.INCONCLUSIVE:
            return f", as the evidence is undecided. {_evidence(picture)}. To go on without it: {promote}"
        case Stage.METRICS_UNAVAILABLE:
            return f" until there are metrics again. {_evidence(picture)}"
        case _:
            return f" for a promotion: {promote}"


def _evidence(picture: Picture) -> str:
    return picture.analysis.message if picture.analysis else "Nothing was counted yet"


def _failure_sentence(picture: Picture) -> str:
    failed, stable = picture.decision.state.failed, picture.decision.state.stable
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
    picture: Picture, provenance: Mapping[str, ObservedProvenance], previous: Sequence[Condition], now: datetime
) -> list[Condition]:
    """Return all conditions; one whose status is as before keeps the time of its last transition.

    `provenance` is what is known of the revisions' models, by revision.
    """
    verdicts = {kind: judge(picture) for kind, judge in _CONDITIONS.items()}
    if picture.plan.autoscaling:
        verdicts["Scaling"] = scaling(picture)
    if picture.resolution:
        verdicts["ModelResolved"] = model_resolved(picture.resolution)
    if picture.tagging:
        verdicts["RegistryTagged"] = registry_tagged(picture.tagging, previous)
    if changed := model_changed(provenance, picture.observed):
        verdicts["ModelChanged"] = changed
    return dated(verdicts, previous, picture.plan.owner.generation, now)

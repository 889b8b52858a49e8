"""The status of a ModelDeployment as a whole."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from nereid.api import names
from nereid.api.provenance import ObservedProvenance
from nereid.api.rollout_stage import Stage
from nereid.api.status import ModelDeploymentStatus, Phase, RevisionStatus, RolloutStatus
from nereid.controller.decide.decide import resolution_status
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.decide.rollout import baking
from nereid.controller.decide.rollout.routing import is_gated
from nereid.controller.decide.rollout.stage import HELD_BY_SPEC, PAUSED_BY_SPEC, ROLLING_BACK, SHOWN_AS, WAITING
from nereid.controller.decide.rollout.timing import deadline
from nereid.controller.decide.source.resolution import Resolution
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.plan.plan import INVALID_SPEC
from nereid.controller.plan.web_links import links
from nereid.controller.report.conditions import ReportInput, conditions, held_verdict, main_problem, rollout_message
from nereid.controller.report.problems import OF_READINESS, of_conditions, problems, source_job_problems
from nereid.controller.report.provenance import or_none, provenances, with_provenance
from nereid.controller.report.source import RESOLVING, model_resolved
from nereid.controller.report.verdict import Verdict, dated, rejected_verdict


def report(
    report_input: ReportInput,
    records: Mapping[str, RevisionRecord],
    url: str,
    previous: ModelDeploymentStatus,
    now: datetime,
) -> ModelDeploymentStatus:
    """Return the status of a ModelDeployment.

    `records` hold the revisions as they were made; `previous` is the status to follow, whose condition times are kept
    where nothing changed, so that the same report_input gives the same status.
    """
    decision, state = report_input.decision, report_input.decision.state
    primary = decision.live[0]
    live = {served.revision: served for served in decision.live}
    before = {served.revision: served for served in (previous.stable, previous.candidate) if served}
    provenance = provenances(report_input, previous)
    new_conditions = conditions(report_input, provenance, previous, now)
    return ModelDeploymentStatus(
        observed_generation=report_input.plan.owner.generation,
        phase=_phase(report_input),
        url=url,
        replicas=report_input.serving.deployment.replicas if report_input.serving.deployment else primary.replicas,
        selector=f"app={report_input.plan.owner.name},{names.LABEL_REVISION}={primary.revision}",
        stable=_revision(report_input, live[state.stable], records, before, provenance) if state.stable else None,
        candidate=_revision(report_input, live[state.candidate], records, before, provenance)
        if state.candidate
        else None,
        rollout=_rollout(report_input),
        scaling=state.sleep.to_status() if state.sleep else None,
        resolution=resolution_status(report_input.resolution, report_input.tagging),
        links=links(report_input.plan),
        history=with_provenance(state.history, provenance),
        problems=problems(report_input, new_conditions),
        conditions=new_conditions,
    )


def invalid(
    message: str, generation: int, previous: ModelDeploymentStatus, now: datetime, reason: str = INVALID_SPEC
) -> ModelDeploymentStatus:
    """Return the status for a spec that cannot be carried out at all: what runs is kept as it is."""
    rejection = rejected_verdict(message, reason)
    verdicts = {"Ready": rejection, "SpecValid": rejection}
    if previous.rollout:
        verdicts["RolloutPassed"] = replace(rejection, status="Unknown")
    remembered = [problem for problem in previous.problems or () if problem.concern not in OF_READINESS]
    status = _with_conditions(previous, "Degraded" if previous.stable else "Failed", verdicts, generation, now)
    return status.model_copy(update={"problems": remembered or None})


def unresolved(
    resolution: Resolution, generation: int, previous: ModelDeploymentStatus, now: datetime
) -> ModelDeploymentStatus:
    """Return the status while the URI of a first model is not resolved: nothing runs yet."""
    resolved = model_resolved(resolution)
    verdicts = {
        "Ready": Verdict("False", resolved.reason, resolved.message),
        "SpecValid": Verdict("True", "Valid", "The spec is valid"),
        "ModelResolved": resolved,
    }
    phase: Phase = "Pending" if resolved.reason == RESOLVING else "Failed"
    status = _with_conditions(previous, phase, verdicts, generation, now)
    open_problems = [*source_job_problems(resolution), *of_conditions(status.conditions)]
    return status.model_copy(update={"resolution": resolution.status, "problems": open_problems or None})


def _with_conditions(
    previous: ModelDeploymentStatus, phase: Phase, verdicts: Mapping[str, Verdict], generation: int, now: datetime
) -> ModelDeploymentStatus:
    """Return the previous status with another phase, and with some conditions replaced."""
    before = {
        condition.type: Verdict(condition.status, condition.reason, condition.message)
        for condition in previous.conditions
    }
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "phase": phase,
            "conditions": dated({**before, **verdicts}, previous.conditions, generation, now),
        }
    )


def to_json(status: ModelDeploymentStatus) -> dict[str, Any]:
    """Return a status as the API server stores it."""
    return status.model_dump(mode="json", exclude_none=True)


def _revision(
    report_input: ReportInput,
    live: LiveRevision,
    records: Mapping[str, RevisionRecord],
    previous: Mapping[str, RevisionStatus],
    provenance: Mapping[str, ObservedProvenance],
) -> RevisionStatus:
    record, before = records.get(live.revision), previous.get(live.revision)
    return RevisionStatus(
        revision=live.revision,
        version=record.version if record else before.version if before else live.revision,
        model_uri=record.model_uri if record else before.model_uri if before else "",
        weight=live.weight,
        replicas=_replicas(report_input, live),
        ready_replicas=report_input.observed.of(live.revision).available,
        provenance=or_none(provenance.get(live.revision)),
    )


def _replicas(report_input: ReportInput, live: LiveRevision) -> int:
    """Return how many pods a revision should have; if a scaler sets it, that of the Deployment."""
    deployment = report_input.observed.of(live.revision).deployment
    return deployment.replicas if live.scale and live.scale.in_charge and deployment else live.replicas


def _rollout(report_input: ReportInput) -> RolloutStatus:
    state = report_input.decision.state
    return RolloutStatus(
        state=state.phase,
        stage=state.stage,
        strategy=state.strategy,
        step=state.step,
        mirror=state.exposure.mirror or None,
        matched=state.exposure.matched or None,
        preview=state.exposure.preview or None,
        floor=state.floor or None,
        fast_track=state.is_fast or None,
        since=state.since,
        seen_at=state.seen_at,
        baked=state.is_baked or None,
        promoted=state.is_promoted or None,
        first_bake=state.first_bake,
        urgent=state.is_urgent or None,
        started_at=state.started,
        attempt=state.attempt,
        trial=state.trial if state.trial > 1 else None,
        reason=SHOWN_AS[Stage.METRICS_UNAVAILABLE].reason if baking.is_blind(state) else state.reason,
        message=rollout_message(report_input),
        next_look=deadline(report_input.plan, report_input.observed, state),
        retiring=[retiring.to_status() for retiring in state.retiring],
        failed=state.failed,
        analysis=report_input.analysis,
        checks=state.checks,
        pinned=state.pinned,
        rollbacks=state.rollbacks,
        attempts=state.attempts.to_status(),
        forgotten_attempts=state.attempts.forgotten or None,
        webhooks=[webhook.to_status() for webhook in state.webhooks] or None,
    )


def _phase(report_input: ReportInput) -> Phase:
    state = report_input.decision.state
    has_problem = main_problem(report_input) is not None
    if state.stable is None:
        return "Failed" if has_problem else "Pending"
    if state.candidate:
        waits = WAITING | PAUSED_BY_SPEC | HELD_BY_SPEC | {Stage.OUTSIDE_WINDOW, Stage.AWAITING_APPROVAL}
        is_kept = state.stage is Stage.BAKING and report_input.plan.rollout.paused
        return "Paused" if is_kept or state.stage in waits else "Progressing"
    if has_problem:
        return "Degraded"
    if cause := held_verdict(report_input):
        return "Progressing" if cause.reason == RESOLVING else "Degraded"
    if is_gated(state):
        return "Sleeping"
    if report_input.stable.available < report_input.plan.replicas:
        return "Degraded"
    return "Progressing" if state.stage in ROLLING_BACK else "Ready"

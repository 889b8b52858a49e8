"""The status of a ModelDeployment as a whole."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nereid import names
from nereid.api.status import Condition, ModelDeploymentStatus, Phase, RevisionStatus, RolloutStatus
from nereid.links import links
from nereid.observed.facts import RevisionRecord, Trouble
from nereid.plan import LiveRevision
from nereid.report.conditions import Picture, Verdict, conditions, dated, rollout_message, trouble_of
from nereid.rollout.routing import is_gated
from nereid.rollout.state import PAUSED
from nereid.rollout.timing import deadline


def report(
    picture: Picture,
    records: Mapping[str, RevisionRecord],
    url: str,
    previous: ModelDeploymentStatus,
    now: datetime,
) -> ModelDeploymentStatus:
    """Return the status for a picture.

    `records` hold the revisions as they were made; `previous` is the status to follow, whose condition times are kept
    where nothing changed, so that the same picture gives the same status.
    """
    decision, state = picture.decision, picture.decision.state
    primary = decision.live[0]
    live = {one.revision: one for one in decision.live}
    known = {one.revision: one for one in (previous.stable, previous.candidate) if one}
    return ModelDeploymentStatus(
        observed_generation=picture.plan.owner.generation,
        phase=_phase(picture),
        url=url,
        replicas=picture.serving.deployment.replicas if picture.serving.deployment else primary.replicas,
        selector=f"app={picture.plan.owner.name},{names.LABEL_REVISION}={primary.revision}",
        stable=_revision(picture, live[state.stable], records, known) if state.stable else None,
        candidate=_revision(picture, live[state.candidate], records, known) if state.candidate else None,
        rollout=_rollout(picture),
        scaling=state.sleep,
        links=links(picture.plan),
        history=list(state.history),
        conditions=conditions(picture, previous.conditions, now),
    )


def invalid(message: str, generation: int, previous: ModelDeploymentStatus, now: datetime) -> ModelDeploymentStatus:
    """Return the status for a spec that cannot be understood: what runs goes on running as it was."""
    kept = {condition.type: condition for condition in previous.conditions}
    verdicts = {
        kind: Verdict(condition.status, condition.reason, condition.message) for kind, condition in kept.items()
    }
    verdicts |= {
        "Ready": Verdict("False", "InvalidSpec", message),
        "SpecValid": Verdict("False", "InvalidSpec", message),
    }
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "phase": "Degraded" if previous.stable else "Failed",
            "conditions": dated(verdicts, previous.conditions, generation, now),
        }
    )


def to_json(status: ModelDeploymentStatus) -> dict[str, Any]:
    """Return a status as the API server stores it."""
    return status.model_dump(mode="json", exclude_none=True)


def condition(status: ModelDeploymentStatus, kind: str) -> Condition | None:
    """Return one condition of a status, if it has it."""
    return next((one for one in status.conditions if one.type == kind), None)


def trouble_event(picture: Picture, previous: ModelDeploymentStatus) -> Trouble | None:
    """Return a trouble that the previous status did not tell of yet, to be told once as an event."""
    trouble = trouble_of(picture)
    told = condition(previous, "Ready")
    if trouble is None or picture.decision.state.failed or (told and told.reason == trouble.reason):
        return None
    return trouble


def _revision(
    picture: Picture,
    live: LiveRevision,
    records: Mapping[str, RevisionRecord],
    known: Mapping[str, RevisionStatus],
) -> RevisionStatus:
    record, before = records.get(live.revision), known.get(live.revision)
    return RevisionStatus(
        revision=live.revision,
        version=record.version if record else before.version if before else live.revision,
        model_uri=record.model_uri if record else before.model_uri if before else "",
        weight=live.weight,
        replicas=_replicas(picture, live),
        ready_replicas=picture.observed.of(live.revision).available,
    )


def _replicas(picture: Picture, live: LiveRevision) -> int:
    """Return how many pods a revision should have; where a scaler decides, the Deployment tells."""
    deployment = picture.observed.of(live.revision).deployment
    return deployment.replicas if live.scale and live.scale.in_charge and deployment else live.replicas


def _rollout(picture: Picture) -> RolloutStatus:
    state = picture.decision.state
    return RolloutStatus(
        state=state.phase,
        strategy=state.strategy,
        step=state.step,
        mirror=state.exposure.mirror or None,
        matched=state.exposure.matched or None,
        preview=state.exposure.preview or None,
        floor=state.floor or None,
        fast_track=state.is_fast or None,
        since=state.since,
        attempt=state.attempt,
        reason=state.reason,
        message=rollout_message(picture),
        next_look=deadline(picture.plan.rollout, state),
        retiring=list(state.retiring),
        failed=state.failed,
        analysis=picture.analysis,
        checks=state.checks,
        pinned=state.pinned,
        rollbacks=state.rollbacks,
    )


def _phase(picture: Picture) -> Phase:
    state = picture.decision.state
    troubled = trouble_of(picture) is not None
    if state.stable is None:
        return "Failed" if troubled else "Pending"
    if state.candidate:
        return "Paused" if state.phase == "Paused" or state.reason == PAUSED else "Progressing"
    if troubled:
        return "Degraded"
    if is_gated(state):
        return "Sleeping"
    if picture.stable.available < picture.plan.replicas:
        return "Degraded"
    return "Progressing" if state.phase == "RollingBack" else "Ready"

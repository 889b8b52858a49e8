"""What a condition says, before it gets its time and generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nereid.api.status import Condition, ConditionStatus, ModelDeploymentStatus
from nereid.contract.sentence import as_sentence
from nereid.controller.plan.plan import INVALID_SPEC


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition without its time and generation."""

    status: ConditionStatus
    reason: str
    message: str


def rejected_verdict(cause: str, reason: str = INVALID_SPEC) -> Verdict:
    """Return the verdict on a spec that is rejected; the cause may quote the spec, at any length."""
    return Verdict("False", reason, as_sentence(cause))


def dated(
    verdicts: Mapping[str, Verdict], previous: Sequence[Condition], generation: int, now: datetime
) -> list[Condition]:
    """Return verdicts as conditions of a generation, with the time at which their status last changed."""
    before = {condition.type: condition for condition in previous}
    result = []
    for kind, verdict in verdicts.items():
        old = before.get(kind)
        result.append(
            Condition(
                type=kind,
                status=verdict.status,
                reason=verdict.reason,
                message=verdict.message,
                last_transition_time=old.last_transition_time if old and old.status == verdict.status else now,
                observed_generation=generation,
            )
        )
    return result


def condition(status: ModelDeploymentStatus, kind: str) -> Condition | None:
    """Return one condition of a status, if it has it."""
    return next((condition for condition in status.conditions if condition.type == kind), None)

"""How a stage is shown to users: the phase that it belongs to, and a reason.

Both follow from the stage, only here, and neither is read back, except from a status without a stage, as earlier
operators wrote. So a reason can be renamed without any effect on a rollout.
"""

from dataclasses import dataclass
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import RolloutPhase, RolloutStatus

# Stages of a candidate that waits before it gets more: the spec is paused or held, there is no place for its pods, or
# no window is open.
BLOCKED: Final = frozenset({Stage.PREPARATION_PAUSED, Stage.PREPARATION_HELD, Stage.NO_PLACE, Stage.OUTSIDE_WINDOW})
# The pods of a candidate that waits for an approval stay: they are ready, and have passed their checks.
PREPARING: Final = BLOCKED | frozenset(
    {Stage.STARTING_PODS, Stage.RUNNING_CHECKS, Stage.PROMOTED_BY_USER, Stage.AWAITING_APPROVAL}
)
# Stages in which the candidate waits at its step for an event: no time limit ends them.
WAITING: Final = frozenset(
    {
        Stage.AWAITING_PROMOTION,
        Stage.STEP_PAUSED,
        Stage.STEP_HELD,
        Stage.INCONCLUSIVE,
        Stage.METRICS_UNAVAILABLE,
    }
)
AT_A_STEP: Final = frozenset({Stage.PROPAGATING, Stage.ANALYZING, Stage.HOLDING}) | WAITING
ROLLING_BACK: Final = frozenset({Stage.RETREATING, Stage.ROLLING_BACK})
AT_REST: Final = frozenset({Stage.IDLE, Stage.COMPLETED, Stage.FAILED})
# The candidate is kept where it is by `spec.rollout.paused`, or by a spec that is not valid or not resolved.
PAUSED_BY_SPEC: Final = frozenset({Stage.PREPARATION_PAUSED, Stage.STEP_PAUSED})
HELD_BY_SPEC: Final = frozenset({Stage.PREPARATION_HELD, Stage.STEP_HELD})


@dataclass(frozen=True, slots=True)
class PhaseAndReason:
    """How a stage is shown to users."""

    phase: RolloutPhase
    reason: str


SHOWN_AS: Final[dict[Stage, PhaseAndReason]] = {
    Stage.IDLE: PhaseAndReason("Idle", "Idle"),
    Stage.STARTING_PODS: PhaseAndReason("Preparing", "StartingPods"),
    Stage.RUNNING_CHECKS: PhaseAndReason("Preparing", "RunningChecks"),
    Stage.PROMOTED_BY_USER: PhaseAndReason("Preparing", "Promoted"),
    Stage.PREPARATION_PAUSED: PhaseAndReason("Preparing", "PausedBySpec"),
    Stage.PREPARATION_HELD: PhaseAndReason("Preparing", "HeldBySpec"),
    Stage.NO_PLACE: PhaseAndReason("Preparing", "NoPlace"),
    Stage.OUTSIDE_WINDOW: PhaseAndReason("Preparing", "OutsideWindow"),
    Stage.AWAITING_APPROVAL: PhaseAndReason("Preparing", "AwaitingApproval"),
    Stage.PROPAGATING: PhaseAndReason("Propagating", "RouteChanged"),
    Stage.ANALYZING: PhaseAndReason("Analyzing", "CollectingEvidence"),
    Stage.HOLDING: PhaseAndReason("Holding", "HoldingWeight"),
    Stage.AWAITING_PROMOTION: PhaseAndReason("Paused", "AwaitingPromotion"),
    Stage.STEP_PAUSED: PhaseAndReason("Paused", "PausedBySpec"),
    Stage.STEP_HELD: PhaseAndReason("Paused", "HeldBySpec"),
    Stage.INCONCLUSIVE: PhaseAndReason("Paused", "Inconclusive"),
    Stage.METRICS_UNAVAILABLE: PhaseAndReason("Paused", "MetricsUnavailable"),
    Stage.PROMOTING: PhaseAndReason("Promoting", "RouteChanged"),
    Stage.BAKING: PhaseAndReason("Baking", "Baking"),
    Stage.COMPLETED: PhaseAndReason("Completed", "Promoted"),
    Stage.RETREATING: PhaseAndReason("RollingBack", "RollingBack"),
    Stage.ROLLING_BACK: PhaseAndReason("RollingBack", "RollingBack"),
    Stage.FAILED: PhaseAndReason("Failed", "Failed"),
}
# Stages that are entered for different causes: their reason names the cause, if there is one.
WITH_CAUSE: Final = ROLLING_BACK | {Stage.IDLE, Stage.FAILED}


def reason_of(stage: Stage, cause: str | None) -> str:
    """Return the reason that is shown for a stage; `cause` is why it was entered, if that may vary."""
    return cause or SHOWN_AS[stage].reason


def cause_in(stage: Stage, reason: str) -> str | None:
    """Return the cause that the reason of a stage names; None if the reason is the stage's own."""
    return reason if stage in WITH_CAUSE and reason != SHOWN_AS[stage].reason else None


def stage_of(rollout: RolloutStatus, *, has_candidate: bool, is_given_everything: bool = False) -> Stage:
    """Return the stage in a status; if it has none, as earlier operators wrote it, the stage of its phase and reason.

    `has_candidate`: whether the same status has a candidate; `is_given_everything`: whether that has all traffic.
    """
    stage = rollout.stage or stage_shown_as(rollout.state, rollout.reason, has_candidate=has_candidate)
    if stage in AT_A_STEP and is_given_everything:
        # Earlier operators kept blue/green's previous revision at a step of its own.
        return Stage.PROMOTING if stage is Stage.PROPAGATING else Stage.BAKING
    return stage


def stage_shown_as(phase: RolloutPhase, reason: str, *, has_candidate: bool) -> Stage:
    """Return the stage that earlier operators, which wrote no stage, showed as this phase and reason.

    No entry of `_STAGES_BY_REASON` may ever change, whatever is shown by now.
    """
    if phase == "RollingBack":
        return Stage.RETREATING if has_candidate else Stage.ROLLING_BACK
    return _STAGES_BY_REASON.get((phase, reason), _STAGES_BY_PHASE[phase])


_STAGES_BY_REASON: Final[dict[tuple[RolloutPhase, str], Stage]] = {
    ("Preparing", "RunningChecks"): Stage.RUNNING_CHECKS,
    ("Preparing", "Promoted"): Stage.PROMOTED_BY_USER,
    ("Preparing", "PausedBySpec"): Stage.PREPARATION_PAUSED,
    ("Preparing", "HeldBySpec"): Stage.PREPARATION_HELD,
    ("Preparing", "NoPlace"): Stage.NO_PLACE,
    ("Preparing", "OutsideWindow"): Stage.OUTSIDE_WINDOW,
    ("Preparing", "AwaitingApproval"): Stage.AWAITING_APPROVAL,
    ("Paused", "PausedBySpec"): Stage.STEP_PAUSED,
    ("Paused", "HeldBySpec"): Stage.STEP_HELD,
    ("Paused", "Inconclusive"): Stage.INCONCLUSIVE,
    ("Paused", "MetricsUnavailable"): Stage.METRICS_UNAVAILABLE,
}
# With any other reason.
_STAGES_BY_PHASE: Final[dict[RolloutPhase, Stage]] = {
    "Idle": Stage.IDLE,
    "Preparing": Stage.STARTING_PODS,
    "Propagating": Stage.PROPAGATING,
    "Analyzing": Stage.ANALYZING,
    "Holding": Stage.HOLDING,
    "Paused": Stage.AWAITING_PROMOTION,
    "Promoting": Stage.PROMOTING,
    "Baking": Stage.BAKING,
    "RollingBack": Stage.ROLLING_BACK,
    "Completed": Stage.COMPLETED,
    "Failed": Stage.FAILED,
}

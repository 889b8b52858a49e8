"""What people are shown of a stage: the phase that it belongs to, and a reason in one word.

Both are made from the stage, here alone, and neither is read back, but for a status that an operator wrote which knew
no stages. So a reason can be reworded, and no rollout goes another way.
"""

from dataclasses import dataclass
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.api.status import RolloutPhase, RolloutStatus

# Stages of a candidate that waits for its user before it gets any further: the spec is paused; it is not known what
# the spec asks for; there is no place for its pods.
OBSTACLES: Final = frozenset({Stage.PREPARATION_PAUSED, Stage.PREPARATION_HELD, Stage.NO_PLACE})
PREPARING: Final = frozenset({Stage.STARTING_PODS, Stage.RUNNING_CHECKS, Stage.PROMOTED_BY_USER}) | OBSTACLES
# Stages in which the candidate is held at its step by what no timer ends.
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
TAKEN_BACK: Final = frozenset({Stage.RETREATING, Stage.ROLLING_BACK})
AT_REST: Final = frozenset({Stage.IDLE, Stage.COMPLETED, Stage.FAILED})
# `spec.rollout.paused` keeps the candidate where it is; so does a spec of which it is not known what it asks for.
PAUSED_BY_SPEC: Final = frozenset({Stage.PREPARATION_PAUSED, Stage.STEP_PAUSED})
HELD_BY_SPEC: Final = frozenset({Stage.PREPARATION_HELD, Stage.STEP_HELD})


@dataclass(frozen=True, slots=True)
class Words:
    """What people are shown of a stage."""

    phase: RolloutPhase
    reason: str


WORDS: Final[dict[Stage, Words]] = {
    Stage.IDLE: Words("Idle", "Idle"),
    Stage.STARTING_PODS: Words("Preparing", "StartingPods"),
    Stage.RUNNING_CHECKS: Words("Preparing", "RunningChecks"),
    Stage.PROMOTED_BY_USER: Words("Preparing", "Promoted"),
    Stage.PREPARATION_PAUSED: Words("Preparing", "PausedBySpec"),
    Stage.PREPARATION_HELD: Words("Preparing", "HeldBySpec"),
    Stage.NO_PLACE: Words("Preparing", "NoPlace"),
    Stage.PROPAGATING: Words("Propagating", "RouteChanged"),
    Stage.ANALYZING: Words("Analyzing", "CollectingEvidence"),
    Stage.HOLDING: Words("Holding", "HoldingWeight"),
    Stage.AWAITING_PROMOTION: Words("Paused", "AwaitingPromotion"),
    Stage.STEP_PAUSED: Words("Paused", "PausedBySpec"),
    Stage.STEP_HELD: Words("Paused", "HeldBySpec"),
    Stage.INCONCLUSIVE: Words("Paused", "Inconclusive"),
    Stage.METRICS_UNAVAILABLE: Words("Paused", "MetricsUnavailable"),
    Stage.PROMOTING: Words("Promoting", "RouteChanged"),
    Stage.COMPLETED: Words("Completed", "Promoted"),
    Stage.RETREATING: Words("RollingBack", "RollingBack"),
    Stage.ROLLING_BACK: Words("RollingBack", "RollingBack"),
    Stage.FAILED: Words("Failed", "Failed"),
}
# Stages that are entered for many causes: their reason names the cause, where there is one.
WITH_CAUSE: Final = TAKEN_BACK | {Stage.IDLE, Stage.FAILED}


def reason_of(stage: Stage, cause: str | None) -> str:
    """Return the reason that people are shown of a stage; `cause` is why it was entered, where that may vary."""
    return cause or WORDS[stage].reason


def cause_in(stage: Stage, reason: str) -> str | None:
    """Return the cause that the reason of a stage names; None where the reason is the stage's own."""
    return reason if stage in WITH_CAUSE and reason != WORDS[stage].reason else None


def stage_of(rollout: RolloutStatus, *, has_candidate: bool) -> Stage:
    """Return the stage that a status tells of; of one without stages, as operators wrote before, that of its words.

    `has_candidate` tells whether the same status has a candidate.
    """
    return rollout.stage or stage_in_words(rollout.state, rollout.reason, has_candidate=has_candidate)


def stage_in_words(phase: RolloutPhase, reason: str, *, has_candidate: bool) -> Stage:
    """Return the stage that is, or once was, shown as this phase and reason.

    These are the words of operators that wrote no stage: no entry of `_STAGES_IN_WORDS` may ever change, whatever
    words are shown by now.
    """
    if phase == "RollingBack":
        return Stage.RETREATING if has_candidate else Stage.ROLLING_BACK
    return _STAGES_IN_WORDS.get((phase, reason), _STAGES_BY_PHASE[phase])


_STAGES_IN_WORDS: Final[dict[tuple[RolloutPhase, str], Stage]] = {
    ("Preparing", "RunningChecks"): Stage.RUNNING_CHECKS,
    ("Preparing", "Promoted"): Stage.PROMOTED_BY_USER,
    ("Preparing", "PausedBySpec"): Stage.PREPARATION_PAUSED,
    ("Preparing", "HeldBySpec"): Stage.PREPARATION_HELD,
    ("Preparing", "NoPlace"): Stage.NO_PLACE,
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
    "RollingBack": Stage.ROLLING_BACK,
    "Completed": Stage.COMPLETED,
    "Failed": Stage.FAILED,
}

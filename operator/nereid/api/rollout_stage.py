"""Where a rollout is: the state of its machine, which `status.rollout.stage` holds from one pass to the next."""

from enum import StrEnum


class Stage(StrEnum):
    """Where a rollout is; how one follows another, docs/rollouts.md shows.

    The stage decides what comes next. What people are shown of it (phase, reason and sentence) is made from it, in
    `controller.decide.rollout.stage`, and decides nothing.
    """

    IDLE = "Idle"

    # The candidate is made ready for its next step.
    STARTING_PODS = "StartingPods"
    RUNNING_CHECKS = "RunningChecks"
    PROMOTED_BY_USER = "PromotedByUser"
    PREPARATION_PAUSED = "PreparationPaused"
    PREPARATION_HELD = "PreparationHeld"
    NO_PLACE = "NoPlace"
    OUTSIDE_WINDOW = "OutsideWindow"
    AWAITING_APPROVAL = "AwaitingApproval"

    # The candidate has the exposure of its step.
    PROPAGATING = "Propagating"
    ANALYZING = "Analyzing"
    HOLDING = "Holding"
    AWAITING_PROMOTION = "AwaitingPromotion"
    STEP_PAUSED = "StepPaused"
    STEP_HELD = "StepHeld"
    INCONCLUSIVE = "Inconclusive"
    METRICS_UNAVAILABLE = "MetricsUnavailable"

    # The candidate has everything, and becomes stable.
    PROMOTING = "Promoting"
    BAKING = "Baking"
    COMPLETED = "Completed"

    # The candidate is rolled back: in part while stable lacks pods, then with all of its traffic.
    RETREATING = "Retreating"
    ROLLING_BACK = "RollingBack"
    FAILED = "Failed"

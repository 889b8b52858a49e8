"""Which stage of a rollout may follow which, and why: as data, for people and for tests.

`decide` does not read this; the property tests verify that it makes exactly these transitions. The diagram of
docs/rollouts.md is generated from it. Entering the same stage again is not a transition.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.stage import AT_A_STEP, AT_REST, PREPARING, WAITING


class Group(Enum):
    """Stages that have transitions in common."""

    NOT_IN_PROGRESS = AT_REST | {Stage.ROLLING_BACK}
    IN_PROGRESS = PREPARING | AT_A_STEP | {Stage.PROMOTING}
    PREPARING = PREPARING
    AT_A_STEP = AT_A_STEP
    WAITING = WAITING


_PAUSES: Final = {Stage.PREPARATION_PAUSED: "spec paused"}
_HOLDS: Final = {Stage.PREPARATION_HELD: "spec rejected or not resolved"}
_NO_PLACE: Final = {Stage.NO_PLACE: "surge 0 and one replica"}
_OUTSIDE: Final = {Stage.OUTSIDE_WINDOW: "no window is open"}
_MOVES_ON: Final = {Stage.STARTING_PODS: "the next step", Stage.PROMOTING: "it has all traffic"}
_JUDGED_AGAIN: Final = {Stage.ANALYZING: "likewise, and its pass was taken back meanwhile"}
# In which stage the candidate stays at a step: once the proxies have received the route, or when the spec changes.
_DWELLS: Final = {
    Stage.ANALYZING: "the step has a hold, and is judged",
    Stage.HOLDING: "the step has a hold, and is not judged",
    Stage.AWAITING_PROMOTION: "the step has no hold",
    Stage.STEP_PAUSED: "spec paused",
    Stage.STEP_HELD: "spec rejected or not resolved",
}

TRANSITIONS: Final[Mapping[Stage | Group, Mapping[Stage, str]]] = MappingProxyType(
    {
        Group.NOT_IN_PROGRESS: {
            Stage.STARTING_PODS: "the spec asks for a new revision, or a retry",
            Stage.PREPARATION_PAUSED: "likewise, spec paused",
            Stage.NO_PLACE: "likewise, surge 0 and one replica",
            Stage.OUTSIDE_WINDOW: "likewise, no window is open",
        },
        Group.IN_PROGRESS: {
            Stage.STARTING_PODS: "superseded, or another strategy",
            Stage.PREPARATION_PAUSED: "likewise, spec paused",
            Stage.NO_PLACE: "likewise, surge 0 and one replica",
            Stage.OUTSIDE_WINDOW: "likewise, no window is open",
            Stage.RETREATING: "failed, aborted or superseded, and stable lacks pods",
            Stage.ROLLING_BACK: "failed, aborted or reverted",
        },
        Group.PREPARING: {**_PAUSES, **_HOLDS, **_NO_PLACE, **_OUTSIDE, Stage.PROMOTED_BY_USER: "promoted by hand"},
        Group.AT_A_STEP: {
            Stage.PROMOTED_BY_USER: "promoted by hand",
            Stage.STARTING_PODS: "the spec no longer has steps",
        },
        Stage.STARTING_PODS: {
            Stage.RUNNING_CHECKS: "its pods are ready, checks are due",
            Stage.PROPAGATING: "its pods are ready",
            Stage.PROMOTING: "its pods are ready, no step is left",
            Stage.COMPLETED: "the first revision has a pod",
        },
        Stage.RUNNING_CHECKS: {Stage.STARTING_PODS: "passed", Stage.FAILED: "failed, and it is the first revision"},
        Stage.PROMOTED_BY_USER: {
            Stage.PROPAGATING: "its pods are ready, blue/green switches",
            Stage.PROMOTING: "its pods are ready",
        },
        Stage.PREPARATION_PAUSED: {Stage.STARTING_PODS: "spec resumed", **_JUDGED_AGAIN},
        Stage.PREPARATION_HELD: {Stage.STARTING_PODS: "spec accepted and resolved", **_JUDGED_AGAIN},
        Stage.NO_PLACE: {Stage.STARTING_PODS: "there is room for its pod"},
        Stage.OUTSIDE_WINDOW: {Stage.STARTING_PODS: "a window opens", **_JUDGED_AGAIN},
        Stage.PROPAGATING: _DWELLS,
        Stage.ANALYZING: {
            **_DWELLS,
            **_MOVES_ON,
            Stage.INCONCLUSIVE: "undecided at the deadline",
            Stage.METRICS_UNAVAILABLE: "the provider keeps failing",
        },
        Stage.HOLDING: {**_DWELLS, **_MOVES_ON},
        Group.WAITING: _DWELLS,
        Stage.AWAITING_PROMOTION: {Stage.STARTING_PODS: "promoted to the next step"},
        Stage.INCONCLUSIVE: _MOVES_ON,
        Stage.PROMOTING: {Stage.COMPLETED: "the proxies have received the route"},
        Stage.RETREATING: {Stage.ROLLING_BACK: "stable's pods are ready, or the deadline is over"},
        Stage.ROLLING_BACK: {
            Stage.FAILED: "the proxies have received the route",
            Stage.IDLE: "likewise, and the spec asks for stable",
        },
        Stage.FAILED: {Stage.IDLE: "the spec asks for stable"},
    }
)


def stages_after(stage: Stage) -> frozenset[Stage]:
    """Return the stages that may follow this one, without itself."""
    rows = (targets for source, targets in TRANSITIONS.items() if stage in members(source))
    return frozenset(target for targets in rows for target in targets) - {stage}


def members(source: Stage | Group) -> frozenset[Stage]:
    """Return the stages that a row of the table is about."""
    return source.value if isinstance(source, Group) else frozenset({source})

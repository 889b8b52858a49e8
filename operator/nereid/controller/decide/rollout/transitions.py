"""Which stage of a rollout may follow which, and upon what: as data, for people and for tests.

`decide` does not read this; the property tests hold that it makes no other transition, and makes each of these. The
diagram of docs/rollouts.md is made from it. Beginning the same stage anew is no transition.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.stage import AT_A_STEP, AT_REST, PREPARING, WAITING


class Group(Enum):
    """Stages that have transitions in common."""

    NOTHING_UNDER_WAY = AT_REST | {Stage.ROLLING_BACK}
    UNDER_WAY = PREPARING | AT_A_STEP | {Stage.PROMOTING}
    PREPARING = PREPARING
    AT_A_STEP = AT_A_STEP
    WAITING = WAITING


_PAUSES: Final = {Stage.PREPARATION_PAUSED: "spec paused"}
_HOLDS: Final = {Stage.PREPARATION_HELD: "spec refused or not resolved"}
_NO_PLACE: Final = {Stage.NO_PLACE: "surge 0, and one replica"}
_MOVES_ON: Final = {Stage.STARTING_PODS: "the next step", Stage.PROMOTING: "it has all traffic"}
# What a step is, once the proxies know its route, or as soon as the spec says otherwise.
_DWELLS: Final = {
    Stage.ANALYZING: "the step has a hold, and is judged",
    Stage.HOLDING: "the step has a hold, and is not judged",
    Stage.AWAITING_PROMOTION: "the step has no hold",
    Stage.STEP_PAUSED: "spec paused",
    Stage.STEP_HELD: "spec refused or not resolved",
}

TRANSITIONS: Final[Mapping[Stage | Group, Mapping[Stage, str]]] = MappingProxyType(
    {
        Group.NOTHING_UNDER_WAY: {
            Stage.STARTING_PODS: "the spec asks for a new revision, or a retry",
            Stage.PREPARATION_PAUSED: "likewise, spec paused",
            Stage.NO_PLACE: "likewise, surge 0 and one replica",
        },
        Group.UNDER_WAY: {
            Stage.STARTING_PODS: "superseded, or another strategy",
            Stage.PREPARATION_PAUSED: "likewise, spec paused",
            Stage.NO_PLACE: "likewise, surge 0 and one replica",
            Stage.RETREATING: "failed, aborted or superseded, and stable lacks pods",
            Stage.ROLLING_BACK: "failed, aborted or reverted",
        },
        Group.PREPARING: {**_PAUSES, **_HOLDS, **_NO_PLACE, Stage.PROMOTED_BY_USER: "promoted by its user"},
        Group.AT_A_STEP: {Stage.PROMOTED_BY_USER: "promoted by its user", Stage.STARTING_PODS: "no steps any more"},
        Stage.STARTING_PODS: {
            Stage.RUNNING_CHECKS: "its pods are ready, checks are due",
            Stage.PROPAGATING: "its pods are ready",
            Stage.PROMOTING: "its pods are ready, no step is left",
            Stage.COMPLETED: "the first revision has a pod",
        },
        Stage.RUNNING_CHECKS: {Stage.STARTING_PODS: "passed"},
        Stage.PROMOTED_BY_USER: {
            Stage.PROPAGATING: "its pods are ready, blue/green switches",
            Stage.PROMOTING: "its pods are ready",
        },
        Stage.PREPARATION_PAUSED: {Stage.STARTING_PODS: "spec resumed"},
        Stage.PREPARATION_HELD: {Stage.STARTING_PODS: "spec mended"},
        Stage.NO_PLACE: {Stage.STARTING_PODS: "there is place"},
        Stage.PROPAGATING: _DWELLS,
        Stage.ANALYZING: {
            **_DWELLS,
            **_MOVES_ON,
            Stage.INCONCLUSIVE: "undecided at the deadline",
            Stage.METRICS_UNAVAILABLE: "the provider keeps failing",
        },
        Stage.HOLDING: {**_DWELLS, **_MOVES_ON},
        Group.WAITING: _DWELLS,
        Stage.INCONCLUSIVE: _MOVES_ON,
        Stage.PROMOTING: {Stage.COMPLETED: "the proxies know the route"},
        Stage.RETREATING: {Stage.ROLLING_BACK: "stable has its pods, or time is over"},
        Stage.ROLLING_BACK: {
            Stage.FAILED: "the proxies know the route",
            Stage.IDLE: "likewise, and the spec asks for stable",
        },
        Stage.FAILED: {Stage.IDLE: "the spec asks for stable"},
    }
)


def stages_after(stage: Stage) -> frozenset[Stage]:
    """Return the stages that may follow one, itself excepted."""
    rows = (targets for source, targets in TRANSITIONS.items() if stage in members(source))
    return frozenset(target for targets in rows for target in targets) - {stage}


def members(source: Stage | Group) -> frozenset[Stage]:
    """Return the stages that a row of the table is about."""
    return source.value if isinstance(source, Group) else frozenset({source})

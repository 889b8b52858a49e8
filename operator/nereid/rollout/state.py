"""The state of a rollout, as it survives in the ModelDeployment's status."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from nereid.api.status import FailedRollout, ModelDeploymentStatus, RetiringRevision, RolloutPhase
from nereid.plan import LiveRevision

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Which revisions there are, and how far the rollout is.

    `weight` is the percentage of requests routed to the candidate. `step` is an index into the plan's steps; their
    number stands for the last move, to 100.
    """

    phase: RolloutPhase = "Idle"
    stable: str | None = None
    candidate: str | None = None
    weight: int = 0
    step: int = 0
    attempt: int = 1
    since: datetime = EPOCH
    reason: str = "Idle"
    retiring: tuple[RetiringRevision, ...] = ()
    failed: FailedRollout | None = None

    @classmethod
    def from_status(cls, status: ModelDeploymentStatus) -> "RolloutState":
        """Read the state back from a status; an empty status is the beginning."""
        rollout = status.rollout
        if rollout is None:
            return cls()
        return cls(
            phase=rollout.state,
            stable=status.stable.revision if status.stable else None,
            candidate=status.candidate.revision if status.candidate else None,
            weight=status.candidate.weight if status.candidate else 0,
            step=rollout.step,
            attempt=rollout.attempt,
            since=rollout.since,
            reason=rollout.reason,
            retiring=tuple(rollout.retiring),
            failed=rollout.failed,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person watching the object wants to know, once: type is Normal or Warning."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    `live` lists every revision that keeps its pods, the primary one first; weights sum to 100. `requeue_after` is the
    number of seconds after which time alone may change the decision; None when only an event can.
    """

    state: RolloutState
    live: tuple[LiveRevision, ...]
    events: tuple[Event, ...]
    requeue_after: float | None

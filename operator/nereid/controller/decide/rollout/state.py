"""The state of a rollout, which is stored in the ModelDeployment's status."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from nereid.api.rollout import Strategy
from nereid.api.rollout_stage import Stage
from nereid.api.status import (
    ChecksStatus,
    FailedRollout,
    FirstBakeStatus,
    ModelDeploymentStatus,
    PinnedRevision,
    RetiringRevision,
    RolloutPhase,
    ScalingStatus,
    ServedRevision,
    SleepPhase,
)
from nereid.controller.decide.orders import CheckRun, LiveRevision
from nereid.controller.decide.rollout.analysis_state import AnalysisState, unreadable_evidence
from nereid.controller.decide.rollout.attempts import NO_ATTEMPTS, Attempts
from nereid.controller.decide.rollout.stage import SHOWN_AS, cause_in, reason_of, stage_of
from nereid.controller.decide.rollout.webhook_state import WebhookState
from nereid.controller.plan.plan import NO_TRAFFIC, Exposure

_PERCENT: Final = 100
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def whole_second(now: datetime) -> datetime:
    """Round up to whole seconds, as status holds them, so that no wait is shorter than specified."""
    return now if now.microsecond == 0 else now.replace(microsecond=0) + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Retiring:
    """A revision that no longer gets traffic, and keeps `replicas` pods until it has drained.

    `looked_at` is when its pods' counters were last read, and `requests` how many requests they had answered by then;
    `was_late`: that was so late that the time before did not count in full. `requested_at` is when a reading last
    showed new requests. `may_return`: it was stable until a rollout replaced it, so it gets all traffic back at once if
    the spec asks for it again meanwhile. `log_kept_from`: it failed, and one of its pods is kept for its log, counted
    from then on; `is_drained`: no other is left.

    If the spec asks for it again, it is the candidate too, and keeps these pods for as long as they are more than its
    share needs.
    """

    revision: str
    since: datetime
    replicas: int
    looked_at: datetime | None = None
    requests: int | None = None
    requested_at: datetime | None = None
    may_return: bool = False
    was_late: bool = False
    log_kept_from: datetime | None = None
    is_drained: bool = False

    @classmethod
    def from_status(cls, status: RetiringRevision) -> "Retiring":
        """Read it back from status."""
        return cls(
            revision=status.revision,
            since=status.since,
            replicas=status.replicas,
            looked_at=status.looked_at,
            requests=status.requests,
            requested_at=status.requested_at,
            may_return=bool(status.may_return),
            was_late=bool(status.was_late),
            log_kept_from=status.log_kept_from,
            is_drained=bool(status.drained),
        )

    def to_status(self) -> RetiringRevision:
        """Return its form in status."""
        return RetiringRevision(
            revision=self.revision,
            since=self.since,
            replicas=self.replicas,
            looked_at=self.looked_at,
            requests=self.requests,
            requested_at=self.requested_at,
            may_return=self.may_return or None,
            was_late=self.was_late or None,
            log_kept_from=self.log_kept_from,
            drained=self.is_drained or None,
        )


@dataclass(frozen=True, slots=True)
class Sleep:
    """Whether stable sleeps, if it may; the last reading of its counters is kept as for a retiring revision."""

    state: SleepPhase
    since: datetime
    looked_at: datetime | None = None
    requests: int | None = None
    was_late: bool = False

    @classmethod
    def from_status(cls, status: ScalingStatus) -> "Sleep":
        """Read it back from status."""
        return cls(status.state, status.since, status.looked_at, status.requests, bool(status.was_late))

    def to_status(self) -> ScalingStatus:
        """Return its form in status."""
        return ScalingStatus(
            state=self.state,
            since=self.since,
            looked_at=self.looked_at,
            requests=self.requests,
            was_late=self.was_late or None,
        )


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Which revisions there are, and how far the rollout is.

    `stage` is where it is, `since` when that stage began, and `cause` why it was entered, if that may vary: a reason
    for users, which decides nothing. `exposure` is the traffic that is routed to the candidate. `step` is an index into
    the plan's steps; their number stands for the last move, to all traffic. `floor` is the number of pods that stable
    keeps at least. `checks` are the results of the last run of checks, and `rollbacks` counts the rollbacks by hand.
    `attempt` is the number of the attempt at this candidate, and `attempts` are the numbers that were used before.
    `sleep` is set for a model that may sleep. `started` is when the last rollout began, this attempt of it, and `trial`
    the number of this rollout among those of the candidate. `seen_at` is when a pass saw the route as decided, if it
    came so late that the time before did not count in full. `is_urgent`: stable is to get the traffic back even if that
    is more than its pods usually get. `unreadable` are parts of the status that could not be read, and so begin anew;
    it is empty again once that has been told. `webhooks` is what is known of those in the spec. `is_baked`: the bake is
    over; `is_promoted`: the attempt was promoted by hand before it. `first_bake` is that of a first revision, which is
    stable already.
    """

    stage: Stage = Stage.IDLE
    cause: str | None = None
    stable: str | None = None
    candidate: str | None = None
    strategy: Strategy | None = None
    exposure: Exposure = NO_TRAFFIC
    step: int = 0
    floor: int = 0
    is_fast: bool = False
    attempt: int = 1
    trial: int = 1
    since: datetime = EPOCH
    retiring: tuple[Retiring, ...] = ()
    failed: FailedRollout | None = None
    analysis: AnalysisState | None = None
    checks: ChecksStatus | None = None
    pinned: PinnedRevision | None = None
    rollbacks: int = 0
    history: tuple[ServedRevision, ...] = ()
    sleep: Sleep | None = None
    attempts: Attempts = NO_ATTEMPTS
    seen_at: datetime | None = None
    is_urgent: bool = False
    unreadable: tuple[str, ...] = ()
    started: datetime | None = None
    is_baked: bool = False
    is_promoted: bool = False
    first_bake: FirstBakeStatus | None = None
    webhooks: tuple[WebhookState, ...] = ()

    @property
    def phase(self) -> RolloutPhase:
        """What the rollout is doing, for users."""
        return SHOWN_AS[self.stage].phase

    @property
    def reason(self) -> str:
        """Why it is doing that: a reason in CamelCase, for users."""
        return reason_of(self.stage, self.cause)

    @property
    def weight(self) -> int:
        """The percentage of requests that the candidate answers."""
        return self.exposure.weight

    @classmethod
    def from_status(cls, status: ModelDeploymentStatus, unreadable: tuple[str, ...] = ()) -> "RolloutState":
        """Read the state back from a status; an empty status is the beginning.

        `unreadable` are the parts of the stored status that `status` lacks, as they could not be read.
        """
        rollout = status.rollout
        if rollout is None:
            return cls(history=tuple(status.history), unreadable=unreadable)
        weight = status.candidate.weight if status.candidate else 0
        stage = stage_of(rollout, has_candidate=status.candidate is not None, is_given_everything=weight == _PERCENT)
        return cls(
            stage=stage,
            cause=cause_in(stage, rollout.reason),
            stable=status.stable.revision if status.stable else None,
            candidate=status.candidate.revision if status.candidate else None,
            strategy=rollout.strategy,
            exposure=Exposure(
                weight=weight,
                mirror=rollout.mirror or 0,
                matched=bool(rollout.matched),
                preview=bool(rollout.preview),
            ),
            step=rollout.step,
            floor=rollout.floor or 0,
            is_fast=bool(rollout.fast_track),
            attempt=rollout.attempt,
            trial=rollout.trial or 1,
            since=rollout.since,
            retiring=tuple(Retiring.from_status(entry) for entry in rollout.retiring),
            failed=rollout.failed,
            analysis=AnalysisState.from_status(rollout.analysis) if rollout.analysis else None,
            checks=rollout.checks,
            pinned=rollout.pinned,
            rollbacks=rollout.rollbacks,
            history=tuple(status.history),
            sleep=Sleep.from_status(status.scaling) if status.scaling else None,
            seen_at=rollout.seen_at,
            is_urgent=bool(rollout.urgent),
            started=rollout.started_at,
            webhooks=tuple(WebhookState.from_status(entry) for entry in rollout.webhooks or ()),
            attempts=Attempts.from_status(rollout, status.candidate.revision if status.candidate else None),
            unreadable=(*unreadable, *(unreadable_evidence(rollout.analysis) if rollout.analysis else ())),
            is_baked=bool(rollout.baked),
            is_promoted=bool(rollout.promoted),
            first_bake=rollout.first_bake,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the candidate must not go on: a reason in CamelCase, and a sentence with the figures.

    `is_harmful`: it was found bad, so stable takes the traffic back even if that is up to twice what its ready pods
    usually get.
    """

    reason: str
    message: str
    is_harmful: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event, which is emitted once: type is Normal or Warning."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    `live` lists every revision that keeps its pods, stable first; weights sum to 100. `check_run` are the checks that
    are to be run now. `requeue_after` is the number of seconds after which time alone may change the decision; None if
    only an event can.
    """

    state: RolloutState
    live: tuple[LiveRevision, ...]
    events: tuple[Event, ...]
    requeue_after: float | None
    check_run: CheckRun | None = None


Transition = tuple[RolloutState, tuple[Event, ...]]


def entered(state: RolloutState, stage: Stage, now: datetime, cause: str | None = None) -> RolloutState:
    """Return the state in this stage, which begins now, also if it was in the same stage before."""
    return replace(state, stage=stage, since=whole_second(now), cause=cause, seen_at=None)


def not_after(state: RolloutState, now: datetime) -> RolloutState:
    """Return the state without times in the future: after a clock was set back, they would make waits too long."""
    latest = whole_second(now)
    judged = state.analysis
    return replace(
        state,
        since=min(state.since, latest),
        started=state.started and min(state.started, latest),
        seen_at=state.seen_at and min(state.seen_at, latest),
        retiring=tuple(_retiring_not_after(entry, latest) for entry in state.retiring),
        sleep=state.sleep and _sleep_not_after(state.sleep, latest),
        first_bake=state.first_bake and _first_bake_not_after(state.first_bake, latest),
        analysis=judged
        and replace(
            judged,
            sampled_at=min(judged.sampled_at, latest),
            looked_at=min(judged.looked_at, latest),
            exposed_at=judged.exposed_at and min(judged.exposed_at, latest),
        ),
    )


def _retiring_not_after(entry: Retiring, latest: datetime) -> Retiring:
    return replace(
        entry,
        since=min(entry.since, latest),
        looked_at=entry.looked_at and min(entry.looked_at, latest),
        requested_at=entry.requested_at and min(entry.requested_at, latest),
        log_kept_from=entry.log_kept_from and min(entry.log_kept_from, latest),
    )


def _first_bake_not_after(bake: FirstBakeStatus, latest: datetime) -> FirstBakeStatus:
    return bake if bake.since <= latest else bake.model_copy(update={"since": latest})


def _sleep_not_after(sleep: Sleep, latest: datetime) -> Sleep:
    looked_at = sleep.looked_at and min(sleep.looked_at, latest)
    return replace(sleep, since=min(sleep.since, latest), looked_at=looked_at)

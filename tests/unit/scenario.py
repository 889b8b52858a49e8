"""Rollouts in a line: `rollout().stable("a").candidate("b", weight=20, step=1).holding(60).decide()`.

A scenario is a value: each word returns a new one. Times are seconds before NOW, so that a test says what matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nereid.api.status import FailedRollout, ModelDeploymentStatus, RetiringRevision
from nereid.observed.facts import DeploymentFacts, Observed, PodFacts, RevisionObserved, Trouble
from nereid.plan import Command, Plan, RolloutPlan, Step, plan
from nereid.report.conditions import Picture
from nereid.report.status import report
from nereid.rollout.decide import decide, weights_of
from nereid.rollout.state import Decision, RolloutState
from nereid.settings import Settings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
METADATA = {"namespace": "models", "name": "digits", "uid": "1f7c", "generation": 3}
URI = "pvc://models/digits/1/model.onnx"
PROPAGATION = 10
DRAIN = 30
PROGRESS_DEADLINE = 600


def plan_of(spec: Mapping[str, Any] | None = None, annotations: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of a spec, by default of one that says only where the model is."""
    return plan(
        {**METADATA, "annotations": annotations or {}}, {"model": {"uri": URI}} if spec is None else spec, Settings()
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@dataclass(frozen=True)
class Scenario:
    """A rollout at NOW: its state, what the user wants, and what the cluster shows."""

    state: RolloutState
    rollout: RolloutPlan
    wanted: str = ""
    replicas: int = 4
    available: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    problems: tuple[Trouble, ...] = ()
    is_routed: bool = True
    lacking: frozenset[str] = frozenset()

    # What has happened so far.
    def stable(self, revision: str, ready: int | None = None) -> "Scenario":
        state = replace(self.state, stable=revision, phase="Completed", reason="Promoted", since=ago(3600))
        return replace(self, state=state, wanted=self.wanted or revision).ready(
            revision, self.replicas if ready is None else ready
        )

    def candidate(
        self, revision: str, *, weight: int = 0, step: int = 0, ready: int | None = None, attempt: int = 1
    ) -> "Scenario":
        """Add a candidate, by default with as many pods as its weight needs and wanted by the spec."""
        needed = -(-self.replicas * weight // 100)
        state = replace(
            self.state,
            candidate=revision,
            weight=weight,
            step=step,
            attempt=attempt,
            phase="Preparing",
            reason="StartingPods",
            since=NOW,
        )
        return replace(self, state=state, wanted=revision).ready(revision, needed if ready is None else ready)

    def phase(self, phase: str, seconds: float = 0, reason: str = "") -> "Scenario":
        return replace(self, state=replace(self.state, phase=phase, since=ago(seconds), reason=reason or phase))

    def preparing(self, seconds: float = 0, reason: str = "StartingPods") -> "Scenario":
        return self.phase("Preparing", seconds, reason)

    def propagating(self, seconds: float = 0) -> "Scenario":
        return self.phase("Propagating", seconds, "RouteChanged")

    def holding(self, seconds: float = 0) -> "Scenario":
        return self.phase("Holding", seconds, "HoldingWeight")

    def promoting(self, seconds: float = 0) -> "Scenario":
        return self.phase("Promoting", seconds, "RouteChanged")

    def rolling_back(self, seconds: float = 0) -> "Scenario":
        return self.phase("RollingBack", seconds, "Aborted")

    def failed(self, revision: str, attempt: int = 1, reason: str = "Aborted") -> "Scenario":
        failure = FailedRollout(revision=revision, attempt=attempt, reason=reason, message="because", at=ago(60))
        return replace(self, state=replace(self.state, failed=failure), wanted=revision).phase("Failed", 60, reason)

    def retiring(self, revision: str, seconds: float = 0, replicas: int = 1) -> "Scenario":
        one = RetiringRevision(revision=revision, since=ago(seconds), replicas=replicas)
        return replace(self, state=replace(self.state, retiring=(*self.state.retiring, one)))

    # What the user wants.
    def wanting(self, revision: str) -> "Scenario":
        return replace(self, wanted=revision)

    def steps(self, *steps: tuple[int, int | None]) -> "Scenario":
        return self._rollout(steps=tuple(Step(weight, hold) for weight, hold in steps))

    def direct(self) -> "Scenario":
        return self.steps()

    def paused(self) -> "Scenario":
        return self._rollout(paused=True)

    def promote(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(promote=Command(revision, attempt))

    def abort(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(abort=Command(revision, attempt))

    def retry(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(retry=Command(revision, attempt))

    def scaled(self, replicas: int) -> "Scenario":
        return replace(self, replicas=replicas)

    # What the cluster shows.
    def ready(self, revision: str, pods: int) -> "Scenario":
        return replace(self, available={**self.available, revision: pods})

    def trouble(self, revision: str, reason: str, message: str = "it is ill") -> "Scenario":
        return replace(self, troubles={**self.troubles, revision: Trouble(reason, message)})

    def unrouted(self) -> "Scenario":
        """Let the VirtualServices lead elsewhere than was decided."""
        return replace(self, is_routed=False)

    def without_service(self, revision: str) -> "Scenario":
        return replace(self, lacking=self.lacking | {revision})

    def problem(self, reason: str, message: str = "it is refused") -> "Scenario":
        return replace(self, problems=(*self.problems, Trouble(reason, message)))

    # What comes of it.
    @property
    def plan(self) -> Plan:
        return replace(plan_of(), revision=self.wanted, replicas=self.replicas, rollout=self.rollout)

    @property
    def observed(self) -> Observed:
        routes = frozenset({frozenset(weights_of(self.state).items())}) if self.is_routed else frozenset()
        return Observed({one: self._seen(one) for one in {*self.available, *self.troubles}}, routes)

    def decide(self, now: datetime = NOW) -> Decision:
        return decide(self.plan, self.observed, self.state, now)

    def picture(self) -> Picture:
        """Return the picture of a pass that decides."""
        return Picture(self.plan, self.decide(), self.observed, self.problems)

    def report(self, previous: ModelDeploymentStatus | None = None, now: datetime = NOW) -> ModelDeploymentStatus:
        return report(self.picture(), {}, "http://digits.example.com", previous or ModelDeploymentStatus(), now)

    def _rollout(self, **changes: Any) -> "Scenario":
        return replace(self, rollout=replace(self.rollout, **changes))

    def _seen(self, revision: str) -> RevisionObserved:
        available, trouble = self.available.get(revision, 0), self.troubles.get(revision)
        return RevisionObserved(
            deployment=DeploymentFacts(replicas=available, ready=available, available=available, trouble=None),
            pods=(PodFacts(f"digits-{revision}-0", ready=False, trouble=trouble),) if trouble else (),
            has_service=revision not in self.lacking,
        )


def rollout() -> Scenario:
    """Begin a scenario: nothing exists; steps are 20% and 50%, a minute each; four replicas."""
    asked = RolloutPlan(
        steps=(Step(20, 60), Step(50, 60)),
        paused=False,
        drain=DRAIN,
        propagation=PROPAGATION,
        progress_deadline=PROGRESS_DEADLINE,
        promote=None,
        abort=None,
        retry=None,
    )
    return Scenario(RolloutState(), asked)

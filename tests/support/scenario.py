"""Rollouts in a line: `rollout().stable("a").candidate("b", weight=20, step=1).holding(60).decide()`.

A scenario is a value: each word returns a new one. Times are seconds before NOW, so that a test says what matters. What
the user wants comes before the candidate, which is made for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nereid.api.checks import CheckSpec
from nereid.api.rollout import ABTestSpec, HeaderMatch
from nereid.api.rollout_stage import Stage
from nereid.api.scaling import ScalingMetric
from nereid.api.status import (
    ChecksStatus,
    CheckStatus,
    FailedRollout,
    ModelDeploymentStatus,
    PinnedRevision,
    RolloutPhase,
    ServedRevision,
    SleepPhase,
)
from nereid.controller.decide.orders import exposure_id
from nereid.controller.decide.rollout.analysis import new_analysis
from nereid.controller.decide.rollout.capacity import exposure_at
from nereid.controller.decide.rollout.checks import due
from nereid.controller.decide.rollout.decide import decide
from nereid.controller.decide.rollout.draining import stable_falling_asleep
from nereid.controller.decide.rollout.routing import is_gated, routing_of
from nereid.controller.decide.rollout.stage import cause_in, stage_shown_as
from nereid.controller.decide.rollout.state import Decision, Retiring, RolloutState, Sleep
from nereid.controller.observed.check_results import CheckResult, ChecksFacts
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.facts import (
    NOWHERE,
    DeploymentFacts,
    Observed,
    PodFacts,
    Problem,
    RevisionObserved,
    RevisionRecord,
    Routing,
    ScalerFacts,
)
from nereid.controller.observed.sample import (
    ERRORS,
    REJECTIONS,
    Activity,
    Comparison,
    QueryReading,
    RoutedRequests,
    Sample,
    SampleFailure,
)
from nereid.controller.plan.autoscaling import DEFAULT_METRICS, Autoscaling
from nereid.controller.plan.plan import (
    NO_TRAFFIC,
    Analysis,
    Command,
    Exposure,
    Guard,
    Plan,
    Query,
    Rollback,
    RolloutPlan,
    Specified,
    Step,
    held_at,
)
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings
from nereid.controller.plan.webhooks import WebhookPlan
from nereid.controller.plan.windows import Window
from nereid.controller.report.conditions import ReportInput
from nereid.controller.report.status import report

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SETTINGS = Settings()
METADATA: dict[str, Any] = {"namespace": "models", "name": "digits", "uid": "1f7c", "generation": 3}
URI = "pvc://models/digits/1/model.onnx"
PROPAGATION = 10
DRAIN = 30
PROGRESS_DEADLINE = 600
INTERVAL = 30
ANALYSIS_DEADLINE = 600
SLEEP_AFTER = 120
COLD_START_TIMEOUT = 300

ANALYSIS = Analysis(
    provider="Prometheus",
    interval=INTERVAL,
    deadline=ANALYSIS_DEADLINE,
    on_inconclusive="Pause",
    latency_objective=None,
    tolerated=1.5,
    against=3.0,
    negligible=0.01,
    alpha=0.01,
    beta=0.05,
    guard=Guard(errors=0.1, slow=None, min_requests=10),
    queries=(),
)


def plan_of(spec: Mapping[str, Any] | None = None, annotations: Mapping[str, str] | None = None) -> Specified:
    """Return the plan of a spec, by default of one that says only where the model is."""
    return read_plan(
        {**METADATA, "annotations": annotations or {}}, {"model": {"uri": URI}} if spec is None else spec, SETTINGS
    )


PLAN = plan_of()
# Of an operator that lacks nothing for scaling.
SCALING_SETTINGS = Settings(prometheus_url="http://prometheus:9090", activator_service="nereid-activator.nereid-system")
BUSY = ScalerFacts(is_active=True, works=True, problem=None)
IDLE = ScalerFacts(is_active=False, works=True, problem=None)
NEW = ScalerFacts(is_active=None, works=None, problem=None)
FAILING = ScalerFacts(is_active=False, works=False, problem=Problem("TriggerError", "Prometheus is down"))


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
    pod_problems: Mapping[str, Problem] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    is_routed: bool = True
    lacking: frozenset[str] = frozenset()
    sample: Sample | SampleFailure | None = None
    checks: ChecksFacts | None = None
    # What a look at the pods of retiring revisions tells; by default that it cannot be told.
    activity: Mapping[str, Activity] = field(default_factory=dict)
    is_looking: bool = False
    records: frozenset[str] = frozenset()
    # Places on nodes that pods hold which are not ready, or are ending.
    occupied: Mapping[str, int] = field(default_factory=dict)
    # Ready pods that Services have as endpoints; by default that is not known.
    endpoints: Mapping[str, int] = field(default_factory=dict)
    # Pods that Deployments are to have; by default those that are available.
    deployed: Mapping[str, int] = field(default_factory=dict)
    autoscaling: Autoscaling | None = None
    settings: Settings = SETTINGS
    scalers: Mapping[str, ScalerFacts] = field(default_factory=dict)
    has_keda: bool = True
    is_held: bool = False

    # What has happened so far.
    def stable(self, revision: str, ready: int | None = None) -> "Scenario":
        state = replace(self.state, stable=revision, stage=Stage.COMPLETED, since=ago(3600))
        return replace(self, state=state, wanted=self.wanted or revision).ready(
            revision, self.replicas if ready is None else ready
        )

    def candidate(
        self,
        revision: str,
        *,
        weight: int = 0,
        step: int = 0,
        ready: int | None = None,
        attempt: int = 1,
        exposure: Exposure | None = None,
    ) -> "Scenario":
        """Add a candidate, by default with as many pods as its weight needs and wanted by the spec."""
        exposure = exposure or Exposure(weight)
        needed = -(-self.replicas * exposure.share // 100)
        state = replace(
            self.state,
            candidate=revision,
            strategy=self.rollout.strategy,
            exposure=exposure,
            floor=self.replicas if self.state.stable else 0,
            analysis=new_analysis(replace(self, wanted=revision).plan, NOW) if exposure != NO_TRAFFIC else None,
            step=step,
            attempt=attempt,
            attempts=self.state.attempts.with_attempt(revision, attempt),
            stage=Stage.STARTING_PODS,
            since=NOW,
        )
        return replace(self, state=state, wanted=revision).ready(revision, needed if ready is None else ready)

    def phase(self, phase: RolloutPhase, seconds: float = 0, reason: str = "") -> "Scenario":
        """Let it be at the stage that is shown so, since so many seconds."""
        stage = stage_shown_as(phase, reason, has_candidate=self.state.candidate is not None)
        return self.at(stage, seconds, cause_in(stage, reason or phase))

    def at(self, stage: Stage, seconds: float = 0, cause: str | None = None) -> "Scenario":
        return replace(self, state=replace(self.state, stage=stage, since=ago(seconds), cause=cause))

    def preparing(self, seconds: float = 0, reason: str = "StartingPods") -> "Scenario":
        return self.phase("Preparing", seconds, reason)

    def propagating(self, seconds: float = 0) -> "Scenario":
        return self.phase("Propagating", seconds, "RouteChanged")

    def holding(self, seconds: float = 0) -> "Scenario":
        return self.phase("Holding", seconds, "HoldingWeight")

    def promoting(self, seconds: float = 0) -> "Scenario":
        return self.phase("Promoting", seconds, "RouteChanged")

    def rolling_back(self, seconds: float = 0) -> "Scenario":
        scenario = replace(self, state=replace(self.state, floor=self.replicas))
        return scenario.phase("RollingBack", seconds, "Aborted")

    def analyzing(self, seconds: float = 0) -> "Scenario":
        """Let the candidate be at a step since so long, with the next look due now."""
        return self.phase("Analyzing", seconds, "CollectingEvidence").looked(INTERVAL)

    def looked(self, seconds: float, **known: Any) -> "Scenario":
        """Let the provider have answered so many seconds ago; `known` is what the judge has learned from it."""
        assert self.state.analysis
        analysis = replace(self.state.analysis, sampled_at=ago(seconds), looked_at=ago(seconds), **known)
        return replace(self, state=replace(self.state, analysis=analysis))

    def exposed(self, seconds: float) -> "Scenario":
        """Let the candidate's traffic have risen so many seconds ago."""
        assert self.state.analysis
        return replace(self, state=replace(self.state, analysis=replace(self.state.analysis, exposed_at=ago(seconds))))

    def has_passed(self, *results: tuple[str, bool], step: int = 0) -> "Scenario":
        """Let checks have been run for a step, by default with a single one that passed."""
        told = [CheckStatus(name=name, passed=passed, message="as told") for name, passed in results or [("one", True)]]
        of = exposure_at(self.rollout, step)
        return replace(
            self, state=replace(self.state, checks=ChecksStatus(step=step, exposure=exposure_id(of), results=told))
        )

    def failed(self, revision: str, attempt: int = 1, reason: str = "Aborted") -> "Scenario":
        return self.failed_before(revision, attempt, reason).wanting(revision).phase("Failed", 60, reason)

    def failed_before(self, revision: str, attempt: int = 1, reason: str = "Aborted") -> "Scenario":
        failure = FailedRollout(revision=revision, attempt=attempt, reason=reason, message="because", at=ago(60))
        attempts = self.state.attempts.with_attempt(revision, attempt)
        return replace(self, state=replace(self.state, failed=failure, attempts=attempts))

    def served(self, *revisions: str) -> "Scenario":
        """Let these have been stable, the newest first, and let their ControllerRevisions be there."""
        history = tuple(ServedRevision(revision=one, version=f"1-{one}", model_uri=URI) for one in revisions)
        return self.with_history(history).recorded(*revisions)

    def with_history(self, history: tuple[ServedRevision, ...]) -> "Scenario":
        return replace(self, state=replace(self.state, history=history))

    def pinned(self, revision: str, instead_of: str, rollbacks: int = 1) -> "Scenario":
        pin = PinnedRevision(revision=revision, instead_of=instead_of)
        return replace(self, state=replace(self.state, pinned=pin, rollbacks=rollbacks))

    def retiring(
        self,
        revision: str,
        seconds: float = 0,
        replicas: int = 1,
        looked: tuple[float, int] | None = None,
        *,
        was_replaced: bool = False,
        log_kept: float | None = None,
    ) -> "Scenario":
        """Let a revision have lost its traffic, if it `was_replaced` as stable by a rollout.

        `looked` is when its pods were last looked at, and their requests; `log_kept` since when a pod of it is to be
        kept for its log.
        """
        one = Retiring(
            revision=revision,
            since=ago(seconds),
            replicas=replicas,
            looked_at=ago(looked[0]) if looked else None,
            requests=looked[1] if looked else None,
            may_return=was_replaced,
            log_kept_from=None if log_kept is None else ago(log_kept),
        )
        return replace(self, state=replace(self.state, retiring=(*self.state.retiring, one)))

    def requested(self, revision: str, seconds: float) -> "Scenario":
        """Let a look so long ago have shown new requests to a revision without traffic."""
        entries = (
            replace(one, requested_at=ago(seconds)) if one.revision == revision else one for one in self.state.retiring
        )
        return replace(self, state=replace(self.state, retiring=tuple(entries)))

    # What the user wants.
    def held(self) -> "Scenario":
        """Nobody knows what the spec asks for: the revision that was asked for before stands in for it."""
        return replace(self, is_held=True)

    def wanting(self, revision: str) -> "Scenario":
        return replace(self, wanted=revision)

    def steps(self, *steps: tuple[int, int | None]) -> "Scenario":
        return self._rollout(steps=tuple(Step(Exposure(weight), hold) for weight, hold in steps))

    def mirroring(self, *steps: tuple[int, int | None], then: tuple[tuple[int, int | None], ...]) -> "Scenario":
        """Let copies of requests come first, then shares of them."""
        mirrored = tuple(Step(Exposure(mirror=share), hold) for share, hold in steps)
        return self._rollout(steps=(*mirrored, *(Step(Exposure(weight), hold) for weight, hold in then)))

    def direct(self) -> "Scenario":
        return self.steps()._rollout(strategy="Direct")

    def blue_green(self, preview_hold: int | None = None, keep: int = 300) -> "Scenario":
        steps = (Step(Exposure(preview=True), preview_hold),)
        return self._rollout(strategy="BlueGreen", steps=steps, bake=keep)

    def bake(self, seconds: int, holdback: int = 0) -> "Scenario":
        """Let stable be kept for so long after the last move, and keep so many percent; by default there is no bake."""
        return self._rollout(bake=seconds, holdback=holdback)

    def ab_test(self, hold: int | None = None, **header: str) -> "Scenario":
        match = ABTestSpec(headers=[HeaderMatch(name="x-group", **header)]) if header else None
        return self._rollout(strategy="ABTest", steps=(Step(Exposure(matched=True), hold),), match=match)

    def shadow(self, *steps: tuple[int, int | None]) -> "Scenario":
        mirrored = tuple(Step(Exposure(mirror=share), hold) for share, hold in steps or [(100, None)])
        return self._rollout(strategy="Shadow", steps=mirrored)

    def without_surge(self, *, allow_downtime: bool = False) -> "Scenario":
        return self._rollout(surge=0, allow_downtime=allow_downtime)

    def checking(self, *checks: CheckSpec) -> "Scenario":
        return self._rollout(checks=checks)

    def smoke(self, *, asked_for: bool | None = None) -> "Scenario":
        """Let the built-in check run: because nothing is said against it, or because the user asks for it."""
        return self._rollout(smoke=asked_for)

    def asking(self, *queries: Query) -> "Scenario":
        return self._rollout(analysis=replace(self.rollout.analysis, queries=queries))

    def history_limit(self, limit: int) -> "Scenario":
        return self._rollout(history_limit=limit)

    def fast_track(self) -> "Scenario":
        return self._rollout(fast_track=True)

    def judged(self, **changes: Any) -> "Scenario":
        """Let the candidate be judged, by Prometheus unless said otherwise."""
        return self._rollout(analysis=replace(ANALYSIS, **changes))

    def end_bake(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(end_bake=Command(revision, attempt), promote=Command(revision, attempt))

    def paused(self) -> "Scenario":
        return self._rollout(paused=True)

    def within(self, seconds: int, started: float) -> "Scenario":
        """Let the whole rollout have this long; it has taken `started` seconds."""
        return replace(self._rollout(max_duration=seconds), state=replace(self.state, started=ago(started)))

    def windows(self, *windows: Window) -> "Scenario":
        return self._rollout(windows=windows)

    def calling(self, *webhooks: WebhookPlan) -> "Scenario":
        return self._rollout(webhooks=webhooks)

    def promote(self, revision: str, attempt: int = 1, step: int | None = None) -> "Scenario":
        return self._rollout(promote=Command(revision, attempt, step))

    def keeping_failed_pod(self, seconds: float) -> "Scenario":
        return self._rollout(keep_failed_pod=seconds)

    def abort(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(abort=Command(revision, attempt))

    def retry(self, revision: str, attempt: int = 1) -> "Scenario":
        return self._rollout(retry=Command(revision, attempt))

    def rollback(self, revision: str, number: int = 1) -> "Scenario":
        return self._rollout(rollback=Rollback(revision, number))

    def scaled(self, replicas: int) -> "Scenario":
        return replace(self, replicas=replicas)

    def autoscaled(self, maximum: int = 8, *metrics: ScalingMetric, may_sleep: bool = False) -> "Scenario":
        """Let the number of pods follow metrics; the cluster has all that is needed for it."""
        asked = Autoscaling(
            maximum=maximum,
            may_sleep=may_sleep,
            metrics=metrics or DEFAULT_METRICS,
            behavior=None,
            sleep_after=SLEEP_AFTER,
            cold_start_timeout=COLD_START_TIMEOUT,
        )
        return replace(self, autoscaling=asked, settings=SCALING_SETTINGS)

    def not_autoscaled(self) -> "Scenario":
        return replace(self, autoscaling=None)

    def set_up(self, **settings: Any) -> "Scenario":
        """Let the operator have been set up differently."""
        return replace(self, settings=self.settings.model_copy(update=settings))

    # Sleep.
    def sleep(self, phase: SleepPhase, seconds: float = 0, looked: tuple[float, int] | None = None) -> "Scenario":
        """Let it sleep, or not, since so long; `looked` is when its pods were last looked at, and their requests."""
        told = Sleep(
            state=phase,
            since=ago(seconds),
            looked_at=ago(looked[0]) if looked else None,
            requests=looked[1] if looked else None,
        )
        return replace(self, state=replace(self.state, sleep=told))

    # What the cluster shows.
    def scaler(self, revision: str, facts: ScalerFacts | None) -> "Scenario":
        """Let a revision's scaler be there, and show this; None: there is none."""
        others = {one: seen for one, seen in self.scalers.items() if one != revision}
        return replace(self, scalers={**others, **({revision: facts} if facts else {})})

    def deploying(self, revision: str, pods: int) -> "Scenario":
        """Let a revision's Deployment have been given so many pods."""
        return replace(self, deployed={**self.deployed, revision: pods})

    def without_keda(self) -> "Scenario":
        return replace(self, has_keda=False)

    def ready(self, revision: str, pods: int) -> "Scenario":
        return replace(self, available={**self.available, revision: pods})

    def with_endpoints(self, revision: str, pods: int) -> "Scenario":
        """Let a revision's Service have so many of its ready pods as endpoints."""
        return replace(self, endpoints={**self.endpoints, revision: pods})

    def pod_problem(self, revision: str, reason: str, message: str = "it is ill") -> "Scenario":
        return replace(self, pod_problems={**self.pod_problems, revision: Problem(reason, message)})

    def unrouted(self) -> "Scenario":
        """Let the VirtualServices lead elsewhere than was decided."""
        return replace(self, is_routed=False)

    def without_service(self, revision: str) -> "Scenario":
        return replace(self, lacking=self.lacking | {revision})

    def counted(
        self,
        candidate: tuple[int, int],
        stable: tuple[int, int] = (0, 0),
        queries: Mapping[str, QueryReading] | None = None,
        until: datetime = NOW,
        routed: RoutedRequests | None = None,
    ) -> "Scenario":
        """Let the provider have counted requests and errors of both revisions since the last look."""
        errors = Comparison(Counts(*candidate), Counts(*stable))
        rejections = Comparison(Counts(candidate[0], 0), Counts(stable[0], 0))
        metrics = {ERRORS: errors, REJECTIONS: rejections}
        return replace(self, sample=Sample(until, metrics, queries or {}, routed=routed))

    def following(self) -> "Scenario":
        """Go on with the state that was decided."""
        return replace(self, state=self.decide().state)

    def settled(self) -> "Scenario":
        """Go on until nothing more happens at this moment."""
        following = self.following()
        return self if following.state == self.state else following.settled()

    def after(self, *intervals: tuple[tuple[int, int], tuple[int, int]]) -> "Scenario":
        """Go through intervals, each with requests and errors of candidate and stable; the next look is due again."""
        scenario = self
        for candidate, stable in intervals:
            state = scenario.counted(candidate, stable).decide().state
            scenario = replace(self, state=state).looked(INTERVAL)
        return scenario

    def provider_fails(self, message: str = "Prometheus is down") -> "Scenario":
        return replace(self, sample=SampleFailure(NOW, message))

    def checked(self, *results: tuple[str, bool], failure: str | None = None) -> "Scenario":
        """Let the Job that runs the checks have ended so."""
        run = due(self.plan, self.state)
        told = tuple(CheckResult(name, passed, f"{name} is {passed}") for name, passed in results)
        return replace(self, checks=ChecksFacts(run.id if run else "", told, failure))

    def active(self, revision: str, requests: int | None, in_flight: int | None = 0) -> "Scenario":
        """Let a revision's pods have answered so many requests, and have so many in flight; None: it cannot be told."""
        return replace(self, activity={**self.activity, revision: Activity(requests, in_flight)})

    def unseen(self) -> "Scenario":
        """Let no look at the pods of retiring revisions have been answered yet."""
        return replace(self, is_looking=True)

    def recorded(self, *revisions: str) -> "Scenario":
        """Let ControllerRevisions of these be there."""
        return replace(self, records=self.records | set(revisions))

    def holds(self, revision: str, places: int) -> "Scenario":
        """Let a revision's pods hold this many places, ready or not."""
        return replace(self, occupied={**self.occupied, revision: places})

    def without_records(self) -> "Scenario":
        """Let somebody have deleted all ControllerRevisions."""
        return replace(self, records=frozenset())

    def problem(self, reason: str, message: str = "it is refused") -> "Scenario":
        return replace(self, problems=(*self.problems, Problem(reason, message)))

    # What comes of it.
    @property
    def specified(self) -> Specified:
        """The plan of the revision that the spec asks for, even where it is held."""
        return replace(
            PLAN,
            revision=self.wanted,
            replicas=self.replicas,
            rollout=self.rollout,
            autoscaling=self.autoscaling,
            settings=self.settings,
        )

    @property
    def plan(self) -> Plan:
        asked = self.specified
        if not self.is_held:
            return asked
        return held_at(asked, _asked_before(self.state) or self.wanted, asked.model_name, None)

    @property
    def observed(self) -> Observed:
        seen = {*self.available, *self.pod_problems, *self.records, *self.occupied, *self.scalers}
        return Observed(
            {one: self._seen(one) for one in seen},
            self._routings,
            sample=self.sample,
            checks=self.checks,
            activity={} if self.is_looking else self._activity(),
            has_keda=self.has_keda,
            gated=frozenset({self.state.stable or ""} if self.is_routed and is_gated(self.state) else ()),
        )

    @property
    def _routings(self) -> frozenset[Routing]:
        decided = routing_of(self.state)
        if self.is_routed:
            return frozenset({decided})
        return frozenset({Routing(frozenset({("elsewhere", 100)}))}) if decided == NOWHERE else frozenset()

    def decide(self, now: datetime = NOW) -> Decision:
        return decide(self.plan, self.observed, self.state, now)

    def report_input(self) -> ReportInput:
        """Return the report_input of a pass that decides."""
        return ReportInput(self.plan, self.decide(), self.observed, self.problems, is_applied=True)

    def report(self, previous: ModelDeploymentStatus | None = None, now: datetime = NOW) -> ModelDeploymentStatus:
        return report(self.report_input(), {}, "http://digits.example.com", previous or ModelDeploymentStatus(), now)

    def _rollout(self, **changes: Any) -> "Scenario":
        return replace(self, rollout=replace(self.rollout, **changes))

    def _activity(self) -> dict[str, Activity]:
        looked_at = (*self.state.retiring, *stable_falling_asleep(self.state))
        return {one.revision: Activity(None, None) for one in looked_at} | dict(self.activity)

    def _seen(self, revision: str) -> RevisionObserved:
        available, problem = self.available.get(revision, 0), self.pod_problems.get(revision)
        others = max(1 if problem else 0, self.occupied.get(revision, available) - available)
        pods = [PodFacts(f"digits-{revision}-{number}", ready=True, problem=None) for number in range(available)]
        pods += [PodFacts(f"digits-{revision}-x{number}", ready=False, problem=problem) for number in range(others)]
        return RevisionObserved(
            deployment=DeploymentFacts(
                replicas=self.deployed.get(revision, available), ready=available, available=available, problem=None
            ),
            pods=pods,
            has_service=revision not in self.lacking,
            record=RevisionRecord(revision, 1, f"1-{revision}", URI, b"{}") if revision in self.records else None,
            scaler=self.scalers.get(revision),
            endpoints=self.endpoints.get(revision),
        )


def _asked_before(state: RolloutState) -> str | None:
    if state.pinned:
        return state.pinned.instead_of
    return state.candidate or (state.failed.revision if state.failed else state.stable)


def rollout() -> Scenario:
    """Begin a scenario: nothing exists; steps are 20% and 50%, a minute each, not judged; four replicas."""
    asked = RolloutPlan(
        strategy="Canary",
        steps=(Step(Exposure(20), 60), Step(Exposure(50), 60)),
        match=None,
        preview_hosts=(),
        surge=1,
        allow_downtime=False,
        analysis=replace(ANALYSIS, provider="None"),
        checks=(),
        smoke=False,
        checks_timeout=600,
        paused=False,
        fast_track=False,
        drain=DRAIN,
        keep_failed_pod=0,
        propagation=PROPAGATION,
        progress_deadline=PROGRESS_DEADLINE,
        max_duration=None,
        windows=(),
        history_limit=10,
        promote=None,
        abort=None,
        retry=None,
        rollback=None,
    )
    return Scenario(RolloutState(), asked)


def shares(decision: Decision) -> dict[str, tuple[int, int]]:
    """Return replicas and weight of each revision that keeps its pods."""
    return {one.revision: (one.replicas, one.weight) for one in decision.live}


def reasons(decision: Decision) -> list[str]:
    return [event.reason for event in decision.events]


def place(decision: Decision) -> tuple[str, int, int]:
    return decision.state.phase, decision.state.step, decision.state.weight


def doing(decision: Decision) -> tuple[str, str]:
    return decision.state.phase, decision.state.reason


def unchanged(scenario: Scenario) -> bool:
    decision = scenario.decide()
    return decision.state == scenario.state and not decision.events

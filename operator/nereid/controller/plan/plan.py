"""The plan of a ModelDeployment: what its spec means, with defaults resolved and units in numbers.

Values only; `reading` reads a spec into a plan, and `planning` makes the plan of a pass. Pure: no client, no clock.
"""

import re
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

from nereid.api.analysis import AnalysisProvider, OnInconclusive
from nereid.api.checks import CheckSpec
from nereid.api.identity import Owner
from nereid.api.model import ModelSpec
from nereid.api.rollout import ABTestSpec, Strategy
from nereid.api.runtime import DisruptionBudget, RuntimeSpec
from nereid.controller.observed.facts import Problem
from nereid.controller.plan.autoscaling import Autoscaling
from nereid.controller.plan.settings import Settings
from nereid.controller.plan.webhooks import WebhookPlan
from nereid.controller.plan.windows import Window

# Why a spec is rejected: it cannot be carried out, or the installer's policy does not allow its pods.
INVALID_SPEC: Final = "InvalidSpec"
POLICY_VIOLATION: Final = "PolicyViolation"
_PERCENT: Final = 100
_COMMAND: Final = re.compile(r"(?P<revision>[a-z0-9]+)(?:/(?P<attempt>[0-9]{1,10})(?:/(?P<step>[0-9]{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which traffic reaches a revision.

    weight: percentage of requests that it answers. mirror: percentage of requests of which it gets a copy. matched:
    it answers the requests that match the A/B test. preview: it answers the requests to the preview hosts.
    """

    weight: int = 0
    mirror: int = 0
    matched: bool = False
    preview: bool = False

    @property
    def share(self) -> int:
        """The percentage of all pods that it needs: all of them if its number of requests is not known beforehand."""
        return _PERCENT if self.matched or self.preview else max(self.weight, self.mirror)

    @property
    def order(self) -> tuple[int, int]:
        """A key to compare exposures of the same strategy: higher means more."""
        return (self.weight, self.share)

    @property
    def has_traffic(self) -> bool:
        """Whether any request reaches it, or a copy of one."""
        return self != NO_TRAFFIC


NO_TRAFFIC: Final = Exposure()
ALL_TRAFFIC: Final = Exposure(weight=_PERCENT)


@dataclass(frozen=True, slots=True)
class Step:
    """What the candidate gets, and the least time that the step lasts, in seconds; None waits for a promotion.

    deadline: for how much longer the evidence may stay undecided; None: for as long as the analysis says.
    """

    exposure: Exposure
    hold: int | None
    deadline: int | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Ceilings as shares from 0 to 1, applied from `min_requests` on; `slow` is None if there is no ceiling."""

    errors: float
    slow: float | None
    min_requests: int


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL query of the user with its limits; `failure_limit` failures in a row fail the candidate."""

    name: str
    query: str
    minimum: float | None
    maximum: float | None
    max_ratio: float | None
    failure_limit: int


@dataclass(frozen=True, slots=True)
class BusinessMetric:
    """Two PromQL selectors of counters, of bad outcomes and of all, for the judge to compare with stable's."""

    name: str
    bad: str
    total: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the candidate is judged; times in seconds, the latency objective in milliseconds.

    tolerated and against are odds ratios, negligible a share from 0 to 1, alpha and beta probabilities; about `burst`
    bad requests have one cause. may_query: whether the operator may run its queries and business metrics. See
    `controller.decide.judge`.
    """

    provider: AnalysisProvider
    interval: int
    deadline: int
    on_inconclusive: OnInconclusive
    latency_objective: int | None
    tolerated: float
    against: float
    negligible: float
    alpha: float
    beta: float
    guard: Guard
    queries: tuple[Query, ...]
    business: tuple[BusinessMetric, ...] = ()
    burst: int = 1
    may_query: bool = True

    @property
    def has_queries(self) -> bool:
        """Whether any of it is PromQL of the user's own."""
        return bool(self.queries or self.business)

    @property
    def runs_queries(self) -> bool:
        """Whether PromQL of the user's own is run."""
        return self.has_queries and self.may_query


@dataclass(frozen=True, slots=True)
class Command:
    """A command to a rollout, from an annotation: the candidate and the attempt that it is meant for.

    step: the index of the step that a promotion leaves, if it is no promotion to the end.
    """

    revision: str
    attempt: int
    step: int | None = None

    @classmethod
    def parse(cls, value: str | None) -> "Command | None":
        """Read `REVISION`, `REVISION/ATTEMPT` or `REVISION/ATTEMPT/STEP`; None for anything else.

        An annotation may hold anything.
        """
        match = _COMMAND.fullmatch(value or "")
        if match is None:
            return None
        return cls(match["revision"], int(match["attempt"] or 1), int(match["step"]) if match["step"] else None)


@dataclass(frozen=True, slots=True)
class Rollback:
    """A rollback by hand: to which revision, and its number among the rollbacks of the ModelDeployment, from 1.

    Each number takes effect once.
    """

    revision: str
    number: int

    @classmethod
    def parse(cls, value: str | None) -> "Rollback | None":
        """Read `REVISION`, which is the first, or `REVISION/NUMBER`; None for anything else."""
        command = Command.parse(value)
        return cls(command.revision, command.attempt) if command and command.step is None else None


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """How the desired revision is rolled out; times in seconds. No steps: all traffic at once.

    is_auto: nobody has asked for these steps, so that one is passed over where too few requests come.
    smoke: whether the built-in check runs; None: where no other check asks the candidate, and only if it can.
    bake: how long the previous revision is kept after the last move; holdback: the percentage that it keeps meanwhile.
    end_bake: the attempt whose bake is to end by hand.
    """

    strategy: Strategy
    steps: tuple[Step, ...]
    match: ABTestSpec | None
    preview_hosts: tuple[str, ...]
    surge: int
    allow_downtime: bool
    analysis: Analysis
    checks: tuple[CheckSpec, ...]
    smoke: bool | None
    checks_timeout: int
    paused: bool
    fast_track: bool
    drain: float
    keep_failed_pod: float
    propagation: float
    progress_deadline: float
    max_duration: int | None
    windows: tuple[Window, ...]
    history_limit: int
    promote: Command | None
    abort: Command | None
    retry: Command | None
    rollback: Rollback | None
    is_auto: bool = False
    bake: int = 0
    holdback: int = 0
    end_bake: Command | None = None
    webhooks: tuple[WebhookPlan, ...] = ()

    def deadline_at(self, step: int) -> int:
        """Return for how long after a step's hold the evidence may stay undecided."""
        own = self.steps[step].deadline
        return self.analysis.deadline if own is None else own


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """The model's source in the present spec, from which Jobs are built, whichever revision is served."""

    owner: Owner
    settings: Settings
    model: ModelSpec
    runtime: RuntimeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a revision is to have, whether or not its model is known: how many pods, which routes, which rollout.

    model_name: the model's name in requests to Triton. replicas: the number of pods that stable has at least while it
    is awake. timeout: that of a request, in seconds. route_problems: why it lacks hosts or Gateways of the spec.
    hosts_after: in how many seconds it may have more of them without an event that tells of it.
    activator_key: with which the proofs for the activator are made; empty if there is none.
    """

    owner: Owner
    settings: Settings
    revision: str
    model_name: str
    source: SourceSpec
    replicas: int
    autoscaling: Autoscaling | None
    disruption_budget: DisruptionBudget
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    timeout: int
    rollout: RolloutPlan
    route_problems: tuple[Problem, ...] = ()
    hosts_after: float | None = None
    activator_key: str = field(default="", repr=False)


AnyPlan = TypeVar("AnyPlan", bound=Plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specified(Plan):
    """The revision that the spec asks for. model_uri: the resolved URI, from which the model is fetched.

    tolerated: why the installer's policy would refuse its pods, if they were not there already.
    """

    model: ModelSpec
    model_uri: str
    runtime: RuntimeSpec
    tolerated: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Plan):
    """The revision that was asked for before, as it is not known which one the spec asks for now.

    rejection: why the spec's model or its pods are rejected; None if only the spec's URI is not resolved yet.
    reason: the same in one word.
    """

    rejection: str | None
    reason: str = INVALID_SPEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned(Plan):
    """The revision that the user rolled back to by hand."""


def held_at(plan: Specified, revision: str, model_name: str, rejection: str | None, reason: str = INVALID_SPEC) -> Held:
    """Return the plan for another revision than its own, whose model is not in the spec."""
    return _as(Held, plan, revision=revision, model_name=model_name, rejection=rejection, reason=reason)


def pinned_to(plan: Plan, revision: str) -> Pinned:
    """Return the plan for the revision that its user rolled back to."""
    return _as(Pinned, plan, revision=revision)


def _as(kind: type[AnyPlan], plan: Plan, **differing: Any) -> AnyPlan:
    """Return a plan of another kind, with the values that all plans have, except those that differ."""
    common = {one.name: getattr(plan, one.name) for one in fields(Plan)}
    return kind(**{**common, **differing})

"""What a spec means: defaults resolved, durations in seconds, the revision that it asks for.

`plan` is the only place that rejects a spec. Nearly everything is rejected earlier, by the CRD's schema; what arrives
here in spite of that was written under an older CRD. Pure: no client, no clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from nereid.api import names
from nereid.api.analysis import AnalysisProvider, AnalysisSpec, GuardSpec, JudgeSpec, OnInconclusive, QueryCheck
from nereid.api.checks import CheckSpec
from nereid.api.identity import Owner
from nereid.api.model import LONGEST_VERSION, ModelSpec
from nereid.api.rollout import ABTestSpec, BlueGreenSpec, RolloutSpec, Strategy
from nereid.api.runtime import RuntimeSpec
from nereid.api.scaling import ScalingSpec
from nereid.api.schema import seconds
from nereid.api.traffic import TrafficSpec
from nereid.contract.source import RegisteredModel, source_of
from nereid.controller.plan.admission import admitted, refusal
from nereid.controller.plan.autoscaling import Autoscaling, autoscaling, fixed_replicas
from nereid.controller.plan.settings import Settings

DEFAULT_TIMEOUT: Final = "60s"
DEFAULT_DRAIN: Final = "30s"
DEFAULT_PROGRESS_DEADLINE: Final = 600
DEFAULT_KEEP: Final = "5m"
DEFAULT_INTERVAL: Final = "30s"
DEFAULT_ANALYSIS_DEADLINE: Final = "30m"
DEFAULT_CHECKS_TIMEOUT: Final = "10m"
DEFAULT_HISTORY_LIMIT: Final = 10
DEFAULT_MAX_ERROR_PERCENT: Final = 10.0
DEFAULT_MIN_REQUESTS: Final = 10
DEFAULT_QUERY_FAILURES: Final = 3
_PERCENT: Final = 100

# They say what is done with a model and its pods, not what they are.
_NOT_IN_MODEL: Final = {"refresh", "provenance", "tag_registry"}
_NOT_IN_RUNTIME: Final = {"disruption_budget"}
# What others define: an empty object in it means something, such as dynamicBatching with all its defaults.
_OPAQUE: Final = frozenset({"config", "podTemplate"})
# It means one GPU of any product.
_MEANT_EMPTY: Final = "gpu"
_COMMAND: Final = re.compile(r"(?P<revision>[a-z0-9]+)(?:/(?P<attempt>[0-9]{1,6}))?")


class InvalidSpecError(Exception):
    """A spec that cannot be carried out; the message says which field, and what to change.

    `rest` is what it means for the revisions that there are, where nothing but its model or its pods is refused.
    """

    def __init__(self, message: str, rest: "Plan | None" = None) -> None:
        super().__init__(message)
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Exposure:
    """What of the traffic reaches a revision.

    weight: percentage of requests that it answers. mirror: percentage of requests of which it gets a copy. matched:
    it answers those that the A/B test's match picks. preview: it answers what comes by the preview hosts.
    """

    weight: int = 0
    mirror: int = 0
    matched: bool = False
    preview: bool = False

    @property
    def share(self) -> int:
        """The percentage of all pods that it needs: nobody knows how many requests a match picks, so it needs all."""
        return _PERCENT if self.matched or self.preview else max(self.weight, self.mirror)

    @property
    def order(self) -> tuple[int, int]:
        """What makes one exposure more than another of the same strategy."""
        return (self.weight, self.share)

    @property
    def has_traffic(self) -> bool:
        """Whether any request reaches it, or a copy of one."""
        return self != NO_TRAFFIC


NO_TRAFFIC: Final = Exposure()
ALL_TRAFFIC: Final = Exposure(weight=_PERCENT)


@dataclass(frozen=True, slots=True)
class Step:
    """What the candidate gets, and the least time that it is held in seconds; None waits for a promotion."""

    exposure: Exposure
    hold: int | None


DEFAULT_STEPS: Final = (Step(Exposure(10), 300), Step(Exposure(50), 300))
DEFAULT_SHADOW: Final = (Step(Exposure(mirror=100), None),)


@dataclass(frozen=True, slots=True)
class Guard:
    """Ceilings as shares from 0 to 1, looked at from so many requests on; `slow` is None where it has no ceiling."""

    errors: float
    slow: float | None
    min_requests: int


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL query of the user's with its limits, and how many failures in a row are one too many."""

    name: str
    query: str
    minimum: float | None
    maximum: float | None
    max_ratio: float | None
    failure_limit: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the candidate is judged; times in seconds, the latency objective in milliseconds.

    tolerated and against are odds ratios, negligible a share from 0 to 1, alpha and beta probabilities; see
    `rollout.judge`.
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


@dataclass(frozen=True, slots=True)
class Command:
    """What a user's annotation asks of a rollout: it names the candidate, and which attempt at it is meant."""

    revision: str
    attempt: int

    @classmethod
    def parse(cls, value: str | None) -> "Command | None":
        """Read `REVISION` or `REVISION/ATTEMPT`; None for anything else, as an annotation may hold anything."""
        match = _COMMAND.fullmatch(value or "")
        return cls(match["revision"], int(match["attempt"] or 1)) if match else None


@dataclass(frozen=True, slots=True)
class Rollback:
    """A rollback by hand: to which revision, and the how manyth it is of the ModelDeployment, from 1.

    Each number is obeyed once.
    """

    revision: str
    number: int

    @classmethod
    def parse(cls, value: str | None) -> "Rollback | None":
        """Read `REVISION`, which is the first, or `REVISION/NUMBER`; None for anything else."""
        command = Command.parse(value)
        return cls(command.revision, command.attempt) if command else None


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """How the wanted revision takes over; times in seconds. No steps: all traffic at once."""

    strategy: Strategy
    steps: tuple[Step, ...]
    match: ABTestSpec | None
    preview_hosts: tuple[str, ...]
    surge: int
    allow_downtime: bool
    analysis: Analysis
    checks: tuple[CheckSpec, ...]
    checks_timeout: int
    paused: bool
    fast_track: bool
    drain: float
    propagation: float
    progress_deadline: float
    history_limit: int
    promote: Command | None
    abort: Command | None
    retry: Command | None
    rollback: Rollback | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec with its meaning: which revision is wanted, how many pods, which routes, which way there.

    model_uri: where the model is fetched from: the spec's URI, or what that was resolved to. replicas: the pods that
    stable has at least, while it is awake. refusal: why the spec's model or its pods cannot be. is_held: `revision` is
    the one that was asked for before, as these are refused or it is not known yet where the spec's URI leads; of that
    revision, the spec's model and runtime tell nothing.
    """

    owner: Owner
    settings: Settings
    revision: str
    model: ModelSpec
    model_uri: str
    runtime: RuntimeSpec
    replicas: int
    autoscaling: Autoscaling | None
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    timeout: int
    rollout: RolloutPlan
    refusal: str | None = None
    is_held: bool = False

    @property
    def model_name(self) -> str:
        """The name that clients ask Triton for."""
        return self.model.name or self.owner.name


def plan(metadata: Mapping[str, Any], spec: Mapping[str, Any], settings: Settings) -> Plan:
    """Return what a ModelDeployment's metadata and spec mean, its URI leading where it says.

    Raises InvalidSpecError with a sentence for the user.
    """
    found = _read(metadata, spec, settings)
    if found.refusal:
        raise InvalidSpecError(found.refusal, found)
    return found


def leading_to(plan: Plan, model_uri: str) -> Plan:
    """Return a plan whose URI may move with what it leads to, and so with the revision that it asks for."""
    if model_uri == plan.model_uri:
        return plan
    content = revision_content(plan.owner.name, plan.model, plan.runtime, model_uri)
    return replace(
        plan, revision=names.revision_of(content), model=_with_version(plan.model, model_uri), model_uri=model_uri
    )


def _read(metadata: Mapping[str, Any], spec: Mapping[str, Any], settings: Settings) -> Plan:
    if len(metadata["name"]) > names.MAX_NAME_LENGTH:
        raise InvalidSpecError(f"metadata.name is longer than {names.MAX_NAME_LENGTH} characters: shorten it")
    try:
        parsed = admitted(spec, settings)
        model, runtime = parsed.model, parsed.runtime or RuntimeSpec()
        scaling, traffic = parsed.scaling or ScalingSpec(), parsed.traffic or TrafficSpec()
        return Plan(
            owner=Owner(metadata["namespace"], metadata["name"], metadata["uid"], metadata.get("generation", 1)),
            settings=settings,
            revision=names.revision_of(revision_content(metadata["name"], model, runtime, model.uri)),
            model=_with_version(model, model.uri),
            model_uri=model.uri,
            runtime=runtime,
            replicas=fixed_replicas(scaling),
            autoscaling=autoscaling(scaling),
            hosts=tuple(traffic.hosts or ()),
            gateways=tuple(traffic.gateways or ()),
            timeout=seconds(traffic.timeout or DEFAULT_TIMEOUT),
            rollout=_rollout(parsed.rollout or RolloutSpec(), metadata.get("annotations") or {}, settings),
            refusal=refusal(parsed, settings),
        )
    except ValidationError as error:
        raise InvalidSpecError(_explain(error)) from error
    except ValueError as error:
        raise InvalidSpecError(str(error)) from error


def revision_content(name: str, model: ModelSpec, runtime: RuntimeSpec, model_uri: str) -> dict[str, Any]:
    """Return the user's fields that shape the pods, and nothing else: what a revision is the hash of.

    Empty fields are left out, so that fields which later versions of the API add change no hash. A URI counts as what
    it leads to, so that an alias and the version behind it are one revision.
    """
    fields = model.model_dump(exclude_none=True, exclude=_NOT_IN_MODEL)
    content = {
        "model": {"name": name, **fields, "uri": model_uri},
        "runtime": runtime.model_dump(exclude_none=True, exclude=_NOT_IN_RUNTIME),
    }
    return {part: _without_empty(fields) for part, fields in content.items()}


def _with_version(model: ModelSpec, model_uri: str) -> ModelSpec:
    """Return the model with the registry's version as its label, where the user gives none."""
    source = source_of(model_uri)
    version = source.version if isinstance(source, RegisteredModel) and source.is_immutable else None
    if model.version or version is None or len(version) > LONGEST_VERSION:
        return model
    return model.model_copy(update={"version": version})


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        key: _without_empty(value) if isinstance(value, Mapping) and key not in _OPAQUE else value
        for key, value in fields.items()
    }
    return {key: value for key, value in inner.items() if key == _MEANT_EMPTY or value not in ({}, [])}


def _rollout(rollout: RolloutSpec, annotations: Mapping[str, str], settings: Settings) -> RolloutPlan:
    checks = rollout.checks
    limit = rollout.revision_history_limit
    return RolloutPlan(
        strategy=rollout.strategy or "Canary",
        steps=_steps(rollout),
        match=rollout.ab_test,
        preview_hosts=tuple((rollout.blue_green or BlueGreenSpec()).preview_hosts or ()),
        surge=1 if rollout.surge is None else rollout.surge,
        allow_downtime=bool(rollout.allow_downtime),
        analysis=_analysis(rollout.analysis or AnalysisSpec(), settings),
        checks=tuple(checks.items) if checks else (),
        checks_timeout=seconds((checks and checks.timeout) or DEFAULT_CHECKS_TIMEOUT),
        paused=bool(rollout.paused),
        fast_track=bool(rollout.fast_track),
        drain=seconds(rollout.drain or DEFAULT_DRAIN),
        propagation=settings.propagation_seconds,
        progress_deadline=rollout.progress_deadline_seconds or DEFAULT_PROGRESS_DEADLINE,
        history_limit=DEFAULT_HISTORY_LIMIT if limit is None else limit,
        promote=Command.parse(annotations.get(names.ANNOTATION_PROMOTE)),
        abort=Command.parse(annotations.get(names.ANNOTATION_ABORT)),
        retry=Command.parse(annotations.get(names.ANNOTATION_RETRY)),
        rollback=Rollback.parse(annotations.get(names.ANNOTATION_ROLLBACK)),
    )


def _steps(rollout: RolloutSpec) -> tuple[Step, ...]:
    match rollout.strategy:
        case "Direct":
            return ()
        case "BlueGreen":
            asked = rollout.blue_green or BlueGreenSpec()
            preview = Step(Exposure(preview=True), _hold(asked.preview_hold))
            return (preview, Step(ALL_TRAFFIC, seconds(asked.keep or DEFAULT_KEEP)))
        case "ABTest":
            return (Step(Exposure(matched=True), _hold(rollout.ab_test.hold if rollout.ab_test else None)),)
        case "Shadow" if rollout.steps is None:
            return DEFAULT_SHADOW
        case "Shadow":
            return tuple(Step(Exposure(mirror=step.weight), _hold(step.hold)) for step in rollout.steps or ())
        case _ if rollout.steps is None:
            return DEFAULT_STEPS
        case _:
            return tuple(Step(Exposure(step.weight), _hold(step.hold)) for step in rollout.steps)


def _hold(duration: str | None) -> int | None:
    return None if duration is None else seconds(duration)


def _analysis(analysis: AnalysisSpec, settings: Settings) -> Analysis:
    if analysis.queries and not settings.allow_queries:
        raise ValueError(
            "spec.rollout.analysis.queries: this operator asks no queries of users, as its chart's "
            "prometheus.allowQueries says: remove them"
        )
    judge, guard = analysis.judge or JudgeSpec(), analysis.guard or GuardSpec()
    return Analysis(
        provider=_provider(analysis, settings),
        interval=seconds(analysis.interval or DEFAULT_INTERVAL),
        deadline=seconds(analysis.deadline or DEFAULT_ANALYSIS_DEADLINE),
        on_inconclusive=analysis.on_inconclusive or "Pause",
        latency_objective=analysis.latency_objective_milliseconds,
        tolerated=judge.tolerated or 1.5,
        against=judge.against or 3.0,
        negligible=(judge.negligible_percent or 1.0) / _PERCENT,
        alpha=judge.alpha or 0.01,
        beta=judge.beta or 0.05,
        guard=Guard(
            errors=(guard.max_error_percent or DEFAULT_MAX_ERROR_PERCENT) / _PERCENT,
            slow=guard.max_slow_percent / _PERCENT if guard.max_slow_percent else None,
            min_requests=guard.min_requests or DEFAULT_MIN_REQUESTS,
        ),
        queries=tuple(_query(query) for query in analysis.queries or ()),
    )


def _provider(analysis: AnalysisSpec, settings: Settings) -> AnalysisProvider:
    """Return the provider that is asked for, or the best that there is."""
    if analysis.provider:
        return analysis.provider
    # Where only Prometheus can tell, a rollout without one has to pause and say so.
    needs_prometheus = analysis.queries or analysis.latency_objective_milliseconds
    return "Prometheus" if settings.prometheus_url or needs_prometheus else "Triton"


def _query(query: QueryCheck) -> Query:
    return Query(
        name=query.name,
        query=query.query,
        minimum=query.min,
        maximum=query.max,
        max_ratio=query.max_ratio_to_stable,
        failure_limit=query.failure_limit or DEFAULT_QUERY_FAILURES,
    )


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(["spec", *(str(part) for part in problem["loc"])])
        problems.append(f"{path}: {problem['msg']}")
    return "; ".join(problems)

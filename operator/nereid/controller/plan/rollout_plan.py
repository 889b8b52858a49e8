"""How a spec's rollout is carried out: its steps, its analysis and its checks, with all defaults resolved. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from nereid.api import names
from nereid.api.analysis import AnalysisProvider, AnalysisSpec, GuardSpec, JudgeSpec, QueryCheck
from nereid.api.rollout import BlueGreenSpec, RolloutSpec
from nereid.api.rollout import Step as StepSpec
from nereid.api.schema import seconds
from nereid.controller.plan.plan import (
    Analysis,
    BusinessMetric,
    Command,
    Exposure,
    Guard,
    Query,
    Rollback,
    RolloutPlan,
    Step,
)
from nereid.controller.plan.settings import Settings
from nereid.controller.plan.webhooks import webhook_plans
from nereid.controller.plan.windows import window_of

DEFAULT_DRAIN: Final = "30s"
DEFAULT_KEEP_FAILED_POD: Final = "15m"
DEFAULT_PROGRESS_DEADLINE: Final = 600
DEFAULT_BAKE: Final = "5m"
# At the end of nereid.dev/promote: the bake is skipped too, or ended.
END_OF_BAKE: Final = "/bake"
DEFAULT_INTERVAL: Final = "30s"
DEFAULT_ANALYSIS_DEADLINE: Final = "30m"
DEFAULT_CHECKS_TIMEOUT: Final = "10m"
DEFAULT_HISTORY_LIMIT: Final = 10
DEFAULT_MAX_ERROR_PERCENT: Final = 10.0
DEFAULT_MIN_REQUESTS: Final = 10
DEFAULT_QUERY_FAILURES: Final = 3
DEFAULT_STEPS: Final = (Step(Exposure(10), 300), Step(Exposure(50), 300))
# At half a request per second, 600 of them come to a candidate with 50% in 40 minutes.
DEFAULT_LAST_DEADLINE: Final = "45m"
DEFAULT_SHADOW: Final = (Step(Exposure(mirror=100), None),)
_PERCENT: Final = 100


def rollout_plan(rollout: RolloutSpec, annotations: Mapping[str, str], settings: Settings) -> RolloutPlan:
    """Return the plan of a rollout, with the commands in the user's annotations.

    Raises ValueError with a sentence for the user.
    """
    checks = rollout.checks
    promote = annotations.get(names.ANNOTATION_PROMOTE, "")
    limit = rollout.revision_history_limit
    return RolloutPlan(
        strategy=rollout.strategy or "Canary",
        steps=_steps(rollout),
        is_auto=_is_auto(rollout),
        match=rollout.ab_test,
        preview_hosts=tuple((rollout.blue_green or BlueGreenSpec()).preview_hosts or ()),
        surge=1 if rollout.surge is None else rollout.surge,
        allow_downtime=bool(rollout.allow_downtime),
        analysis=_analysis(rollout.analysis or AnalysisSpec(), settings, is_auto=_is_auto(rollout)),
        checks=tuple((checks and checks.items) or ()),
        smoke=checks.smoke if checks else None,
        checks_timeout=seconds((checks and checks.timeout) or DEFAULT_CHECKS_TIMEOUT),
        paused=bool(rollout.paused),
        fast_track=bool(rollout.fast_track),
        drain=seconds(rollout.drain or DEFAULT_DRAIN),
        keep_failed_pod=seconds(rollout.keep_failed_pod or DEFAULT_KEEP_FAILED_POD),
        propagation=settings.propagation_seconds,
        progress_deadline=rollout.progress_deadline_seconds or DEFAULT_PROGRESS_DEADLINE,
        max_duration=_hold(rollout.max_duration),
        windows=tuple(window_of(window, index) for index, window in enumerate(rollout.windows or ())),
        history_limit=DEFAULT_HISTORY_LIMIT if limit is None else limit,
        promote=Command.parse(promote.removesuffix(END_OF_BAKE)),
        abort=Command.parse(annotations.get(names.ANNOTATION_ABORT)),
        retry=Command.parse(annotations.get(names.ANNOTATION_RETRY)),
        rollback=Rollback.parse(annotations.get(names.ANNOTATION_ROLLBACK)),
        bake=_bake(rollout),
        holdback=rollout.holdback or 0,
        end_bake=Command.parse(promote.removesuffix(END_OF_BAKE)) if promote.endswith(END_OF_BAKE) else None,
        webhooks=webhook_plans(rollout.webhooks or (), settings),
    )


def _is_auto(rollout: RolloutSpec) -> bool:
    """Whether nobody has asked for steps, so that they have to suit whatever comes."""
    return rollout.steps is None and rollout.strategy in {None, "Canary"}


def _default_steps(analysis: AnalysisSpec | None) -> tuple[Step, ...]:
    if analysis and analysis.deadline:
        return DEFAULT_STEPS
    *first, last = DEFAULT_STEPS
    return (*first, replace(last, deadline=seconds(DEFAULT_LAST_DEADLINE)))


def _steps(rollout: RolloutSpec) -> tuple[Step, ...]:
    match rollout.strategy:
        case "Direct":
            return ()
        case "BlueGreen":
            spec = rollout.blue_green or BlueGreenSpec()
            return (Step(Exposure(preview=True), _hold(spec.preview_hold)),)
        case "ABTest":
            return (Step(Exposure(matched=True), _hold(rollout.ab_test.hold if rollout.ab_test else None)),)
        case "Shadow" if rollout.steps is None:
            return DEFAULT_SHADOW
        case _ if rollout.steps is None:
            return _default_steps(rollout.analysis)
        case strategy:
            is_shadow = strategy == "Shadow"
            return tuple(
                Step(_exposure(step, index, is_shadow=is_shadow), _hold(step.hold))
                for index, step in enumerate(rollout.steps)
            )


def _exposure(step: StepSpec, index: int, *, is_shadow: bool) -> Exposure:
    if (step.weight is None) == (step.mirror is None):
        raise ValueError(f"spec.rollout.steps.{index}: set exactly one of weight and mirror")
    copied = step.weight if is_shadow else step.mirror
    return Exposure(mirror=copied) if copied else Exposure(step.weight or 0)


def _bake(rollout: RolloutSpec) -> int:
    """Return how long stable is kept after the last move: in blue/green that is `keep`."""
    if rollout.strategy == "BlueGreen":
        return seconds((rollout.blue_green or BlueGreenSpec()).keep or DEFAULT_BAKE)
    if rollout.bake is not None:
        return seconds(rollout.bake)
    return 0 if rollout.strategy == "Direct" or rollout.surge == 0 else seconds(DEFAULT_BAKE)


def _hold(duration: str | None) -> int | None:
    return None if duration is None else seconds(duration)


def _analysis(analysis: AnalysisSpec, settings: Settings, *, is_auto: bool) -> Analysis:
    interval = seconds(analysis.interval or DEFAULT_INTERVAL)
    if analysis.queries and settings.allow_queries:
        interval = max(interval, settings.shortest_query_interval)
    judge, guard = analysis.judge or JudgeSpec(), analysis.guard or GuardSpec()
    return Analysis(
        provider=_provider(analysis, settings),
        interval=interval,
        deadline=seconds(analysis.deadline or DEFAULT_ANALYSIS_DEADLINE),
        on_inconclusive=analysis.on_inconclusive or ("ContinueIfClean" if is_auto else "Pause"),
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
        queries=tuple(_query(entry, entry.query) for entry in analysis.queries or () if entry.query),
        business=tuple(
            BusinessMetric(entry.name, entry.bad, entry.total)
            for entry in analysis.queries or ()
            if entry.bad and entry.total
        ),
        burst=judge.burst or 1,
        may_query=settings.allow_queries,
    )


def _provider(analysis: AnalysisSpec, settings: Settings) -> AnalysisProvider:
    """Return the provider of the spec, or the best one that is available."""
    if analysis.provider:
        return analysis.provider
    # If only Prometheus has the metrics, a rollout without one has to pause and report that.
    needs_prometheus = analysis.queries or analysis.latency_objective_milliseconds
    return "Prometheus" if settings.prometheus_url or needs_prometheus else "Triton"


def _query(query: QueryCheck, promql: str) -> Query:
    return Query(
        name=query.name,
        query=promql,
        minimum=query.min,
        maximum=query.max,
        max_ratio=query.max_ratio_to_stable,
        failure_limit=query.failure_limit or DEFAULT_QUERY_FAILURES,
    )

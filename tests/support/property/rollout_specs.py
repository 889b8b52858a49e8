"""What users may ask of a rollout, and what a provider, a Job and pods may answer, as Hypothesis draws it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from hypothesis import strategies as st
from tests.support.scenario import ANALYSIS, BUSY, COLD_START_TIMEOUT, FAILING, IDLE, NEW

from nereid.api.analysis import AnalysisProvider
from nereid.api.checks import AccuracyCheck, CheckSpec
from nereid.api.scaling import ScalingMetric
from nereid.controller.decide.orders import CheckRun
from nereid.controller.observed.check_results import CheckResult, ChecksFacts
from nereid.controller.observed.counters import Counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, Activity, Comparison, QueryReading, Sample
from nereid.controller.plan.autoscaling import DEFAULT_METRICS, Autoscaling
from nereid.controller.plan.plan import Analysis, BusinessMetric, Exposure, Guard, Query, Step
from nereid.controller.plan.windows import Window

REVISIONS = st.sampled_from("abcd")
ACCURACY = AccuracyCheck(label="digit", output="label", minimum_percent=90)
CHECKS = (CheckSpec(name="one", accuracy=ACCURACY), CheckSpec(name="each", accuracy=ACCURACY, when="EachStep"))
QUERIES = (
    Query("memory", "...", minimum=1.0, maximum=8.0, max_ratio=None, failure_limit=1),
    Query("cache", "...", minimum=None, maximum=None, max_ratio=1.5, failure_limit=2),
)
ORDERS = BusinessMetric("orders", bad="abandoned", total="all")
GOOD_READINGS = {query.name: QueryReading(4.0, 4.0) for query in QUERIES}
ALL_PASSED = {"smoke": True, "one": True, "each": True}
# More errors than stable has, and fewer than the guard allows.
WORSE = Comparison(Counts(200, 16), Counts(800, 1))
# Walks begin at 12:00 UTC on a Friday.
WINDOWS = (Window(frozenset(range(7)), 11 * 60, 12 * 60 + 5, "UTC"), Window(frozenset({5}), 23 * 60, 25 * 60, "UTC"))
HOLDS = st.sampled_from([0, 1, 60, 300])


@st.composite
def rollouts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what the CRD lets pass, as fields of a RolloutPlan."""
    strategy = draw(st.sampled_from(["Canary", "Canary", "Canary", "BlueGreen", "ABTest", "Shadow", "Direct"]))
    surge = draw(st.sampled_from([1, 1, 0])) if strategy in {"Canary", "Direct"} else 1
    return {
        "strategy": strategy,
        "steps": draw(steps(strategy, surge)),
        "is_auto": strategy == "Canary" and draw(st.booleans()),
        "surge": surge,
        "bake": draw(HOLDS),
        "holdback": draw(st.sampled_from([0, 0, 5])) if strategy == "Canary" else 0,
        "allow_downtime": draw(st.booleans()) if surge == 0 else False,
        "analysis": draw(analyses()),
        "checks": draw(st.sampled_from([(), (), CHECKS, CHECKS[1:]])),
        "smoke": draw(st.sampled_from([None, False, False, True])),
        "fast_track": draw(st.sampled_from([False, False, True])),
        "history_limit": draw(st.sampled_from([0, 1, 10])),
        "windows": draw(st.sampled_from([(), (), (), WINDOWS])),
        "keep_failed_pod": draw(st.sampled_from([900, 120, 0])),
        "max_duration": draw(st.sampled_from([None, None, None, 400])),
    }


@st.composite
def steps(draw: st.DrawFn, strategy: str, surge: int = 1) -> tuple[Step, ...]:
    """Draw the steps of a strategy: rising shares, any of them perhaps without a hold."""
    last = draw(HOLDS | st.none())
    match strategy:
        case "Direct":
            return ()
        case "BlueGreen":
            return (Step(Exposure(preview=True), last),)
        case "ABTest":
            return (Step(Exposure(matched=True), last),)
    most = 100 if strategy == "Shadow" else 99
    shares = sorted(draw(st.sets(st.integers(1, most), min_size=1, max_size=4)))
    holds = [*(draw(HOLDS | HOLDS | st.none()) for _ in shares[1:]), last]
    mirrors = len(shares) if strategy == "Shadow" else draw(st.sampled_from([0, 0, 1, len(shares)])) if surge else 0
    exposures = [Exposure(mirror=share) for share in shares[:mirrors]] + [Exposure(share) for share in shares[mirrors:]]
    return tuple(Step(exposure, hold) for exposure, hold in zip(exposures, holds, strict=True))


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    """Draw an analysis; about every third rollout has none."""
    provider = draw(st.sampled_from(get_args(AnalysisProvider)))
    return replace(
        ANALYSIS,
        provider=provider,
        business=draw(st.sampled_from([(), (), (ORDERS,)])) if provider == "Prometheus" else (),
        burst=draw(st.sampled_from([1, 1, 20])),
        interval=draw(st.sampled_from([5, 30])),
        deadline=draw(st.sampled_from([1, 60, 600])),
        on_inconclusive=draw(st.sampled_from(["Pause", "Continue", "ContinueIfClean", "Rollback"])),
        tolerated=draw(st.sampled_from([1.5, 2.0])),
        guard=Guard(errors=draw(st.sampled_from([0.1, 0.99])), slow=None, min_requests=10),
        queries=draw(st.sampled_from([(), (), QUERIES, QUERIES[:1]])),
    )


@st.composite
def samples(draw: st.DrawFn) -> Mapping[str, Any]:
    """Draw what a provider may tell: traffic of every kind or none, metrics that are missing, values that are none."""
    size = draw(st.sampled_from([0, 3, 50, 400, 2 * 10**8, 2**40]))
    few = st.integers(0, min(size, 5))
    bad = draw(few | st.integers(0, min(size, 400)) if size < 10**8 else few | st.integers(0, size))
    errors = draw(st.sampled_from([Comparison(Counts(size, bad), Counts(4 * size, draw(few))), WORSE]))
    outcomes = draw(st.sampled_from([Comparison(Counts(size, bad), Counts(4 * size, size // 2)), WORSE]))
    metrics = {ERRORS: errors, REJECTIONS: Comparison(Counts(size), Counts(4 * size)), ORDERS.name: outcomes}
    values = st.sampled_from([None, float("nan"), float("inf"), 0.5, 4.0, 9.0])
    readings = {query.name: QueryReading(draw(values), draw(values)) for query in draw(st.sampled_from([(), QUERIES]))}
    return {
        "metrics": draw(st.sampled_from([metrics, metrics, metrics, {ERRORS: errors}, {}])),
        "queries": readings,
        "triton": draw(st.sampled_from([None, errors])),
    }


def good_sample(until: datetime) -> Sample:
    """Return a sample as of a flawless candidate with much traffic."""
    flawless = Comparison(Counts(1000, 0), Counts(4000, 0))
    better = Comparison(Counts(1000, 100), Counts(4000, 2000))
    return Sample(until, {ERRORS: flawless, REJECTIONS: flawless, ORDERS.name: better}, GOOD_READINGS)


def disastrous_sample(until: datetime) -> Sample:
    """Return a sample as of a candidate that fails nearly everything, and of a flawless stable revision."""
    metrics = {
        ERRORS: Comparison(Counts(1000, 990), Counts(4000, 0)),
        REJECTIONS: Comparison(Counts(1000), Counts(4000)),
    }
    return Sample(until, metrics, GOOD_READINGS)


def is_without_data(sample: Sample) -> bool:
    """Whether there is nothing in a sample that could speak for or against a candidate."""
    requests = sum(one.candidate.requests + one.stable.requests for one in sample.metrics.values())
    return not requests and not sample.queries


@st.composite
def job_outcomes(draw: st.DrawFn) -> Mapping[str, bool] | str | None:
    """Draw what becomes of a Job: results by check, why it could not run them, or nothing yet."""
    passed, failed, missing = ALL_PASSED, {"smoke": False, "one": True, "each": False}, {"one": True}
    return draw(st.sampled_from([passed, passed, failed, missing, "no image", None]))


def job(run: CheckRun, outcome: Mapping[str, bool] | str | None) -> ChecksFacts:
    """Return the facts of a Job that ended so."""
    if outcome is None or isinstance(outcome, str):
        return ChecksFacts(run.id, failure=outcome)
    results = tuple(CheckResult(name, passed, "") for name, passed in outcome.items() if name in run.check_names)
    return ChecksFacts(run.id, results)


# What is there before the first Job.
NO_JOB = ChecksFacts("")
ACTIVITIES = st.builds(
    Activity, requests=st.sampled_from([7, 7, 7, 8, 0, None]), in_flight=st.sampled_from([0, 0, 1, None])
)
QUIET = Activity(7, 0)
# What a scaler may show: that somebody asks, that nobody does, the same before it has measured anything, that it knows
# nothing yet, that it fails; None: somebody has deleted it.
SCALER_FACTS = st.sampled_from([BUSY, IDLE, IDLE, replace(IDLE, works=None), NEW, FAILING, None])


@st.composite
def scalings(draw: st.DrawFn) -> Autoscaling | None:
    """Draw how pods become more: not at all, by what a HorizontalPodAutoscaler measures, by KEDA, and down to none."""
    kind = draw(st.sampled_from([None, None, "HorizontalPodAutoscaler", "ScaledObject", "sleep", "sleep"]))
    if kind is None:
        return None
    cpu = (ScalingMetric(type="CPU", target=70),)
    return Autoscaling(
        maximum=draw(st.integers(1, 8)),
        may_sleep=kind == "sleep",
        metrics=cpu if kind == "HorizontalPodAutoscaler" else DEFAULT_METRICS,
        behavior=None,
        sleep_after=draw(st.sampled_from([0, 60, 400])),
        cold_start_timeout=COLD_START_TIMEOUT,
    )

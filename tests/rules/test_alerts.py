"""When each alert fires: its fault, what is just below it, and what only looks like it."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.rules.case import Case, fires, quiet
from tests.support.rules.series import (
    ALWAYS,
    OTHER,
    REVISION,
    answers,
    bucket,
    condition,
    latency_objective,
    objective,
    operator,
    ready,
    requests,
    revision,
    timed,
    triton,
)

WANTED = objective("0.995x6000")
SERVED = WANTED | revision("stable")

DOWN = SERVED | condition("Available", "False")
SLEEPER = SERVED | condition("Available", "True") | ready("0x400")
NEVER_UP = WANTED | revision("candidate") | condition("Available", "False")
MODEL_DOWN = [
    fires("NereidModelDown", "stable has no ready pod", DOWN, "2m15s", severity="critical"),
    fires("NereidModelDown", "nor is it known", SERVED | condition("Available", "Unknown"), "3m", severity="critical"),
    quiet("NereidModelDown", "not for long", DOWN, "1m45s"),
    quiet("NereidModelDown", "it is up", SERVED | condition("Available", "True"), "40m"),
    quiet("NereidModelDown", "no alerts are wanted", revision("stable") | condition("Available", "False"), "40m"),
    quiet("NereidModelDown", "it sleeps", SLEEPER | operator("nereid_model_deployment_sleeping"), "40m"),
    fires(
        "NereidModelDown",
        "it has not woken by its deadline",
        SLEEPER | operator("nereid_model_deployment_sleeping", "1x20 0x400"),
        "7m30s",
        severity="critical",
    ),
    fires(
        "NereidModelDown",
        "it never wakes, and sleeps for a minute in between",
        SLEEPER | operator("nereid_model_deployment_sleeping", " ".join(["1x3 0x27"] * 20)),
        "90m",
        severity="critical",
    ),
    fires(
        "NereidModelDown",
        "it woke, served for two minutes, and all its pods crash",
        SERVED
        | condition("Available", "True", "1x28 stale")
        | condition("Available", "False", "_x29 1x400")
        | operator("nereid_model_deployment_sleeping", "1x20 0x400"),
        "10m",
        severity="critical",
    ),
    fires(
        "NereidModelDown",
        "it goes on over a restart of the operator",
        SERVED | condition("Available", "False", "1x40 stale _x4 1x400"),
        "10m30s",
        severity="critical",
    ),
    quiet(
        "NereidModelDown",
        "one that is pending starts anew with the operator",
        SERVED | condition("Available", "False", "1x7 stale _x4 1x400"),
        "5m",
    ),
    quiet(
        "NereidModelDown",
        "it is up again since long enough",
        SERVED | condition("Available", "False", "1x40 stale") | condition("Available", "True", "_x41 1x400"),
        "13m",
    ),
    quiet(
        "NereidModelDown",
        "the candidate has taken stable's only place",
        SERVED | condition("Available", "True") | ready("0x400"),
        "40m",
    ),
    quiet("NereidModelDown", "the first revision starts", NEVER_UP, "29m45s"),
    fires("NereidModelDown", "the first revision never starts", NEVER_UP, "30m15s", severity="warning"),
]


def burning(factor: float, budget: float = 0.005) -> dict[str, str]:
    """Ten requests a second, of which so many are bad that the budget is spent `factor` times too fast."""
    bad = 10 * factor * budget
    return WANTED | requests(f"{10 - bad}x6000") | requests(f"{bad}x6000", outcome="error")


def slow(factor: float) -> dict[str, str]:
    bad = 10 * factor * 0.01
    return WANTED | latency_objective(percent="0.99x6000") | timed("10x6000") | timed(f"{10 - bad}x6000", le="250")


# Minutes suffice, as the windows reach back to no more than there is.
BUDGETS = [
    case
    for alert, spent in (("NereidErrorBudgetBurn", burning), ("NereidLatencyBudgetBurn", slow))
    for window, factor, severity, soon, late in (
        ("1h", 14.4, "critical", "1m", "3m"),
        ("6h", 6, "critical", "14m", "16m"),
        ("1d", 3, "warning", "58m", "1h4m"),
        ("3d", 1, "warning", "2h58m", "3h6m"),
    )
    for case in (
        quiet(alert, f"just below {factor}", spent(factor * 0.99), late, "1m", window=window),
        quiet(alert, f"just above {factor}, not for long", spent(factor * 1.01), soon, "1m", window=window),
        fires(
            alert,
            f"just above {factor}",
            spent(factor * 1.01),
            late,
            "1m",
            only=f'window="{window}"',
            severity=severity,
            window=window,
        ),
    )
]
# 15 answers within each 15 seconds.
OUTAGE = SERVED | answers("0+15x20 300x400") | answers("0x20 0+15x400", response_code="503")
BUDGETS += [
    fires("NereidErrorBudgetBurn", "from the mesh's counters on", OUTAGE, "9m", severity="critical", window="1h"),
    quiet(
        "NereidErrorBudgetBurn",
        "it is over, as the short window tells",
        SERVED | answers("0+15x20 300x20 300+15x400") | answers("0x20 0+15x20 300x400", response_code="503"),
        "18m",
        window="1h",
    ),
    quiet(
        "NereidErrorBudgetBurn",
        "three failures at night page nobody",
        SERVED | answers("1x400") | answers("0x20 1x4 2x4 3x400", response_code="503"),
        "9m",
    ),
    *(
        quiet(
            "NereidErrorBudgetBurn",
            f"four failures in the first minutes of a new model, {at} after",
            SERVED | answers("0 1 2 3 4 5 5x6000") | answers("0 1 2 3 4 4x6000", response_code="503"),
            at,
        )
        for at in ("3m", "17m", "20m", "80m", "200m")
    ),
    fires(
        "NereidErrorBudgetBurn",
        "the operator is away meanwhile",
        objective("0.995x16 stale") | revision("stable", "1x16 stale") | answers("0+15x400", response_code="503"),
        "9m",
        severity="critical",
        window="1h",
    ),
    quiet(
        "NereidErrorBudgetBurn",
        "no alerts are wanted",
        revision("stable") | answers("0+15x400", response_code="503"),
        "40m",
    ),
    quiet("NereidErrorBudgetBurn", "the client is wrong", SERVED | answers("0+15x400", response_code="400"), "40m"),
    fires(
        "NereidLatencyBudgetBurn",
        "from the mesh's histogram on",
        SERVED | latency_objective() | bucket("250", "0x400") | bucket("+Inf", "0+15x400"),
        "5m",
        severity="critical",
        window="1h",
    ),
    quiet(
        "NereidLatencyBudgetBurn",
        "slow, but not slower than promised",
        SERVED
        | latency_objective("500")
        | bucket("250", "0x400")
        | bucket("500", "0+15x400")
        | bucket("+Inf", "0+15x400"),
        "40m",
    ),
]


def queue(ratio: float, inside: float = 2.1) -> dict[str, str]:
    """Return two pods: requests wait `ratio` times as long as they are computed, and `inside` are there at a time."""
    waits = triton("nv_inference_queue_duration_us", f"0+{1000 * ratio}x400")
    busy = triton("nv_inference_request_duration_us", f"0+{inside * 15e6:.0f}x400")
    return SERVED | ready("2x400") | waits | busy | triton("nv_inference_compute_infer_duration_us", "0+1000x400")


def pending(requests: int) -> dict[str, str]:
    return SERVED | ready("2x400") | triton("nv_inference_pending_request_count", f"{requests}x400")


def gpu(used: float) -> dict[str, str]:
    memory = {"nv_gpu_memory_used_bytes": used, "nv_gpu_memory_total_bytes": 80e9}
    one = [triton(metric, f"{value:.0f}x400", gpu_uuid="GPU-1") for metric, value in memory.items()]
    other = [triton(metric, "1x400", gpu_uuid="GPU-2") for metric in memory if "total" in metric]
    return {name: values for series in (*one, *other, SERVED) for name, values in series.items()}


SATURATION = [
    fires("NereidQueueSaturated", "they wait", queue(2.1), "11m15s", severity="warning", revision=REVISION),
    quiet("NereidQueueSaturated", "not for long", queue(2.1), "9m45s"),
    quiet("NereidQueueSaturated", "just below", queue(1.9), "40m"),
    fires(
        "NereidQueueSaturated",
        "it goes on over a restart of the operator",
        queue(2.1) | ready("2x60 stale _x4 2x400"),
        "15m45s",
        severity="warning",
        revision=REVISION,
    ),
    quiet("NereidQueueSaturated", "a rare request that waits for its batch", queue(5, inside=0.01), "40m"),
    quiet("NereidQueueSaturated", "a pod has nothing to do", queue(5, inside=1.9), "40m"),
    fires("NereidQueueSaturated", "they pile up", pending(41), "10m15s", severity="warning", revision=REVISION),
    quiet("NereidQueueSaturated", "there are pods for them", pending(40), "40m"),
    quiet("NereidQueueSaturated", "no pod is ready, which is another alert's", pending(99) | ready("0x400"), "40m"),
    fires("NereidGPUMemoryHigh", "one is full", gpu(77e9), "15m15s", severity="warning", gpu_uuid="GPU-1"),
    quiet("NereidGPUMemoryHigh", "not for long", gpu(77e9), "14m45s"),
    quiet("NereidGPUMemoryHigh", "just below", gpu(75e9), "40m"),
]


def replicas(pods: int, most: int, role: str = "stable") -> dict[str, str]:
    wanted = operator("nereid_revision_replicas", f"{pods}x400", revision=REVISION, role=role)
    return SERVED | wanted | operator("nereid_model_deployment_max_replicas", f"{most}x400")


SCALING = [
    fires("NereidScalerFailing", "it says so", SERVED | condition("Scaling", "False"), "5m15s", severity="warning"),
    quiet("NereidScalerFailing", "not for long", SERVED | condition("Scaling", "False"), "4m45s"),
    quiet("NereidScalerFailing", "it scales", SERVED | condition("Scaling", "True"), "40m"),
    fires(
        "NereidScalerFailing",
        "it goes on over a restart of the operator",
        SERVED | condition("Scaling", "False", "1x40 stale _x4 1x400"),
        "11m",
        severity="warning",
    ),
    fires("NereidAtMaxReplicas", "at most", replicas(8, 8), "15m15s", severity="warning"),
    quiet("NereidAtMaxReplicas", "not for long", replicas(8, 8), "14m45s"),
    quiet("NereidAtMaxReplicas", "one less", replicas(7, 8), "40m"),
    quiet(
        "NereidAtMaxReplicas",
        "nobody chooses",
        SERVED | operator("nereid_revision_replicas", "3x400", revision=REVISION, role="stable"),
        "40m",
    ),
    fires(
        "NereidAtMaxReplicas",
        "it goes on over a restart of the operator",
        replicas(8, 8)
        | operator("nereid_model_deployment_max_replicas", "8x80 stale _x4 8x400")
        | operator("nereid_revision_replicas", "8x80 stale _x4 8x400", revision=REVISION, role="stable"),
        "20m45s",
        severity="warning",
    ),
    quiet("NereidAtMaxReplicas", "the candidate alone", replicas(8, 8, "candidate"), "40m"),
]

ASKED = triton("nv_inference_request_success", "0+15x400")
METRICS = [
    fires("NereidMetricsMissing", "of Triton", SERVED | ready("1x400"), "15m15s", severity="warning", metrics="triton"),
    quiet("NereidMetricsMissing", "not for long", SERVED | ready("1x400"), "14m45s"),
    fires(
        "NereidMetricsMissing",
        "it goes on over a restart of the operator",
        SERVED | ready("1x80 stale _x4 1x400"),
        "20m45s",
        severity="warning",
        metrics="triton",
    ),
    quiet("NereidMetricsMissing", "no pod is ready", SERVED | ready("0x400"), "40m"),
    quiet(
        "NereidMetricsMissing",
        "nobody asks, so that the mesh has none",
        SERVED | ready("1x400") | triton("nv_inference_request_success", "7x400"),
        "40m",
    ),
    fires(
        "NereidMetricsMissing",
        "of the mesh",
        SERVED | ready("1x400") | ASKED | answers("1x400", revision=OTHER),
        "15m45s",
        severity="warning",
        metrics="istio",
    ),
    fires(
        "NereidMetricsMissing",
        "of a mesh that is scraped once a minute, of which no rate is known",
        SERVED | ready("1x400") | triton("nv_inference_request_success", "0+60x400") | answers("0+60x400"),
        "40m",
        "1m",
        severity="warning",
        metrics="istio",
    ),
    quiet("NereidMetricsMissing", "both are there", SERVED | ready("1x400") | ASKED | answers("0+15x400"), "40m"),
    fires(
        "NereidMetricsMissing",
        "no bucket has the objective's bound",
        SERVED | latency_objective("300") | bucket("+Inf", "0+15x400") | bucket("250", "0+15x400"),
        "15m45s",
        severity="warning",
        metrics="latency",
    ),
    quiet(
        "NereidMetricsMissing",
        "a bucket has the objective's bound",
        SERVED | latency_objective("250") | bucket("+Inf", "0+15x400") | bucket("250", "0+15x400"),
        "40m",
    ),
    quiet("NereidMetricsMissing", "the operator is away", ASKED, "40m"),
]


def state(state: str, reason: str, values: str = ALWAYS) -> dict[str, str]:
    return SERVED | operator("nereid_rollout_state", values, strategy="Canary", state=state, reason=reason)


def without_effect(name: str, reason: str) -> dict[str, str]:
    """Return a rollout whose routes have no effect."""
    return state(name, reason) | condition("RouteNotEffective", "True")


ROLLOUTS = [
    *(
        fires(
            "NereidRolloutStuck",
            f"{name} ({reason}), and its routes have no effect",
            without_effect(name, reason),
            "30m15s",
            severity="warning",
            state=name,
        )
        for name, reason in (("Analyzing", "CollectingEvidence"), ("Preparing", "StartingPods"))
    ),
    quiet(
        "NereidRolloutStuck",
        "it is over, and the previous revision is still asked",
        without_effect("Completed", "Promoted"),
        "40m",
    ),
    *(
        fires("NereidRolloutStuck", f"{name} ({reason})", state(name, reason), "30m15s", severity="warning", state=name)
        for name, reason in (
            ("Propagating", "WeightChanged"),
            ("Promoting", "WeightChanged"),
            ("RollingBack", "AnalysisFailed"),
            ("Preparing", "NoPlace"),
            ("Paused", "Inconclusive"),
            ("Paused", "MetricsUnavailable"),
        )
    ),
    fires(
        "NereidRolloutStuck",
        "it goes on over a restart of the operator",
        state("Promoting", "WeightChanged", "1x160 stale _x4 1x400"),
        "40m45s",
        severity="warning",
        state="Promoting",
    ),
    quiet("NereidRolloutStuck", "not for long", state("Promoting", "WeightChanged"), "29m45s"),
    quiet(
        "NereidRolloutStuck",
        "it gets further each time",
        state("Propagating", "A", "1x60 _x60 1x60")
        | operator("nereid_rollout_state", "_x60 1x60", strategy="Canary", state="Analyzing", reason="A"),
        "35m",
    ),
    *(
        quiet("NereidRolloutStuck", f"a wait that is meant: {name} ({reason})", state(name, reason), "40m")
        for name, reason in (
            ("Idle", "Idle"),
            ("Preparing", "StartingPods"),
            ("Preparing", "PausedBySpec"),
            ("Preparing", "RunningChecks"),
            ("Preparing", "OutsideWindow"),
            ("Analyzing", "CollectingEvidence"),
            ("Holding", "HoldingWeight"),
            ("Paused", "AwaitingPromotion"),
            ("Paused", "PausedBySpec"),
            ("Completed", "Promoted"),
            ("Failed", "AnalysisFailed"),
        )
    ),
    fires(
        "NereidRolloutFailed",
        "at once",
        SERVED | operator("nereid_rollout_failed", reason="AnalysisFailed"),
        "15s",
        severity="warning",
        reason="AnalysisFailed",
    ),
    fires(
        "NereidRolloutFailed",
        "it goes on over a restart of the operator",
        SERVED | operator("nereid_rollout_failed", "1x40 stale _x4 1x400", reason="AnalysisFailed"),
        "10m30s",
        severity="warning",
        reason="AnalysisFailed",
    ),
    quiet(
        "NereidRolloutFailed", "its user's wish", SERVED | operator("nereid_rollout_failed", reason="Aborted"), "40m"
    ),
    quiet("NereidRolloutFailed", "the spec asks for another", state("Idle", "Idle"), "40m"),
]

OPERATOR = {"namespace": "nereid-system", "name": "nereid"}
RUNS = 'namespace="nereid-system", job="nereid", instance="10.0.0.1:9090"'
OPERATORS = [
    fires("NereidOperatorDown", "it never ran", {}, "5m15s", severity="critical", **OPERATOR),
    fires(
        "NereidOperatorDown",
        "it is gone",
        {f"nereid_build_info{{{RUNS}}}": "1x20 stale"},
        "10m30s",
        severity="critical",
        **OPERATOR,
    ),
    fires(
        "NereidOperatorDown",
        "another release's runs",
        {f"nereid_build_info{{{RUNS}}}": "1x20 stale", 'nereid_build_info{namespace="team-b"}': ALWAYS},
        "10m30s",
        severity="critical",
        **OPERATOR,
    ),
    quiet("NereidOperatorDown", "not for long", {f"nereid_build_info{{{RUNS}}}": "1x20 stale"}, "10m"),
    quiet("NereidOperatorDown", "it runs", {f"nereid_build_info{{{RUNS}}}": ALWAYS}, "40m"),
    fires(
        "NereidOperatorFailing",
        "a pass fails each minute",
        {'nereid_reconcile_errors_total{kind="ApiError"}': "0+0.25x400"},
        "15m45s",
        severity="warning",
        problem="errors",
        **OPERATOR,
    ),
    quiet(
        "NereidOperatorFailing", "not for long", {'nereid_reconcile_errors_total{kind="ApiError"}': "0+1x400"}, "15m"
    ),
    quiet(
        "NereidOperatorFailing",
        "it failed once",
        {'nereid_reconcile_errors_total{kind="ApiError"}': "0x20 1x400"},
        "40m",
    ),
    quiet(
        "NereidOperatorFailing",
        "others wrote too",
        {'nereid_reconcile_errors_total{kind="Conflict"}': "0+1x400"},
        "40m",
    ),
    fires(
        "NereidOperatorFailing",
        "it does not keep up",
        {f"nereid_work_queue_depth{{{RUNS}}}": "1x400"},
        "15m15s",
        severity="warning",
        problem="queue",
        **OPERATOR,
    ),
    quiet(
        "NereidOperatorFailing", "it keeps up", {f"nereid_work_queue_depth{{{RUNS}}}": "9x50 0 9x50 0 9x50 0"}, "35m"
    ),
    fires(
        "NereidOperatorFailing",
        "it is started again and again",
        {f"nereid_build_info{{{RUNS}}}": ALWAYS, f"process_start_time_seconds{{{RUNS}}}": "1x9 2x9 3x9 4x400"},
        "15m",
        severity="warning",
        problem="restarts",
        **OPERATOR,
    ),
    *(
        fires(
            "NereidOperatorFailing",
            f"it runs for half a minute of each three, {what}",
            {
                f"nereid_build_info{{{RUNS}}}": " ".join(["1x1 stale _x9"] * 40),
                f"process_start_time_seconds{{{RUNS}}}": " ".join(f"{start}x1 stale _x9" for start in range(1, 41)),
            },
            at,
            severity="warning",
            problem="restarts",
            **OPERATOR,
        )
        for at, what in (("33m15s", "and runs"), ("34m30s", "and is away"))
    ),
    quiet(
        "NereidOperatorFailing",
        "it was started twice, and another program often",
        {
            f"nereid_build_info{{{RUNS}}}": ALWAYS,
            f"process_start_time_seconds{{{RUNS}}}": "1x9 2x9 3x400",
            'process_start_time_seconds{job="other", instance="10.0.0.2:9090"}': "1+1x400",
        },
        "15m",
    ),
    quiet(
        "NereidOperatorFailing",
        "it was long ago",
        {f"nereid_build_info{{{RUNS}}}": ALWAYS, f"process_start_time_seconds{{{RUNS}}}": "1x9 2x9 3x9 4x400"},
        "75m",
    ),
]

ACTIVATOR = {"namespace": "nereid-system", "name": "nereid-activator"}
UP = 'up{namespace="nereid-system", job="nereid-system/nereid", container="activator"}'


def lost(outcome: str, values: str) -> dict[str, str]:
    return {f'nereid_activator_requests_total{{protocol="rest", outcome="{outcome}"}}': values}


ACTIVATORS = [
    fires("NereidActivatorDown", "it never ran", {}, "5m15s", severity="critical", **ACTIVATOR),
    fires("NereidActivatorDown", "it is gone", {UP: "1x20 stale"}, "10m30s", severity="critical", **ACTIVATOR),
    fires("NereidActivatorDown", "it cannot be asked", {UP: "0x400"}, "5m15s", severity="critical", **ACTIVATOR),
    fires(
        "NereidActivatorDown",
        "another release's runs, and the operator",
        {UP.replace("nereid-system", "team-b"): ALWAYS, UP.replace("activator", "operator"): ALWAYS},
        "5m15s",
        severity="critical",
        **ACTIVATOR,
    ),
    quiet("NereidActivatorDown", "not for long", {UP: "1x20 stale"}, "10m"),
    quiet("NereidActivatorDown", "one goes, one comes", {UP: "1x100 0x100", UP[:-1] + ', pod="b"}': ALWAYS}, "40m"),
    *(
        fires(
            "NereidActivatorFailing",
            outcome,
            lost(outcome, "0+0.25x400"),
            "10m45s",
            severity="warning",
            outcome=outcome,
            **ACTIVATOR,
        )
        for outcome in ("timeout", "overloaded", "unregistered", "failed")
    ),
    *(
        quiet("NereidActivatorFailing", f"no request is lost: {outcome}", lost(outcome, "0+1x400"), "40m")
        for outcome in ("forwarded", "cancelled")
    ),
    quiet("NereidActivatorFailing", "one was", lost("timeout", "0x20 1x400"), "10m15s"),
]

CASES = [*MODEL_DOWN, *BUDGETS, *SATURATION, *SCALING, *METRICS, *ROLLOUTS, *OPERATORS, *ACTIVATORS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_when_it_should(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


@pytest.mark.parametrize("fires", [True, False])
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(
    rules: dict[str, Any], *, fires: bool
) -> None:
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    assert alerts == {case.rule for case in CASES if bool(case.expected) == fires}

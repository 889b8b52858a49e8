"""The dashboard of one model: what its callers see, what it promised, what Triton does, how many pods there are."""

from typing import Final

from dashboards.grafana import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Choice,
    Query,
    Row,
    Variable,
    dashboard,
    graph,
    head_link,
    stat,
    thresholds,
    timeline,
    words,
)
from dashboards.promql import (
    MODEL,
    REVISION,
    REVISION_LEGEND,
    TRITON,
    answered,
    burn_rate,
    per_request,
    pods,
    quantile,
    requests,
    share,
)

VARIABLES: Final = (
    Variable("namespace", "label_values(nereid_model_deployment_condition, namespace)"),
    Variable("name", 'label_values(nereid_model_deployment_condition{namespace="$namespace"}, name)'),
)
_GPU: Final = "where Triton has a GPU"
_BUDGET: Final = thresholds(RED, (0.0001, YELLOW), (0.25, GREEN))
_READY: Final = f'nereid_model_deployment_condition{{{MODEL}, type="Ready"'

NOW: Final = Row(
    "Now",
    (
        stat(
            "Ready",
            "The condition Ready: what serves is what the spec asks for.",
            Query(f'max({_READY}, status="True"}}) or 0 * count({_READY}}})'),
            unit="none",
            width=3,
            mappings=words({0: ("no", RED), 1: ("yes", GREEN)}),
        ),
        stat("Requests", "Requests to the model.", Query(requests(MODEL, "")), unit="reqps", width=3),
        stat(
            "Errors",
            "Share of the requests that failed, over the last minute. A model that sleeps or wakes has none: what "
            "the activator could not answer is reported by the alert NereidActivatorFailing.",
            Query(share("error", MODEL, "")),
            unit="percentunit",
            width=3,
            limits=thresholds(GREEN, (0.001, YELLOW), (0.01, RED)),
        ),
        stat(
            "p99",
            "99 of 100 requests were answered within this time.",
            Query(quantile(0.99, MODEL)),
            unit="ms",
            width=3,
        ),
        stat(
            # Days of samples for each point of a line would cost Prometheus more than the line is worth.
            "Error budget left",
            "Of the failures that the objective allows over the time chosen above. Below 0: it is broken.",
            Query(f"1 - {burn_rate('availability', '$budget')}"),
            unit="percentunit",
            width=3,
            limits=_BUDGET,
            decimals=0,
            instant=True,
        ),
        stat(
            "Latency budget left",
            "Of the slow answers that the objective allows over the time chosen above. Below 0: it is broken.",
            Query(f"1 - {burn_rate('latency', '$budget')}"),
            unit="percentunit",
            width=3,
            limits=_BUDGET,
            decimals=0,
            instant=True,
        ),
        stat(
            "Pods ready",
            "Ready pods of all revisions.",
            Query(pods("ready_replicas", MODEL, "")),
            unit="none",
            width=3,
        ),
        stat(
            "Asleep",
            "A model that may sleep has no pods while it has no requests. The next request wakes it and waits.",
            Query(f"max(nereid_model_deployment_sleeping{{{MODEL}}}) or vector(0)"),
            unit="none",
            width=3,
            mappings=words({0: ("awake", GREEN), 1: ("asleep", BLUE)}),
        ),
    ),
)

TRAFFIC: Final = Row(
    "Traffic, as the callers' proxies report it",
    (
        graph(
            "Requests by outcome",
            "error: the model failed. rejection: it rejected the request as the client's fault.",
            Query(requests(MODEL, "outcome"), "{{outcome}}"),
            unit="reqps",
            stacked=True,
            min=0,
        ),
        graph(
            "Requests by revision",
            "During a rollout the candidate's part follows its weight.",
            Query(requests(MODEL, REVISION), REVISION_LEGEND),
            unit="reqps",
            stacked=True,
            min=0,
        ),
        graph(
            "Errors and rejections",
            "Share of the requests.",
            Query(share("error", MODEL, ""), "error"),
            Query(share("rejection", MODEL, ""), "rejection"),
            unit="percentunit",
            min=0,
        ),
    ),
)

LATENCY: Final = Row(
    "Latency and objectives",
    (
        graph(
            "Latency and its objective",
            "The objective's percentage of requests must be answered below the red line. Quantiles are interpolated "
            "between the bounds of Istio's histogram.",
            *(Query(quantile(part, MODEL), legend) for part, legend in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))),
            Query(f'1000 * nereid:objective:last{{{MODEL}, objective="latency_seconds"}}', "objective"),
            unit="ms",
            min=0,
        ),
        graph(
            "p99 by revision",
            "99 of 100 requests to the revision were answered within this time.",
            Query(quantile(0.99, MODEL, REVISION), REVISION_LEGEND),
            unit="ms",
            min=0,
        ),
        graph(
            "Burn rate of the error budgets",
            "How many times faster than the objectives allow. At 1 the budget is used up just in time; the alerts look "
            "at a long and a short time together.",
            Query(burn_rate("availability", "5m"), "errors, 5 minutes"),
            Query(burn_rate("availability", "1h"), "errors, 1 hour"),
            Query(burn_rate("latency", "5m"), "slow, 5 minutes"),
            Query(burn_rate("latency", "1h"), "slow, 1 hour"),
            unit="none",
            line=1,
            min=0,
        ),
    ),
)

TRITON_SERVER: Final = Row(
    "Triton",
    (
        graph(
            "Queue over compute",
            "Time that requests wait, over the time of computing. Above 1 they wait longer than they take: add pods.",
            Query(f"nereid:revision_queue:ratio_rate1m{{{MODEL}}}", REVISION_LEGEND),
            unit="none",
            width=6,
            min=0,
        ),
        graph(
            "Time per request",
            "What Triton spends on a request: waiting for its turn, and computing.",
            Query(per_request("queue", "revision"), "queue {{revision}}"),
            Query(per_request("compute_infer", "revision"), "compute {{revision}}"),
            unit="ms",
            width=6,
            min=0,
        ),
        graph(
            "Requests inside",
            "Requests that wait in the queue, and all that are inside Triton on average.",
            Query(f"nereid:revision_pending:sum{{{MODEL}}}", f"pending {REVISION_LEGEND}"),
            Query(f"nereid:revision_concurrency:avg1m{{{MODEL}}}", f"inside {REVISION_LEGEND}"),
            unit="none",
            width=6,
            min=0,
        ),
        graph(
            "Batch size",
            "Inferences that Triton computes at once, on average. 1: the model is not batched, or rarely has to wait.",
            Query(
                f"sum by (revision) (rate(nv_inference_count{{{TRITON}}}[$__rate_interval]))"
                f" / sum by (revision) (rate(nv_inference_exec_count{{{TRITON}}}[$__rate_interval]))",
                "{{revision}}",
            ),
            unit="none",
            width=6,
            min=0,
        ),
        graph(
            "Requests that Triton answered",
            "By pod. Pods that differ much point to connections that are not balanced.",
            Query(answered("pod"), "{{pod}}"),
            unit="reqps",
            min=0,
        ),
        graph(
            "GPU utilization (models with GPUs)",
            "By GPU; 1 is fully used.",
            Query(f"max by (pod, gpu_uuid) (nv_gpu_utilization{{{TRITON}}})", "{{pod}} {{gpu_uuid}}", only=_GPU),
            unit="percentunit",
            min=0,
            max=1,
        ),
        graph(
            "GPU memory (models with GPUs)",
            "Used, by GPU, as a share of what it has.",
            Query(
                f"max by (pod, gpu_uuid) (nv_gpu_memory_used_bytes{{{TRITON}}})"
                f" / max by (pod, gpu_uuid) (nv_gpu_memory_total_bytes{{{TRITON}}})",
                "{{pod}} {{gpu_uuid}}",
                only=_GPU,
            ),
            unit="percentunit",
            min=0,
            max=1,
        ),
    ),
)

PODS: Final = Row(
    "Pods and alerts",
    (
        graph(
            "Pods",
            "Wanted and ready pods of each role, and the most that a revision may have if it is autoscaled.",
            Query(pods("replicas", MODEL, "role"), "{{role}} wanted"),
            Query(pods("ready_replicas", MODEL, "role"), "{{role}} ready"),
            Query(
                f"max(nereid_model_deployment_max_replicas{{{MODEL}}})", "maximum", only="if the model is autoscaled"
            ),
            unit="none",
            min=0,
            decimals=0,
        ),
        graph(
            "Requests waiting in the activator (models that sleep)",
            "They wait until the model has woken up: a pod is ready.",
            Query(
                'max(nereid_activator_waiting_requests{target_namespace="$namespace", target=~"$name-.{8}"})',
                "waiting",
                only="while a model sleeps or wakes",
            ),
            unit="none",
            min=0,
            decimals=0,
        ),
        timeline(
            "Alerts (while they fire)",
            "Alerts about this model; each alert's runbook says what to do.",
            Query(
                f'ALERTS{{alertname=~"Nereid.*", alertstate="firing", {MODEL}}}',
                "{{alertname}}",
                only="while an alert fires",
            ),
            colour=RED,
            width=8,
        ),
    ),
)

DASHBOARD: Final = dashboard(
    "nereid-model",
    "Nereid / Model",
    description="One ModelDeployment: its traffic, its objectives, its Triton servers and its pods.",
    variables=(*VARIABLES, Choice("budget", "Budget over", ("1d", "3d", "7d", "28d"), "7d")),
    rows=(NOW, TRAFFIC, LATENCY, TRITON_SERVER, PODS),
    links=(
        head_link("nereid-fleet", "All models", namespace="$namespace"),
        head_link("nereid-rollout", "Its rollout", namespace="$namespace", name="$name"),
    ),
)

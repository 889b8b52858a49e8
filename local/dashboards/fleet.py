"""The dashboard of all models: which are well, which are asked most, which are rolled out, how the operator does."""

from typing import Final

from dashboards.grafana import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Column,
    Query,
    Row,
    Variable,
    dashboard,
    graph,
    link_to,
    stat,
    table,
    thresholds,
    timeline,
    words,
)
from dashboards.promql import FLEET, counted, pods, quantile, requests, share

_BY_MODEL: Final = "namespace, name"
_LEGEND: Final = "{{namespace}}/{{name}}"
_ANY_IS_BAD: Final = thresholds(GREEN, (1, RED))
_FIRING: Final = 'alertname=~"Nereid.*", alertstate="firing"'
# Operator and activator serve all namespaces, whichever are chosen.
_ALERTS: Final = (
    f'ALERTS{{{_FIRING}, namespace=~"$namespace"}} or ALERTS{{{_FIRING}, alertname=~"Nereid(Operator|Activator).*"}}'
)
_YES_OR_NO: Final = words({0: ("no", RED), 1: ("yes", GREEN)})


def _top(expression: str) -> str:
    return f"topk(10, {expression})"


def _condition(kind: str, status: str) -> str:
    return f'nereid_model_deployment_condition{{{FLEET}, type="{kind}", {status}}}'


_KNOWN: Final = _condition("Ready", 'status!=""')
_READY: Final = _condition("Ready", 'status="True"')
_GPUS: Final = (
    'count(count by (gpu_uuid) (nv_gpu_utilization{namespace=~"$namespace", model_deployment!=""})) or vector(0)'
)

NOW: Final = Row(
    "Now",
    (
        stat(
            "Models",
            "ModelDeployments that the operator manages.",
            Query(counted(_KNOWN)),
            unit="none",
            width=3,
        ),
        stat(
            "Not answering",
            "Models whose condition Available is not True: no revision has a ready pod.",
            Query(counted(_condition("Available", 'status!="True"'))),
            unit="none",
            width=3,
            limits=_ANY_IS_BAD,
        ),
        stat("Requests", "Requests to all models.", Query(requests(FLEET, "")), unit="reqps", width=3),
        stat(
            "Errors",
            "Share of all requests that failed, over the last minute.",
            Query(share("error", FLEET, "")),
            unit="percentunit",
            width=3,
            limits=thresholds(GREEN, (0.001, YELLOW), (0.01, RED)),
        ),
        stat(
            "p99",
            "99 of 100 requests to any model were answered within this time.",
            Query(quantile(0.99, FLEET)),
            unit="ms",
            width=3,
        ),
        stat(
            "Sleeping",
            "Models without pods: they are scaled to zero, or wake for a request.",
            Query(f"sum(max by ({_BY_MODEL}) (nereid_model_deployment_sleeping{{{FLEET}}})) or vector(0)"),
            unit="none",
            width=3,
        ),
        stat(
            "GPUs",
            "GPUs on which a model's Triton runs.",
            Query(_GPUS),
            unit="none",
            width=3,
        ),
        stat(
            "Alerts",
            "Alerts of Nereid that fire.",
            Query(f"count({_ALERTS}) or vector(0)"),
            unit="none",
            width=3,
            limits=_ANY_IS_BAD,
        ),
    ),
)

MODELS: Final = Row(
    "Models",
    (
        table(
            "Every model",
            "A line for each model; its name links to its dashboard. Weight is the candidate's, while there is one.",
            Query(f"max by ({_BY_MODEL}, state) (nereid_rollout_state{{{FLEET}}})"),
            Column(
                "Ready",
                Query(f"max by ({_BY_MODEL}) ({_READY}) or 0 * count by ({_BY_MODEL}) ({_KNOWN})"),
                "none",
                mappings=_YES_OR_NO,
            ),
            Column("Requests", Query(requests(FLEET, _BY_MODEL)), "reqps"),
            Column(
                "Errors",
                Query(share("error", FLEET, _BY_MODEL)),
                "percentunit",
                limits=thresholds(GREEN, (0.001, YELLOW), (0.01, RED)),
            ),
            Column("p99", Query(quantile(0.99, FLEET, _BY_MODEL)), "ms"),
            Column("Pods ready", Query(pods("ready_replicas", FLEET, _BY_MODEL)), "none"),
            Column("wanted", Query(pods("replicas", FLEET, _BY_MODEL)), "none"),
            Column(
                "Weight",
                Query(
                    f"max by ({_BY_MODEL}) (nereid_rollout_candidate_weight{{{FLEET}}})",
                    only="while a rollout is in progress",
                ),
                "percent",
            ),
            link=link_to(
                "nereid-model", "This model", namespace="${__data.fields.namespace}", name="${__data.fields.name}"
            ),
        ),
        graph(
            "Requests of the ten busiest",
            "A model that suddenly gets fewer requests may be failing its callers elsewhere.",
            Query(_top(requests(FLEET, _BY_MODEL)), _LEGEND),
            unit="reqps",
            min=0,
        ),
        graph(
            "Errors of the ten worst",
            "Share of the requests that failed, by model.",
            Query(_top(share("error", FLEET, _BY_MODEL)), _LEGEND),
            unit="percentunit",
            min=0,
        ),
        graph(
            "p99 of the ten slowest",
            "99 of 100 requests were answered within this time.",
            Query(_top(quantile(0.99, FLEET, _BY_MODEL)), _LEGEND),
            unit="ms",
            min=0,
        ),
    ),
)

ROLLOUTS: Final = Row(
    "Rollouts and alerts",
    (
        stat(
            "Under way",
            "Models with a candidate.",
            Query(counted(f"nereid_rollout_candidate_weight{{{FLEET}}}")),
            unit="none",
        ),
        stat(
            "Paused",
            "Rollouts that wait: for a promotion, for evidence, or for the metrics.",
            Query(counted(f'nereid_rollout_state{{{FLEET}, state="Paused"}}')),
            unit="none",
            limits=thresholds(GREEN, (1, YELLOW)),
        ),
        stat(
            "Failed",
            "Models whose last rollout failed and whose spec still asks for that revision. Stable serves.",
            Query(counted(f"nereid_rollout_failed{{{FLEET}}}")),
            unit="none",
            limits=_ANY_IS_BAD,
        ),
        graph(
            "Models by the state of their rollout",
            "Idle and Completed are at rest. Many models in one other state for long point to a common cause.",
            Query(f"count by (state) (max by ({_BY_MODEL}, state) (nereid_rollout_state{{{FLEET}}}))", "{{state}}"),
            unit="none",
            width=12,
            stacked=True,
            min=0,
            decimals=0,
        ),
        timeline(
            "Failed rollouts (while there are any)",
            "From the failure until the spec changes, or the rollout is retried.",
            Query(
                f"max by ({_BY_MODEL}, reason) (nereid_rollout_failed{{{FLEET}}})",
                f"{_LEGEND} {{{{reason}}}}",
                only="while a rollout has failed",
            ),
            colour=ORANGE,
            width=12,
        ),
        timeline(
            "Alerts (while they fire)",
            "Each alert's runbook says what to do.",
            Query(_ALERTS, "{{alertname}} {{namespace}}/{{name}}", only="while an alert fires"),
            colour=RED,
            width=12,
        ),
    ),
)

OPERATOR: Final = Row(
    "Operator",
    (
        graph(
            "Passes",
            "How long 99 and 50 of 100 passes over a model take. Milliseconds, if nothing changes.",
            *(
                Query(
                    f"histogram_quantile({part}, sum by (le)"
                    " (rate(nereid_reconcile_duration_seconds_bucket[$__rate_interval])))",
                    legend,
                )
                for part, legend in ((0.99, "p99"), (0.5, "p50"))
            ),
            unit="s",
            width=6,
            min=0,
        ),
        graph(
            "Waiting for a pass",
            "Models in the operator's queue. More than a few for minutes: it cannot keep up.",
            Query("max(nereid_work_queue_depth)", "models"),
            unit="none",
            width=6,
            min=0,
            decimals=0,
        ),
        graph(
            "Failed passes",
            "Passes per second that failed and are tried again, by cause. An occasional Conflict is not a problem.",
            Query(
                "sum by (kind) (rate(nereid_reconcile_errors_total[$__rate_interval]))"
                ' or label_replace(vector(0), "kind", "none", "", "")',
                "{{kind}}",
            ),
            unit="ops",
            width=6,
            min=0,
        ),
        graph(
            "Requests to the API server",
            "By verb. At rest there are next to none.",
            Query("sum by (verb) (rate(nereid_api_requests_total[$__rate_interval]))", "{{verb}}"),
            unit="reqps",
            width=6,
            stacked=True,
            min=0,
        ),
    ),
)

DASHBOARD: Final = dashboard(
    "nereid-fleet",
    "Nereid / Fleet",
    description="All models that Nereid serves, their rollouts, and the operator.",
    variables=(Variable("namespace", "label_values(nereid_model_deployment_condition, namespace)", many=True),),
    rows=(NOW, MODELS, ROLLOUTS, OPERATOR),
    since="now-6h",
)

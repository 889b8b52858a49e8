"""The dashboard of one rollout: the candidate beside stable, and why it continues, stops or is rolled back."""

from typing import Final

from dashboards.grafana import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Query,
    Row,
    dashboard,
    graph,
    head_link,
    name_stat,
    stat,
    thresholds,
    timeline,
)
from dashboards.model import VARIABLES
from dashboards.promql import (
    MODEL,
    REVISION,
    REVISION_LEGEND,
    per_request,
    pods,
    quantile,
    requests,
    share,
)

_CANDIDATE: Final = "while there is a candidate"
_JUDGED: Final = "while a candidate is judged"
_WEIGHT: Final = f"max(nereid_rollout_candidate_weight{{{MODEL}}})"
_EVIDENCE: Final = f"nereid_rollout_evidence{{{MODEL}"

NOW: Final = Row(
    "Now",
    (
        name_stat(
            "State",
            "What the rollout is doing.",
            Query(f"max by (state) (nereid_rollout_state{{{MODEL}}})", "{{state}}"),
        ),
        name_stat(
            "Stable",
            "The version that is trusted with the traffic.",
            Query(f"max by (stable_version) (nereid_rollout_info{{{MODEL}}})", "{{stable_version}}"),
        ),
        name_stat(
            "Candidate (while there is one)",
            "The version that is being rolled out.",
            Query(
                f'max by (candidate_version) (nereid_rollout_info{{{MODEL}, candidate!=""}})',
                "{{candidate_version}}",
                only=_CANDIDATE,
            ),
        ),
        stat(
            "Candidate's weight",
            "Percentage of the requests that are routed to it.",
            Query(f"{_WEIGHT} or vector(0)"),
            unit="percent",
        ),
        name_stat(
            "Verdict (while it is judged)",
            "The judge's last verdict. Continue: the evidence does not decide yet.",
            Query(f"max by (verdict) (nereid_rollout_verdict{{{MODEL}}})", "{{verdict}}", only=_JUDGED),
        ),
        stat(
            "Metrics missed",
            "Times in a row that the provider of metrics did not answer. The rollout pauses for it.",
            Query(f"max(nereid_rollout_provider_errors{{{MODEL}}}) or vector(0)"),
            unit="none",
            limits=thresholds(GREEN, (1, YELLOW), (3, RED)),
        ),
    ),
)

COURSE: Final = Row(
    "Course",
    (
        graph(
            "Weights",
            "The weights of the routes, in percent. A mirror is a copy of requests whose responses are discarded.",
            Query(f"{_WEIGHT} or vector(0)", "candidate"),
            Query(f"100 - ({_WEIGHT} or vector(0))", "stable"),
            Query(f"max(nereid_rollout_candidate_mirror{{{MODEL}}})", "mirror", only=_CANDIDATE),
            unit="percent",
            min=0,
            max=100,
        ),
        graph(
            "Requests by revision",
            "What the callers' proxies counted; it follows the weights.",
            Query(requests(MODEL, REVISION), REVISION_LEGEND),
            unit="reqps",
            stacked=True,
            min=0,
        ),
        graph(
            "Pods",
            "Wanted and ready pods of each role.",
            Query(pods("replicas", MODEL, "role"), "{{role}} wanted"),
            Query(pods("ready_replicas", MODEL, "role"), "{{role}} ready"),
            unit="none",
            min=0,
            decimals=0,
        ),
        timeline(
            "States",
            "Read from left to right: one line for each state, drawn while the rollout is in it.",
            Query(f"max by (state) (nereid_rollout_state{{{MODEL}}})", "{{state}}"),
            width=12,
        ),
        timeline(
            "Verdicts, failures and alerts (while there are any)",
            "The judge's verdicts; why the last rollout failed; which alerts fire.",
            Query(f"max by (verdict) (nereid_rollout_verdict{{{MODEL}}})", "Judge: {{verdict}}", only=_JUDGED),
            Query(
                f"max by (reason) (nereid_rollout_failed{{{MODEL}}})",
                "Failed: {{reason}}",
                only="while the last rollout has failed",
            ),
            Query(
                f'max by (alertname) (ALERTS{{alertname=~"Nereid.*", alertstate="firing", {MODEL}}})',
                "{{alertname}}",
                only="while an alert fires",
            ),
            colour=ORANGE,
            width=12,
        ),
    ),
)

ERRORS: Final = Row(
    "Errors",
    (
        graph(
            "Errors by revision",
            "Share of the requests that failed, over a minute.",
            Query(share("error", MODEL, REVISION), REVISION_LEGEND),
            unit="percentunit",
            min=0,
        ),
        graph(
            "What the judge counted (while it judges)",
            "Share of bad requests since it began to count, for each of its metrics: errors, rejections and slow.",
            Query(
                f"max by (role, metric) (nereid_rollout_metric_bad_ratio{{{MODEL}}})",
                "{{role}} {{metric}}",
                only=_JUDGED,
            ),
            unit="percentunit",
            min=0,
        ),
        graph(
            "Evidence (while it judges)",
            "How far the judge is: at 1 it decides. failing: that the candidate is worse than tolerated. passing: "
            "that it is good enough, which counts once the step's time is over. Below 0 it speaks against.",
            Query(f'max by (metric) ({_EVIDENCE}, direction="failing"}})', "failing {{metric}}", only=_JUDGED),
            Query(f'max by (metric) ({_EVIDENCE}, direction="passing"}})', "passing {{metric}}", only=_JUDGED),
            unit="none",
            line=1,
            min=-1,
            max=2,
        ),
        graph(
            "Rejections by revision",
            "Share of the requests that were rejected as the client's fault. A new version that rejects "
            "more does not understand what clients send.",
            Query(share("rejection", MODEL, REVISION), REVISION_LEGEND),
            unit="percentunit",
            min=0,
        ),
        graph(
            "Requests by revision and outcome",
            "The rates that the shares are computed from.",
            Query(requests(MODEL, f"{REVISION}, outcome"), f"{REVISION_LEGEND} {{{{outcome}}}}"),
            unit="reqps",
            min=0,
        ),
        graph(
            "Requests of the checks (while they run)",
            "The check Job's requests to the candidate before it gets traffic, by response code.",
            Query(
                'sum by (response_code, grpc_response_status) (rate(istio_requests_total{reporter="destination", '
                'namespace="$namespace", destination_service_namespace="$namespace", '
                'source_canonical_service="$name-checks"}[$__rate_interval]))',
                "{{response_code}} {{grpc_response_status}}",
                only="while checks run",
            ),
            unit="reqps",
            min=0,
        ),
    ),
)

LATENCY: Final = Row(
    "Latency and load",
    (
        graph(
            "p99 by revision",
            "99 of 100 requests were answered within this time; beside it the objective.",
            Query(quantile(0.99, MODEL, REVISION), REVISION_LEGEND),
            Query(f'1000 * nereid:objective:last{{{MODEL}, objective="latency_seconds"}}', "objective"),
            unit="ms",
            min=0,
        ),
        graph(
            "p50 by revision",
            "Half of the requests were answered within this time.",
            Query(quantile(0.5, MODEL, REVISION), REVISION_LEGEND),
            unit="ms",
            min=0,
        ),
        graph(
            "Compute time per request",
            "What Triton itself takes to compute an answer: without network, proxies and queue.",
            Query(per_request("compute_infer", "revision"), "{{revision}}"),
            unit="ms",
            min=0,
        ),
        graph(
            "Queue over compute",
            "Time that requests wait in Triton, over the time of computing. If only the candidate's rises, it "
            "has too few pods for its share.",
            Query(f"nereid:revision_queue:ratio_rate1m{{{MODEL}}}", REVISION_LEGEND),
            unit="none",
            min=0,
            width=12,
        ),
        graph(
            "Requests inside",
            "Requests that are inside Triton on average, waiting or computed.",
            Query(f"nereid:revision_concurrency:avg1m{{{MODEL}}}", REVISION_LEGEND),
            unit="none",
            min=0,
            width=12,
        ),
    ),
)

DASHBOARD: Final = dashboard(
    "nereid-rollout",
    "Nereid / Rollout",
    description="One rollout: the candidate beside stable, the judge's evidence, and what it decided.",
    variables=VARIABLES,
    rows=(NOW, COURSE, ERRORS, LATENCY),
    links=(
        head_link("nereid-fleet", "All models", namespace="$namespace"),
        head_link("nereid-model", "Its model", namespace="$namespace", name="$name"),
    ),
    since="now-30m",
)

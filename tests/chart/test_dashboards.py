"""The dashboards are the generated ones, ask only for metrics that exist, and reach Grafana as its sidecar expects."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from nereid.activator import instruments as activator
from nereid.controller.shell.telemetry import objectives, revisions, rollouts
from nereid.controller.shell.telemetry.instruments import Instruments

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "charts" / "nereid" / "files" / "dashboards"
# They are in addresses that people keep, and that the operator puts into status.links.
UIDS = {"nereid-fleet", "nereid-model", "nereid-rollout"}

# What Triton and Istio call their metrics; what each dashboard asks of them is asked of real ones by tests/e2e.
TRITON = {
    "nv_cpu_utilization",
    "nv_gpu_memory_total_bytes",
    "nv_gpu_memory_used_bytes",
    "nv_gpu_utilization",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_output_duration_us",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_pending_request_count",
    "nv_inference_queue_duration_us",
    "nv_inference_request_duration_us",
    "nv_inference_request_failure",
    "nv_inference_request_success",
}
OTHERS = {"istio_requests_total", "ALERTS"}
OF_PROMQL = {
    *("sum", "max", "count", "topk", "rate", "sum_over_time", "histogram_quantile", "label_replace", "vector"),
    *("by", "on", "or"),
}

Json = dict[str, Any]
Render = Callable[..., list[Json]]


@pytest.fixture(params=sorted(UIDS))
def dashboard(request: pytest.FixtureRequest) -> Json:
    return json.loads((FOLDER / f"{request.param}.json").read_text())


@pytest.fixture(scope="module")
def known_metrics(render: Render) -> set[str]:
    registry = CollectorRegistry()
    Instruments(registry)
    registry.register(activator.WaitingCollector(dict))
    own = {
        f"{metric.name}{suffix}"
        for metric in registry.collect()
        for suffix in {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
    }
    objects = render("--api-versions", "monitoring.coreos.com/v1")
    recorded = {
        rule["record"]
        for rules in objects
        if rules["kind"] == "PrometheusRule"
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    return {*own, *rollouts.FAMILIES, *objectives.FAMILIES, *revisions.FAMILIES, *recorded, *TRITON, *OTHERS}


def panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def metrics_of(query: str) -> set[str]:
    """Return the names that are left of a query without comments, strings, label matchers, label lists and ranges."""
    for ignored in (r"#.*", r'"[^"]*"', r"\{[^}]*\}", r"\b(by|on) \([^)]*\)", r"\[[^]]*\]"):
        query = re.sub(ignored, lambda found: found[1] if found.lastindex else "", query)
    return set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", query)) - OF_PROMQL


def test_the_committed_dashboards_are_the_generated_ones(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "local")}
    subprocess.run([sys.executable, "-m", "dashboards", tmp_path], env=environment, check=True)
    generated = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert generated == {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert generated.keys() == {f"{uid}.json" for uid in UIDS}


def test_every_metric_exists(dashboard: Json, known_metrics: set[str]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert metrics_of(target["expr"]) <= known_metrics, panel["title"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            metric, _, _ = variable["definition"].removeprefix("label_values(").partition("{")
            assert metric.partition(",")[0] in known_metrics


def test_every_panel_can_be_read(dashboard: Json) -> None:
    for panel in panels(dashboard):
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        for holder in (panel, *panel["targets"]):
            assert holder["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_a_panel_that_may_be_empty_says_when_in_its_title(dashboard: Json) -> None:
    for panel in panels(dashboard):
        may_be_empty = all("# Has data only" in target["expr"] for target in panel["targets"])
        assert may_be_empty == panel["title"].endswith(")"), panel["title"]


def test_panels_have_an_id_and_a_place_of_their_own(dashboard: Json) -> None:
    assert dashboard["uid"] in UIDS
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    covered = Counter(cell for panel in dashboard["panels"] for cell in cells(panel["gridPos"]))
    assert set(covered.values()) == {1}
    assert all(x < 24 for x, _ in covered)


def cells(place: Json) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_what_reads_days_of_samples_reads_them_once(dashboard: Json) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert target["instant"] or "[$budget]" not in target["expr"], panel["title"]


def test_the_operators_alerts_are_shown_whatever_namespace_is_chosen() -> None:
    fleet = json.loads((FOLDER / "nereid-fleet.json").read_text())
    asked = [target["expr"] for panel in panels(fleet) for target in panel["targets"] if "ALERTS" in target["expr"]]
    assert len(asked) == 2
    for query in asked:
        chosen, _, always = query.partition(" or ALERTS")
        assert "$namespace" in chosen
        assert "Nereid(Operator|Activator)" in always
        assert "$namespace" not in always


def test_links_lead_to_dashboards(dashboard: Json) -> None:
    text = json.dumps(dashboard)
    assert set(re.findall(r'"/d/([^?"]+)', text)) <= UIDS


def config_maps(render: Render, *arguments: str) -> list[Json]:
    found = [document for document in render(*arguments) if document["kind"] == "ConfigMap"]
    return [document for document in found if "-dashboard-" in document["metadata"]["name"]]


def test_the_sidecar_finds_each_dashboard(render: Render) -> None:
    rendered = config_maps(render)
    for config_map in rendered:
        assert config_map["metadata"]["namespace"] == "nereid-system"
        assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert config_map["metadata"]["annotations"] == {"grafana_folder": "Nereid"}
    files = {file: json.loads(text) for config_map in rendered for file, text in config_map["data"].items()}
    assert files == {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


def test_the_sidecars_conventions_can_be_others(render: Render) -> None:
    options = "enabled=true", "namespace=monitoring", "labels.team=serving", "annotations.grafana_folder=Models"
    rendered = config_maps(render, *(f"--set=dashboards.grafana.{option}" for option in options))
    assert len(rendered) == len(UIDS)
    for config_map in rendered:
        assert config_map["metadata"]["namespace"] == "monitoring"
        assert config_map["metadata"]["labels"]["team"] == "serving"
        assert config_map["metadata"]["annotations"] == {"grafana_folder": "Models"}
    assert config_maps(render, "--set=dashboards.grafana.enabled=false") == []


def test_kialis_dashboard_asks_triton() -> None:
    (dashboard,) = yaml.safe_load((FOLDER / "kiali.yaml").read_text())["custom_dashboards"]
    charts = [item["chart"] for item in dashboard["items"]]
    asked = {metric["metricName"] for chart in charts for metric in chart["metrics"]}
    assert {dashboard["discoverOn"], *asked} <= TRITON
    assert len({chart["name"] for chart in charts}) == len(charts)
    assert {chart["dataType"] for chart in charts} <= {"raw", "rate"}

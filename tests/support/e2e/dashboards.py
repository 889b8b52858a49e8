"""The chart's dashboards, asked as Grafana and Kiali would ask: every query of every panel, every variable's values."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml
from digits.cluster import Cluster

FOLDER: Final = Path(__file__).parents[3] / "charts" / "nereid" / "files" / "dashboards"
_TIMEOUT_SECONDS: Final = 20
_ONLY: Final = "# Has data only "
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
# What Grafana itself fills in, a few scrapes, and what can be chosen for the error budget.
_GRAFANA: Final = {"__rate_interval": "1m", "budget": "1d"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a panel; `only` says when it has data, where that is not always."""

    dashboard: str
    panel: str
    query: str
    only: str

    def __str__(self) -> str:
        return f"{self.dashboard}, {self.panel}: {self.query}"


def dashboards() -> list[Json]:
    """Return the dashboards that the chart installs."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def questions(values: Mapping[str, str]) -> Iterator[Question]:
    """Yield what all panels ask, with these values of the variables."""
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                query, _, only = target["expr"].partition(_ONLY)
                yield Question(dashboard["uid"], panel["title"], _filled(query, values).strip(), only.rstrip("."))


def choices(cluster: Cluster, values: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each variable with the values that a user can choose."""
    for dashboard in dashboards():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query" and (asked := _LABEL_VALUES.fullmatch(variable["definition"])):
                found = _get(
                    f"{cluster.prometheus_url}/api/v1/label/{asked['label']}/values",
                    {"match[]": _filled(asked["series"], values)},
                )
                yield variable["name"], found["data"]


def has_data(cluster: Cluster, query: str) -> bool:
    """Tell whether a query gives at least one number now; raises HTTPError for one that is wrong."""
    found = _get(f"{cluster.prometheus_url}/api/v1/query", {"query": query})["data"]["result"]
    return any(math.isfinite(float(series["value"][1])) for series in found)


def kiali_dashboard() -> str:
    """Return Triton's dashboard for Kiali, as the annotation of a namespace holds it."""
    return json.dumps(yaml.safe_load((FOLDER / "kiali.yaml").read_text())["custom_dashboards"])


def kiali_charts(cluster: Cluster, namespace: str, app: str, version: str) -> dict[str, bool]:
    """Return the charts that Kiali draws of a version's Triton, each with whether it has a figure."""
    dashboard = _get(
        f"{cluster.kiali_url}/api/namespaces/{namespace}/customdashboard/triton",
        {"labelsFilters": f"app:{app},version:{version}", "duration": "60", "step": "5", "rateInterval": "30s"},
    )
    return {chart["name"]: any(map(_has_figure, chart["metrics"])) for chart in dashboard["charts"]}


def kiali_tabs(cluster: Cluster, namespace: str, workload: str) -> list[str]:
    """Return the names of the dashboards that Kiali offers on a workload's page."""
    page = _get(f"{cluster.kiali_url}/api/namespaces/{namespace}/workloads/{workload}", {"validate": "false"})
    return [tab["template"] for runtime in page["runtimes"] for tab in runtime["dashboardRefs"]]


def _has_figure(metric: Json) -> bool:
    return any(math.isfinite(float(value)) for _, value in metric["datapoints"])


def _filled(query: str, values: Mapping[str, str]) -> str:
    known = {**_GRAFANA, **values}
    return re.sub(r"\$(\w+)", lambda variable: known[variable[1]], query)


def _get(url: str, query: Mapping[str, str]) -> Any:
    with urlopen(f"{url}?{urlencode(query)}", timeout=_TIMEOUT_SECONDS) as response:
        return json.load(response)

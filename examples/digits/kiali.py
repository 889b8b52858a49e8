"""What Kiali says about a namespace: how traffic is split between versions, and what is wrong with its objects.

Kiali's API is its web page's, with no promise of stability; only the few fields read here are relied on.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

_TIMEOUT_SECONDS: Final = 20
_SEVERITIES: Final = frozenset({"error", "warning"})


def traffic_by_version(kiali_url: str, namespace: str, app: str, seconds: int = 60) -> dict[str, float]:
    """Return the share of requests, in percent, that Kiali's graph draws to each version of an app."""
    graph = _get(
        f"{kiali_url}/api/namespaces/graph",
        namespaces=namespace,
        graphType="versionedApp",
        duration=f"{seconds}s",
        injectServiceNodes="true",
        refreshInterval="0",
    )
    elements = graph["elements"]
    versions = {
        node["data"]["id"]: node["data"]["version"]
        for node in elements.get("nodes") or []
        if node["data"].get("app") == app and node["data"].get("version")
    }
    rates: Counter[str] = Counter()
    for edge in elements.get("edges") or []:
        if version := versions.get(edge["data"]["target"]):
            rates[version] += _requests_per_second(edge["data"])  # type: ignore[assignment]  # a rate is a fraction
    total = rates.total()
    return {version: 100 * rate / total for version, rate in rates.items()} if total else {}


@dataclass(frozen=True, slots=True)
class Validation:
    """What Kiali looked at in a namespace, each as `type name`, and every error and warning that it has about them."""

    objects: frozenset[str]
    problems: tuple[str, ...]


def validate(kiali_url: str, namespace: str) -> Validation:
    """Let Kiali look at the namespace's Istio objects, Services and workloads as they are now."""
    checked = _get(f"{kiali_url}/api/clusters/workloads", namespaces=namespace, rateInterval="60s")["validations"]
    services = _get(f"{kiali_url}/api/clusters/services", namespaces=namespace, rateInterval="60s")["services"]
    for service in services:
        details = _get(f"{kiali_url}/api/namespaces/{namespace}/services/{service['name']}", validate="true")
        for kind, item in details["validations"].items():
            checked.setdefault(kind, {}).update(item)
    mine = [item for kind in checked.values() for item in kind.values() if item["namespace"] == namespace]
    return Validation(
        objects=frozenset(f"{item['objectType']} {item['name']}" for item in mine),
        problems=tuple(problem for item in mine for problem in _problems(item)),
    )


def _problems(item: Any) -> list[str]:
    about = f"{item['objectType']} {item['name']}"
    return [
        f"{check['severity']} {check.get('code', '')} of {about}: {check['message']}"
        for check in item["checks"]
        if check["severity"] in _SEVERITIES
    ]


def _requests_per_second(edge: Any) -> float:
    traffic = edge.get("traffic") or {}
    rates = traffic.get("rates") or {}
    return float(rates.get(traffic.get("protocol"), 0))


def _get(url: str, **query: str) -> Any:
    with urlopen(f"{url}?{urlencode(query)}", timeout=_TIMEOUT_SECONDS) as response:
        return json.load(response)

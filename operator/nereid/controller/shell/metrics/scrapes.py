"""Which process counted a series, and by which scrape of that process it was read. Pure.

Sidecars are often scraped twice, on port 15020 together with their application and on port 15090 alone, or by two
Prometheus that are each other's spare. Then each series is there twice, with the labels of either scrape.
"""

from collections.abc import Mapping
from typing import Final

Labels = Mapping[str, str]
Process = tuple[str, str, str]
Scrape = tuple[tuple[str, str], ...]

# What usual configurations call the pod and its namespace.
_POD: Final = ("pod", "pod_name", "kubernetes_pod_name")
_NAMESPACE: Final = ("namespace", "kubernetes_namespace")
_SCRAPE: Final = frozenset({"job", "instance", "endpoint", "container", "service", "metrics_path", "replica"})
_PROMETHEUS: Final = "prometheus"


def process_of(labels: Labels) -> Process:
    """Return what tells the process from others: its pod, or the address that was scraped where no pod is known."""
    return labels.get("cluster", ""), _first(labels, _NAMESPACE), _first(labels, (*_POD, "instance"))


def scrape_of(labels: Labels) -> Scrape:
    """Return what tells the scrapes of one process from each other."""
    return tuple(sorted(one for one in labels.items() if one[0] in _SCRAPE or one[0].startswith(_PROMETHEUS)))


def _first(labels: Labels, names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")

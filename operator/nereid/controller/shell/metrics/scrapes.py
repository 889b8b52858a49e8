"""Which process counted a series, and by which scrape of that process it was read. Pure.

Sidecars are often scraped twice, on port 15020 together with their application and on port 15090 alone, or by two
redundant Prometheus servers. Then each series exists twice, with the labels of either scrape.
"""

from collections.abc import Mapping
from typing import Final

Labels = Mapping[str, str]
Process = tuple[str, str, str]
Scrape = tuple[tuple[str, str], ...]

# The labels of the pod and its namespace in usual configurations.
_POD: Final = ("pod", "pod_name", "kubernetes_pod_name")
_NAMESPACE: Final = ("namespace", "kubernetes_namespace")
_SCRAPE: Final = frozenset({"job", "instance", "endpoint", "container", "service", "metrics_path", "replica"})
_PORTS_OF_A_PROXY: Final = frozenset({"15020", "15090"})
_PROMETHEUS: Final = "prometheus"


def process_of(labels: Labels) -> Process:
    """Return what identifies the process: its pod, or the address that was scraped if no pod is known."""
    return labels.get("cluster", ""), _first(labels, _NAMESPACE), _first(labels, _POD) or _address(labels)


def _address(labels: Labels) -> str:
    """Return the address that was scraped; both ports of a proxy are the same process."""
    instance = labels.get("instance", "")
    address, _, port = instance.rpartition(":")
    return address if port in _PORTS_OF_A_PROXY else instance


def scrape_of(labels: Labels) -> Scrape:
    """Return what distinguishes the scrapes of one process."""
    return tuple(sorted(label for label in labels.items() if label[0] in _SCRAPE or label[0].startswith(_PROMETHEUS)))


def _first(labels: Labels, names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")

"""Says what runs on this machine, since when, and what is missing."""

import json
import time
from typing import Any

from cluster import addons, controlplane, node, processes
from cluster.paths import Paths

PROCESSES = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "containerd",
    "kubelet",
    "kube-proxy",
)

WORKLOADS = ("/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets")


def report(paths: Paths) -> bool:
    """Print a line for each part; return whether all is well."""
    records = {name: processes.running(paths, name) for name in PROCESSES}
    for name, record in records.items():
        _line(name, _since(record))
    if not records["kube-apiserver"]:
        return False
    ready = node.is_ready(paths)
    _line("node", "Ready" if ready else "not Ready")
    return _report_addons(paths) and ready and all(records.values())


def shortfall(workload: dict[str, Any]) -> int:
    """How many replicas of a Deployment or a StatefulSet are wanted and not available."""
    return int(workload["spec"].get("replicas", 1)) - int(workload.get("status", {}).get("availableReplicas", 0))


def _since(record: processes.Record | None) -> str:
    if record is None:
        return "not running"
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - record.age_seconds))
    return f"running since {started} as process {record.pid}"


def _report_addons(paths: Paths) -> bool:
    """Judge the add-ons alone: what users run in namespaces of their own is not the cluster's."""
    try:
        items = [item for kind in WORKLOADS for item in json.loads(controlplane.get(paths, kind))["items"]]
    except OSError as error:
        _line("add-ons", f"unknown: {error}")
        return False
    workloads = [item for item in items if item["metadata"]["namespace"] in addons.NAMESPACES]
    for item in workloads:
        missing = shortfall(item)
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        _line(name, f"{missing} replicas missing" if missing else "available")
    absent = set(addons.NAMESPACES) - {item["metadata"]["namespace"] for item in workloads}
    for namespace in sorted(absent):
        _line(namespace, "nothing is installed")
    return not absent and not any(shortfall(item) for item in workloads)


def _line(part: str, state: str) -> None:
    print(f"{part:44}{state}")

"""What happens to nodes: one is drained, or gets devices and labels. All of it is undone when its context ends."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from digits.cluster import Cluster

_DRAIN_SECONDS: Final = 170
_DEVICES: Final = "8"


def node_name(cluster: Cluster) -> str:
    """Return the name of a node."""
    return str(cluster.list("Node")[0]["metadata"]["name"])


@contextmanager
def draining(cluster: Cluster, node: str, selector: str) -> Iterator[Future[str]]:
    """Drain a node of the pods that a selector finds in any namespace, which cordons it; yields kubectl's end.

    Whoever has no other node to move to calls `uncordon` meanwhile.
    """
    arguments = (f"--pod-selector={selector}", "--ignore-daemonsets", "--delete-emptydir-data")
    pool = ThreadPoolExecutor(max_workers=1)
    end = pool.submit(cluster.kubectl, "drain", node, *arguments, f"--timeout={_DRAIN_SECONDS}s")
    try:
        yield end
    finally:
        # First for others' sake, and once more as the drain may have cordoned it only then.
        uncordon(cluster, node)
        pool.shutdown()
        uncordon(cluster, node)


def uncordon(cluster: Cluster, node: str) -> None:
    """Let pods be scheduled on a node again."""
    cluster.kubectl("uncordon", node)


@contextmanager
def devices(cluster: Cluster, node: str, *resources: str) -> Iterator[None]:
    """Let a node claim to have devices of these extended resources, enough beside those that ending pods still hold.

    The scheduler and the kubelet count what the node claims; without a device plugin, nothing is mounted into pods.
    """
    try:
        _set_capacity(cluster, node, dict.fromkeys(resources, _DEVICES))
        yield
    finally:
        _set_capacity(cluster, node, dict.fromkeys(resources))


@contextmanager
def label(cluster: Cluster, node: str, name: str, value: str) -> Iterator[None]:
    """Let a node have a label."""
    try:
        cluster.kubectl("label", "--overwrite", "node", node, f"{name}={value}")
        yield
    finally:
        cluster.kubectl("label", "node", node, f"{name}-")


def _set_capacity(cluster: Cluster, node: str, resources: Mapping[str, Any]) -> None:
    patch = json.dumps({"status": {"capacity": resources, "allocatable": resources}})
    cluster.kubectl("patch", "node", node, "--subresource=status", "--type=merge", f"--patch={patch}")


@contextmanager
def priority_class(cluster: Cluster, name: str, value: int) -> Iterator[None]:
    """Let there be a PriorityClass."""
    manifest = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
    cluster.apply({**manifest, "value": value})
    try:
        yield
    finally:
        cluster.kubectl("delete", "priorityclass", name)

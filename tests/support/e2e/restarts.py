"""How often the containers of Nereid's own pods have been started again, and why they ended."""

from digits.cluster import Cluster, Manifest

_PODS = "app.kubernetes.io/name in (nereid,nereid-activator)"


def restarts(cluster: Cluster) -> dict[str, int]:
    """Return how often each container of the operator and the activator was started again, by POD/CONTAINER."""
    return {name: status["restartCount"] for name, status in _statuses(cluster).items()}


def ended_since(cluster: Cluster, before: dict[str, int]) -> list[str]:
    """Return which containers have ended since `restarts` told, each in a sentence that says why, or are gone."""
    now = _statuses(cluster)
    ended = [f"{name} is gone" for name in before if name not in now]
    for name, status in now.items():
        if status["restartCount"] != before.get(name, 0):
            last = (status.get("lastState") or {}).get("terminated") or {}
            ended.append(f"{name} ended, exit code {last.get('exitCode')}: {last.get('reason')}")
    return ended


def _statuses(cluster: Cluster) -> dict[str, Manifest]:
    # Sidecars count among the init containers.
    kinds = ("initContainerStatuses", "containerStatuses")
    return {
        f"{pod['metadata']['name']}/{status['name']}": status
        for pod in cluster.list("Pod", cluster.operator["metadata"]["namespace"], _PODS)
        if not pod["metadata"].get("deletionTimestamp")
        for kind in kinds
        for status in pod["status"].get(kind) or []
    }

"""The pods of a model, and how long they took to become ready."""

from datetime import datetime
from typing import Any

from digits.cluster import Manifest, is_ready
from digits.model_deployment import ModelDeployment


def pods_of(served: ModelDeployment, revision: str | None = None) -> list[Manifest]:
    """Return the pods of a model, or of one of its revisions, that are to stay."""
    chosen = f"nereid.dev/model-deployment={served.name},nereid.dev/revision"
    chosen += f"={revision}" if revision else ""
    found = served.cluster.list("Pod", served.namespace, chosen)
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def names_of(pods: list[Manifest]) -> set[str]:
    """Return the names of pods."""
    return {pod["metadata"]["name"] for pod in pods}


def ready_pods(served: ModelDeployment) -> int:
    """Return how many pods of a model are ready and are to stay."""
    return sum(is_ready(pod) for pod in pods_of(served))


def seconds_to_readiness(pod: Manifest) -> float:
    """Return how long Triton had run when its pod became ready."""
    triton = next(one for one in pod["status"]["containerStatuses"] if one["name"] == "triton")
    ready = next(one for one in pod["status"]["conditions"] if one["type"] == "Ready")
    return (_moment(ready["lastTransitionTime"]) - _moment(triton["state"]["running"]["startedAt"])).total_seconds()


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))

"""`spec.scaling` with short times, and what to wait for where pods come, go, and sleep."""

from typing import Any, Final

from digits.cluster import Manifest, wait_for
from digits.model_deployment import ModelDeployment

# Requests a second that one pod of the version `busy` can do.
CAPACITY: Final = 10
SLEEP_AFTER_SECONDS: Final = 20
# A request may wait for a pod, and thousands for their turn.
PATIENCE: Final = 120.0
QUICK: Final = {
    "scaleUp": {"stabilizationWindowSeconds": 0},
    "scaleDown": {"stabilizationWindowSeconds": 15, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]},
}


def scaled(**fields: Any) -> Manifest:
    """Return `spec.scaling` up to three pods, with these fields instead of the usual ones, or beside them."""
    return {"minReplicas": 1, "maxReplicas": 3, "behavior": QUICK, **fields}


def may_sleep(**fields: Any) -> Manifest:
    """Return `spec.scaling` of a model that sleeps soon."""
    return scaled(minReplicas=0, scaleToZeroAfter=f"{SLEEP_AFTER_SECONDS}s", coldStartTimeout="3m", **fields)


def pods(served: ModelDeployment, revision: str | None = None) -> int:
    """Return how many pods a revision has that are not ending; by default all of the model's."""
    chosen = f"nereid.dev/model-deployment={served.name},nereid.dev/revision"
    chosen += f"={revision}" if revision else ""
    found = served.cluster.list("Pod", served.namespace, chosen)
    return sum("deletionTimestamp" not in pod["metadata"] for pod in found)


def wait_for_pods(served: ModelDeployment, enough: int, seconds: float = 150) -> None:
    """Wait until a model has at least so many ready pods."""
    served.wait_for(f"{enough} pods are ready", lambda seen: seen["stable"]["readyReplicas"] >= enough, seconds)


def wait_for_fewer_pods(served: ModelDeployment, most: int, seconds: float = 150) -> None:
    """Wait until a model has at most so many pods."""
    wait_for(
        f"{served.name} has at most {most} pods", lambda: pods(served) <= most, seconds=seconds, seen=served.describe
    )


def wait_until_asleep(served: ModelDeployment, seconds: float = 180) -> None:
    """Wait until a model has no pods any more."""
    served.wait_for("it sleeps", lambda seen: seen.get("scaling", {}).get("state") == "Asleep", seconds)
    wait_for_fewer_pods(served, 0)


def wait_until_scaled(served: ModelDeployment) -> None:
    """Wait until a model is served and its scaler measures it."""
    served.wait_until_ready()
    served.wait_for_condition("Scaling", "True", "ScalerActive")

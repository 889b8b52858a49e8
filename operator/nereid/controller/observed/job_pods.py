"""How the pod of a Job ended, or what keeps it from running: for all Jobs that write a termination message."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.controller.observed.facts import Problem
from nereid.controller.observed.pods import MODEL_CLAIM, pod_facts

_EVICTED: Final = "Evicted"


def ended(raw: Mapping[str, Any], container_name: str) -> Mapping[str, Any] | None:
    """Return the termination state of the container that does the work; None while it has not ended."""
    status = raw.get("status", {})
    for container in status.get("containerStatuses", []):
        end: Mapping[str, Any] | None = container.get("state", {}).get("terminated")
        # This reason is set for a container that never ran when its pod is deleted.
        if container["name"] == container_name and end and end.get("reason") != "ContainerStatusUnknown":
            return end
    if status.get("phase") == "Failed" and "deletionTimestamp" not in raw["metadata"]:
        # The node ended the pod before the container started, for instance when it ran out of disk.
        return {"exitCode": None, "reason": status.get("reason"), "message": status.get("message", "")}
    return None


def failed_before(raw: Mapping[str, Any], container_name: str) -> Mapping[str, Any] | None:
    """Return the termination state of an init container if it failed; None also if its pod was evicted."""
    status = raw.get("status", {})
    if status.get("reason") == _EVICTED:
        # The pod's own status has the cause, for instance a volume that exceeds its limit.
        return None
    for container in status.get("initContainerStatuses", []):
        end: Mapping[str, Any] | None = container.get("state", {}).get("terminated")
        is_failure = end is not None and end.get("exitCode") and end.get("reason") != "ContainerStatusUnknown"
        if container["name"] == container_name and is_failure:
            return end
    return None


def problem(raw: Mapping[str, Any], claim_field: str = MODEL_CLAIM) -> Problem | None:
    """Return what keeps a pod from running, also of a pod that is being deleted for that reason.

    claim_field: the field that names the pod's claims.
    """
    metadata = {key: value for key, value in raw["metadata"].items() if key != "deletionTimestamp"}
    return pod_facts({**raw, "metadata": metadata}, claim_field).problem


def finished(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the condition that ends a Job; None while it may still create pods."""
    conditions = {
        condition["type"]: condition
        for condition in raw.get("status", {}).get("conditions", [])
        if condition["status"] == "True"
    }
    # FailureTarget announces Failed while the pods still exist and show the cause.
    return conditions.get("FailureTarget") or conditions.get("Failed") or conditions.get("Complete")

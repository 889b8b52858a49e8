"""How the pod of a Job ended, or what keeps it from running: the same for every Job that leaves a word at its end."""

from collections.abc import Mapping
from typing import Any

from nereid.controller.observed.facts import Problem
from nereid.controller.observed.pods import MODEL_CLAIM, pod_facts


def ended(raw: Mapping[str, Any], container_name: str) -> Mapping[str, Any] | None:
    """Return how the container that does the work ended; None while it has not."""
    status = raw.get("status", {})
    for container in status.get("containerStatuses", []):
        end: Mapping[str, Any] | None = container.get("state", {}).get("terminated")
        # A container that never ran is said to have ended so when its pod is deleted.
        if container["name"] == container_name and end and end.get("reason") != "ContainerStatusUnknown":
            return end
    if status.get("phase") == "Failed" and "deletionTimestamp" not in raw["metadata"]:
        # The node ended it before the container was one, for instance when it ran out of disk.
        return {"exitCode": None, "reason": status.get("reason"), "message": status.get("message", "")}
    return None


def failed_before(raw: Mapping[str, Any], container_name: str) -> Mapping[str, Any] | None:
    """Return how the container that prepares the work failed; None where it has not."""
    for container in raw.get("status", {}).get("initContainerStatuses", []):
        end: Mapping[str, Any] | None = container.get("state", {}).get("terminated")
        is_failure = end is not None and end.get("exitCode") and end.get("reason") != "ContainerStatusUnknown"
        if container["name"] == container_name and is_failure:
            return end
    return None


def problem(raw: Mapping[str, Any], claim_field: str = MODEL_CLAIM) -> Problem | None:
    """Return what keeps a pod from running, also of one that is being deleted for it.

    claim_field: the field that names the pod's claims.
    """
    metadata = {key: value for key, value in raw["metadata"].items() if key != "deletionTimestamp"}
    return pod_facts({**raw, "metadata": metadata}, claim_field).problem


def finished(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the condition by which a Job is over; None while it may still make pods."""
    conditions = {
        condition["type"]: condition
        for condition in raw.get("status", {}).get("conditions", [])
        if condition["status"] == "True"
    }
    # The first of the two says that it will be Failed, while its pods are still there to tell why.
    return conditions.get("FailureTarget") or conditions.get("Failed") or conditions.get("Complete")

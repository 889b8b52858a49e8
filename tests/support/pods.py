"""Raw pods as a kubelet reports them, in a mesh: istio-proxy is a native sidecar, so an init container that stays."""

from typing import Any

Raw = dict[str, Any]

IMAGE = "nvcr.io/nvidia/tritonserver:25.08-py3"
PROXY: Raw = {"name": "istio-proxy", "ready": True, "started": True, "state": {"running": {}}, "restartCount": 0}
INITIALIZING: Raw = {"waiting": {"reason": "PodInitializing"}}


def waiting(reason: str, message: str = "") -> Raw:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def terminated(code: int, message: str = "", reason: str = "") -> Raw:
    reason = reason or ("Error" if code else "Completed")
    return {"terminated": {"exitCode": code, "reason": reason, **({"message": message} if message else {})}}


def crash_looping(code: int, message: str = "", reason: str = "") -> dict[str, Any]:
    back_off = waiting("CrashLoopBackOff", "back-off 20s restarting failed container=triton pod=digits-x7k2m9qd")
    return {"state": back_off, "last": terminated(code, message, reason)}


def container(name: str, state: Raw, last: Raw | None = None, *, ready: bool = False) -> Raw:
    return {"name": name, "state": state, "lastState": last or {}, "ready": ready, "restartCount": 1 if last else 0}


FETCHED = container("fetch-model", terminated(0), ready=True)


def pod(
    triton: Raw | None = None,
    fetch: Raw = FETCHED,
    *,
    proxy: Raw = PROXY,
    scheduling: Raw | None = None,
    ready: bool = False,
    deleted: bool = False,
) -> Raw:
    """Return a pod: unscheduled when `scheduling` says why, else with the statuses of its containers."""
    metadata: Raw = {"name": "digits-x7k2m9qd-6f9c", "labels": {"nereid.dev/revision": "x7k2m9qd"}}
    if deleted:
        metadata["deletionTimestamp"] = "2026-11-20T12:00:00Z"
    spec = {
        "initContainers": [{"name": "istio-proxy"}, {"name": "fetch-model", "image": "nereid:1"}],
        "containers": [{"name": "triton", "image": IMAGE}],
    }
    scheduled = {"type": "PodScheduled", "status": "False", **scheduling} if scheduling else None
    conditions = [
        {"type": "Ready", "status": "True" if ready else "False"},
        scheduled or {"type": "PodScheduled", "status": "True"},
    ]
    statuses: Raw = {
        "initContainerStatuses": [proxy, fetch],
        "containerStatuses": [triton or container("triton", INITIALIZING)],
    }
    return {"metadata": metadata, "spec": spec, "status": {"conditions": conditions, **({} if scheduled else statuses)}}

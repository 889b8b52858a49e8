"""The processes of what all cases share, the operator and Prometheus: how to kill one, and how to freeze one.

They are found by their container on this machine, so that nothing in the cluster takes part in it.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from digits.cluster import Cluster, Manifest, is_ready, wait_for


def operator_pods(cluster: Cluster) -> list[Manifest]:
    """Return the pods of the operator."""
    return cluster.list("Pod", cluster.operator["metadata"]["namespace"], "app.kubernetes.io/name=nereid")


def operator_is_ready(cluster: Cluster) -> bool:
    """Tell whether there is one pod of the operator, and ready."""
    pods = operator_pods(cluster)
    return len(pods) == 1 and is_ready(pods[0])


def kill_operator(cluster: Cluster) -> None:
    """Kill the operator's process with SIGKILL, once it runs; another follows.

    Its pod goes as well: the kubelet would let a container that died wait, longer each time.
    """
    pod = wait_for("the operator runs", lambda: _running_operator(cluster), seconds=90)
    os.kill(process_of(container_of(pod, "operator")), signal.SIGKILL)
    metadata = pod["metadata"]
    cluster.kubectl("delete", "pod", metadata["name"], "--force", "--grace-period=0", namespace=metadata["namespace"])


def _running_operator(cluster: Cluster) -> Manifest | None:
    pods = [pod for pod in operator_pods(cluster) if not pod["metadata"].get("deletionTimestamp")]
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses") or []]
    return pods[0] if len(statuses) == 1 and "running" in statuses[0]["state"] else None


@contextmanager
def frozen_prometheus(cluster: Cluster) -> Iterator[None]:
    """Let Prometheus neither scrape nor answer until the context ends; it keeps what it has."""
    with frozen(cluster, "istio-system", "app=prometheus", "prometheus"):
        yield


@contextmanager
def frozen_istiod(cluster: Cluster) -> Iterator[None]:
    """Let istiod send no route to any proxy until the context ends.

    Its webhooks do not answer either, so that they are not waited for: what is applied is accepted, and has no effect.
    When istiod is back, it asks for them again by itself.
    """
    webhooks = [
        ("ValidatingWebhookConfiguration", "istio-validator-istio-system"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator"),
        ("MutatingWebhookConfiguration", "istio-sidecar-injector"),
    ]
    kept = [(kind, name, (cluster.get(kind, name) or {})["webhooks"]) for kind, name in webhooks]
    with frozen(cluster, "istio-system", "app=istiod", "discovery"):
        try:
            for kind, name, before in kept:
                _set_webhooks(
                    cluster, kind, name, [{**one, "failurePolicy": "Ignore", "timeoutSeconds": 1} for one in before]
                )
            yield
        finally:
            for kind, name, before in kept:
                _set_webhooks(cluster, kind, name, before)


def _set_webhooks(cluster: Cluster, kind: str, name: str, webhooks: list[Manifest]) -> None:
    patch = json.dumps([{"op": "replace", "path": "/webhooks", "value": webhooks}])
    cluster.kubectl("patch", kind, name, "--type", "json", "--patch", patch)


@contextmanager
def frozen(cluster: Cluster, namespace: str, selector: str, container: str) -> Iterator[None]:
    """Stop the first process of a container, in the only pod that a selector finds, until the context ends."""
    (pod,) = cluster.list("Pod", namespace, selector)
    process = process_of(container_of(pod, container))
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def container_of(pod: Manifest, name: str) -> str:
    """Return the id of a pod's container."""
    status = next(status for status in pod["status"]["containerStatuses"] if status["name"] == name)
    return str(status["containerID"].partition("://")[2])


def process_of(container: str) -> int:
    """Return the process on this machine that is the first one of a container."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if container in (folder / "cgroup").read_text():
                return int(folder.name)
        except OSError:  # it ended while we looked
            continue
    pytest.skip("what is to be killed or frozen does not run on this machine")

"""A stand-in for the deployment controller and the kubelet: it says of every Deployment that its pods are ready.

There is no node that could run pods. What these tests are about, the operator's part, begins where a Deployment reports
its pods; a Deployment whose name is held back stays without. Pods are made only in namespaces of `with_pods`,
for tests that are about the places that pods hold.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.api.follower import Follower
from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError

# How long a pod that is told to end still holds its place.
_ENDING_SECONDS = 0.3
_GONE = (404, 409)


class Workloads:
    """Marks Deployments as available, in a thread."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._follower = Follower(kubernetes, "/apis/apps/v1/deployments", self._on_deployment)
        self.held_back: set[str] = set()
        self.with_pods: set[str] = set()

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        self._follower.stop()

    def release(self, namespace: str) -> None:
        """Let the Deployments of a namespace that were held back become ready."""
        self.held_back.discard(namespace)
        for deployment in self._kubernetes.list("Deployment", namespace):
            self._mark(deployment)

    def _on_deployment(self, event: str, deployment: Object) -> None:
        if deployment["metadata"]["namespace"] in self.with_pods:
            self._keep_pods(deployment, 0 if event == "DELETED" else deployment["spec"]["replicas"])
        if event != "DELETED":
            self._mark(deployment)

    def _mark(self, deployment: Object) -> None:
        metadata, replicas = deployment["metadata"], deployment["spec"]["replicas"]
        namespace, name = metadata["namespace"], metadata["name"]
        status = {
            "observedGeneration": metadata["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
        }
        reported = deployment.get("status", {})
        if self._is_held_back(namespace, name) or all(reported.get(key, 0) == value for key, value in status.items()):
            return
        with _whether_or_not_it_is_there():
            self._kubernetes.patch("Deployment", namespace, name, {"status": status}, "status")

    def _is_held_back(self, namespace: str, name: str) -> bool:
        return namespace in self.held_back or f"{namespace}/{name}" in self.held_back

    def _keep_pods(self, deployment: Object, wanted: int) -> None:
        namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        pods = [
            pod["metadata"]["name"]
            for pod in self._kubernetes.list("Pod", namespace)
            if pod["metadata"]["name"].startswith(f"{name}-") and "deletionTimestamp" not in pod["metadata"]
        ]
        for _ in range(wanted - len(pods)):
            self._start_pod(namespace, name, deployment["spec"]["template"])
        for pod in pods[wanted:]:
            self._end_pod(namespace, pod)

    def _start_pod(self, namespace: str, deployment: str, template: Object) -> None:
        name = f"{deployment}-{secrets.token_hex(4)}"
        labels, spec = template["metadata"]["labels"], {**template["spec"], "nodeName": "node"}
        pod = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        self._kubernetes.create(self._kubernetes.path("Pod", namespace), pod)
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self._kubernetes.patch("Pod", namespace, name, {"status": ready}, "status")

    def _end_pod(self, namespace: str, name: str) -> None:
        """Tell a pod to end: on a node, so that it stays until the kubelet, which is this, says that it has."""
        self._kubernetes.delete("Pod", namespace, name)
        threading.Timer(_ENDING_SECONDS, self._remove_pod, (namespace, name)).start()

    def _remove_pod(self, namespace: str, name: str) -> None:
        with _whether_or_not_it_is_there():
            self._kubernetes.request("DELETE", self._kubernetes.path("Pod", namespace, name), {"gracePeriodSeconds": 0})


@contextmanager
def _whether_or_not_it_is_there() -> Iterator[None]:
    try:
        yield
    except RequestFailedError as error:
        if error.status not in _GONE:
            raise

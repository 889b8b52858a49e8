"""A stand-in for the deployment controller and the kubelet: it says of every Deployment that its pods are ready.

There is no node that could run pods. What these tests are about, the operator's part, begins where a Deployment reports
its pods; a Deployment whose name is held back stays without.
"""

import json
import threading
import urllib.parse
from http.client import HTTPException, HTTPResponse

from tests.api.kubernetes import Kubernetes, Object, RequestFailedError

_PATH = "/apis/apps/v1/deployments"


class Workloads:
    """Marks Deployments as available, in a thread."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._stopping = threading.Event()
        self._stream: HTTPResponse | None = None
        self._thread = threading.Thread(target=self._run, name="workloads", daemon=True)
        self.held_back: set[str] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def release(self, namespace: str) -> None:
        """Let the Deployments of a namespace that were held back become ready."""
        self.held_back.discard(namespace)
        for deployment in self._kubernetes.list("Deployment", namespace):
            self._mark(deployment)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except (OSError, HTTPException, RequestFailedError, ValueError):
                # The API server is being restarted.
                self._stopping.wait(0.2)

    def _follow(self) -> None:
        listed = self._kubernetes.request("GET", _PATH)
        for deployment in listed["items"]:
            self._mark(deployment)
        query = urllib.parse.urlencode({"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]})
        for line in self._kubernetes.stream(f"{_PATH}?{query}"):
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                self._mark(event["object"])

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
        try:
            self._kubernetes.patch("Deployment", namespace, name, {"status": status}, "status")
        except RequestFailedError as error:
            if error.status not in (404, 409):
                raise

    def _is_held_back(self, namespace: str, name: str) -> bool:
        return namespace in self.held_back or f"{namespace}/{name}" in self.held_back

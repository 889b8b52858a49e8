"""Sees by watching when a ModelDeployment has all of its children."""

import json
import threading
import time
import urllib.parse
from collections import Counter

from tests.support.api.kubernetes import Kubernetes

LABEL = "nereid.dev/model-deployment"
CHILDREN_OF_EACH = 6
_PATHS = (
    "/apis/apps/v1/controllerrevisions",
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/networking.istio.io/v1/virtualservices",
)


class Presence:
    """When each ModelDeployment, by name, got its last child (a monotonic time)."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._seen: Counter[str] = Counter()
        self._changed = threading.Condition()
        self.complete: dict[str, float] = {}

    def start(self) -> None:
        """Watch from now on."""
        for path in _PATHS:
            version = self._kubernetes.request("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]
            threading.Thread(target=self._follow, args=(path, version), daemon=True).start()

    def wait(self, count: int, seconds: float) -> None:
        """Wait until as many ModelDeployments as `count` have all their children."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.complete) >= count, seconds):
                raise TimeoutError(f"{len(self.complete)} of {count} have all children after {seconds:.0f} s")

    def _follow(self, path: str, version: str) -> None:
        query = urllib.parse.urlencode({"watch": "true", "resourceVersion": version})
        for line in self._kubernetes.stream(f"{path}?{query}", metadata_only=True):
            event = json.loads(line)
            if event["type"] == "ADDED":
                self._count(event["object"]["metadata"]["labels"].get(LABEL, ""))

    def _count(self, name: str) -> None:
        now = time.monotonic()
        with self._changed:
            self._seen[name] += 1
            if self._seen[name] == CHILDREN_OF_EACH:
                self.complete[name] = now
                self._changed.notify_all()

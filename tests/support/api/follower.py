"""List-and-watch for the test's own ends: shows each state of a collection's objects, in a thread."""

import json
import threading
import urllib.parse
from collections.abc import Callable
from http.client import HTTPException

from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError, Stream

# A stream that its own side has closed fails in one of these ways, as does one whose API server is being restarted.
_BROKEN = (OSError, HTTPException, RequestFailedError, ValueError, AttributeError)


class Follower:
    """Calls `on_event` with the type (ADDED, MODIFIED, DELETED) and the object; what a list shows is ADDED."""

    def __init__(self, kubernetes: Kubernetes, path: str, on_event: Callable[[str, Object], None]) -> None:
        self._kubernetes = kubernetes
        self._path = path
        self._on_event = on_event
        self._stopping = threading.Event()
        self._listed = threading.Event()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._run, name=f"follower of {path}", daemon=True)

    def start(self) -> None:
        """Return when everything that exists now has been shown."""
        self._thread.start()
        assert self._listed.wait(10), f"{self._path} was not listed"

    def stop(self) -> None:
        self._stopping.set()
        if self._stream:
            self._stream.close()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except _BROKEN:
                self._stopping.wait(0.2)

    def _follow(self) -> None:
        listed = self._kubernetes.request("GET", self._path)
        for found in listed["items"]:
            self._on_event("ADDED", found)
        self._listed.set()
        query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
        self._stream = self._kubernetes.stream(f"{self._path}?{urllib.parse.urlencode(query)}")
        for line in self._stream:
            if self._stopping.is_set():
                return
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise ValueError(f"the watch of {self._path} is over: {event['object']}")
            self._on_event(event["type"], event["object"])

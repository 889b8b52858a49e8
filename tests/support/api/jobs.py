"""A stand-in for the job controller and the kubelet: it starts a pod for each Job, and ends it as the test says."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.support.api.follower import Follower
from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError
from tests.support.api.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Ending:
    """How a Job's pod ends: its exit code, and its termination message as JSON."""

    exit_code: int
    message: Object

    @property
    def is_success(self) -> bool:
        return self.exit_code == 0


def told(**passed: bool) -> Ending:
    """Return the end of a pod that ran its checks; an underscore stands for a dash in their names."""
    results = [
        {"name": name.replace("_", "-"), "passed": well, "message": "9 of 10 right" if well else "1 of 10 right"}
        for name, well in passed.items()
    ]
    return Ending(0, {"results": results})


def failed(why: str) -> Ending:
    """Return the end of a pod that could not run its checks."""
    return Ending(1, {"failure": why})


def resolved(uri: str, **provenance: str) -> Ending:
    """Return the end of a pod that found what a model's URI leads to."""
    return Ending(0, {"uri": uri, "provenance": provenance})


def unresolved(reason: str, message: str) -> Ending:
    """Return the end of a pod that was told by the model's source why it does not answer."""
    return Ending(0, {"failure": {"reason": reason, "message": message}})


class Jobs:
    """Plays the Jobs of a namespace, in a thread; those for which no end is set yet go on running."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._follower = Follower(kubernetes, kubernetes.path("Job", namespace), self._on_job)
        # The end of every Job from now on; None while they are to go on running.
        self.ending: Ending | None = None
        # The end of those whose container has this name.
        self.endings: dict[str, Ending] = {}
        self.seen: list[str] = []
        self.made: list[Object] = []

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        self._follower.stop()

    def running(self) -> str:
        """Wait for a Job whose pod runs, and return its name."""

        def found() -> str | None:
            pods = self._kubernetes.list("Pod", self._namespace)
            running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
            return running[0]["metadata"]["labels"]["batch.kubernetes.io/job-name"] if running else None

        name = wait_until(found, seconds=15, what="a Job that runs")
        assert name
        return name

    def end(self, name: str, ending: Ending) -> None:
        """End a Job that runs."""
        self._end_pod(name, ending)
        self._end_job(name, ending)

    def _on_job(self, event: str, job: Object) -> None:
        name = job["metadata"]["name"]
        if event == "ADDED":
            self.seen.append(name)
            self.made.append(job)
            self._start_pod(job)
            if ending := self.endings.get(_container(job["spec"]["template"]["spec"]), self.ending):
                self.end(name, ending)
        elif event == "DELETED":
            # As the garbage collector would.
            self._kubernetes.request("DELETE", self._kubernetes.path("Pod", self._namespace, f"{name}-0"))

    def _start_pod(self, job: Object) -> None:
        name, template = job["metadata"]["name"], job["spec"]["template"]
        metadata = {
            "name": f"{name}-0",
            "labels": {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": name},
        }
        pod = {"metadata": metadata, "spec": template["spec"]}
        try:
            self._kubernetes.create(self._kubernetes.path("Pod", self._namespace), pod)
        except RequestFailedError as error:
            if error.status != 409:  # it was made before the API server was restarted
                raise
        self._report("Pod", f"{name}-0", {"phase": "Running"})

    def _end_pod(self, name: str, ending: Ending) -> None:
        pod = self._kubernetes.get("Pod", self._namespace, f"{name}-0")
        terminated = {"exitCode": ending.exit_code, "message": json.dumps(ending.message), "finishedAt": _now()}
        container = {
            "name": _container(pod["spec"]),
            "image": "nereid",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": terminated},
        }
        phase = "Succeeded" if ending.is_success else "Failed"
        self._report("Pod", f"{name}-0", {"phase": phase, "containerStatuses": [container]})

    def _end_job(self, name: str, ending: Ending) -> None:
        if ending.is_success:
            conditions = [_true("SuccessCriteriaMet", "CompletionsReached"), _true("Complete", "CompletionsReached")]
            status = {"succeeded": 1, "startTime": _now(), "completionTime": _now(), "conditions": conditions}
        else:
            conditions = [_true(kind, "BackoffLimitExceeded") for kind in ("FailureTarget", "Failed")]
            status = {"failed": 3, "startTime": _now(), "conditions": conditions}
        try:
            self._report("Job", name, status)
        except RequestFailedError as error:
            if error.status != 404:  # its pod told the operator enough, which has removed it already
                raise

    def _report(self, kind: str, name: str, status: Object) -> None:
        self._kubernetes.patch(kind, self._namespace, name, {"status": status}, "status")


def _container(spec: Object) -> str:
    name: str = spec["containers"][0]["name"]
    return name


def _true(kind: str, reason: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": _now()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

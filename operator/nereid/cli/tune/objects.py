"""The objects of a search on the API server: created, waited for, and deleted."""

import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import click
from kubernetes.client import ApiClient, ApiException, BatchV1Api, CoreV1Api, CustomObjectsApi
from kubernetes.watch import Watch

from nereid.api import names
from nereid.api.status import Condition
from nereid.cli.failures import message
from nereid.cli.figures import span
from nereid.cli.model_deployments import ConnectionLost, ModelDeployments
from nereid.cli.tune.manifests import CONTAINER_LOAD, LABEL_TUNE, LABEL_TUNED, Manifest, Run
from nereid.cli.view import read
from nereid.controller.report.source import RESOLVING

# Seconds to connect, and to wait for an answer.
_TIMEOUTS: Final = (10, 30)
_RESOURCE: Final = (names.GROUP, names.VERSION)
# What delays a first revision and may end by itself: a node may be added, and a crash is explained a moment later.
_TEMPORARY: Final = frozenset(
    {
        "FirstRevisionPending",
        "RolloutInProgress",
        "ReplicasNotReady",
        "InsufficientCapacity",
        "ContainerCrashed",
        RESOLVING,
    }
)
_REJECTED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_NO_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


class TrialError(Exception):
    """A configuration cannot be measured; the text says why."""


class LoadError(Exception):
    """A load generator failed: its exit code, and the end of its log."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"ended with exit code {code}")
        self.log = log


class Objects:
    """What a search makes in a namespace."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self.models = ModelDeployments(client, namespace)
        self._client = client
        self._batch = BatchV1Api(client)
        self._core = CoreV1Api(client)
        self._custom = CustomObjectsApi(client)

    def create_job(self, manifest: Manifest) -> Manifest:
        """Make a Job and return it."""
        return self._created(self._batch.create_namespaced_job, manifest)

    def create_config_map(self, manifest: Manifest) -> Manifest:
        """Make a ConfigMap and return it."""
        return self._created(self._core.create_namespaced_config_map, manifest)

    def create_trial(self, manifest: Manifest) -> Manifest:
        """Make a ModelDeployment and return it."""
        place = (*_RESOURCE, self.namespace, names.PLURAL)
        try:
            # Strict: a field that this cluster's Nereid does not know would be dropped, and something else measured.
            created: Any = self._custom.create_namespaced_custom_object(
                *place, manifest, field_validation="Strict", _request_timeout=_TIMEOUTS
            )
        except ApiException as error:
            if error.status in _REJECTED:
                raise TrialError(f"the API server rejected it: {message(error)}") from error
            raise
        return dict(created)

    def delete_trial(self, name: str) -> None:
        """Delete a trial's ModelDeployment with all that it owns, without waiting for its pods."""
        place = (*_RESOURCE, self.namespace, names.PLURAL, name)
        try:
            self._custom.delete_namespaced_custom_object(*place, _request_timeout=_TIMEOUTS)
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def delete_run(self, name: str) -> None:
        """Delete what holds a search together, and so all of it."""
        try:
            self._batch.delete_namespaced_job(
                name, self.namespace, propagation_policy="Background", _request_timeout=_TIMEOUTS
            )
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def runs(self, model_deployment: str) -> list[Run]:
        """Return the searches for a ModelDeployment that have objects in the namespace, running or left behind."""
        jobs: Any = self._batch.list_namespaced_job(
            self.namespace, label_selector=f"{LABEL_TUNE},{LABEL_TUNED}={model_deployment}", _request_timeout=_TIMEOUTS
        )
        ids = {job.metadata.labels[LABEL_TUNE] for job in jobs.items}
        return [Run(identity, model_deployment) for identity in sorted(ids)]

    def wait_until_ready(self, name: str, seconds: float) -> None:
        """Wait until a trial serves; raises TrialError when it cannot, or not in time."""
        problem = "the operator has not processed it: check that it runs"
        for document in self.models.follow(name, time.monotonic() + seconds):
            if isinstance(document, ConnectionLost):
                continue
            ready = next(
                (condition for condition in read(document).status.conditions if condition.type == "Ready"), None
            )
            if ready is None:
                continue
            if ready.status == "True":
                return
            problem = _sentence(ready)
            if ready.reason not in _TEMPORARY:
                raise TrialError(f"does not load: {problem}")
        raise TrialError(f"is not ready within {span(seconds)}: {problem}")

    def pod_spec(self, trial: str) -> Mapping[str, Any]:
        """Return the specification of a trial's pod, as it was admitted, with its sidecar."""
        pods = self._core.list_namespaced_pod(
            self.namespace, label_selector=f"{names.LABEL_MODEL_DEPLOYMENT}={trial}", _request_timeout=_TIMEOUTS
        )
        if not pods.items:
            raise TrialError("its pod no longer exists")
        spec: Mapping[str, Any] = self._client.sanitize_for_serialization(pods.items[0].spec)
        return spec

    def report(self, job: str, seconds: float) -> str:
        """Wait for a load generator's report and return it.

        Raises LoadError when it failed, TrialError when it was not done in time, and ClickException when its image
        cannot be had.
        """
        deadline, problem = time.monotonic() + seconds, "its pod was not created"
        while time.monotonic() < deadline:
            for kind, pod in self._pod_events(job, deadline):
                if kind == "DELETED":
                    raise TrialError("its load generator was deleted")
                status = _load_status(pod)
                if ended := status.get("state", {}).get("terminated"):
                    return _report(ended)
                problem = _waiting(pod, status) or problem
        raise TrialError(f"its load generator did not finish within {span(seconds)}: {problem}")

    def _pod_events(self, job: str, deadline: float) -> Iterator[tuple[str, Manifest]]:
        seconds = max(1, round(deadline - time.monotonic()))
        events = Watch().stream(
            self._core.list_namespaced_pod,
            self.namespace,
            label_selector=f"batch.kubernetes.io/job-name={job}",
            timeout_seconds=seconds,
            _request_timeout=(_TIMEOUTS[0], seconds + _TIMEOUTS[1]),
        )
        for event in events:
            yield event["type"], event["raw_object"]

    def _created(self, create: Any, manifest: Manifest) -> Manifest:
        created = create(self.namespace, manifest, _request_timeout=_TIMEOUTS)
        # The API server leaves them out of what the library parses.
        return {**manifest, "metadata": {**manifest["metadata"], "uid": created.metadata.uid}}


def _sentence(condition: Condition) -> str:
    return condition.message or condition.reason


def _load_status(pod: Manifest) -> Mapping[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return next((status for status in statuses if status["name"] == CONTAINER_LOAD), {})


def _report(ended: Mapping[str, Any]) -> str:
    text = str(ended.get("message", "")).strip()
    if ended.get("exitCode") or not text:
        raise LoadError(ended.get("exitCode", 0), text or ended.get("reason", ""))
    return text


def _waiting(pod: Manifest, status: Mapping[str, Any]) -> str:
    waiting = status.get("state", {}).get("waiting", {})
    if waiting.get("reason") in _NO_IMAGE:
        image = pod["spec"]["containers"][0]["image"]
        raise click.ClickException(
            f"the load generator's image {image} cannot be pulled ({waiting['reason']}): give --generator-image"
        )
    conditions = pod.get("status", {}).get("conditions", ())
    unplaced = next(
        (condition.get("message", "") for condition in conditions if condition["type"] == "PodScheduled"), ""
    )
    return waiting.get("message") or unplaced or waiting.get("reason", "")

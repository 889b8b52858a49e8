"""Facts of a pod: whether it is ready and, if its status shows it, why not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from nereid.api import names
from nereid.contract.fetch_errors import Reason, failure_in
from nereid.contract.fetch_job import fetched_in
from nereid.contract.sentence import as_sentence, last_line
from nereid.controller.observed.facts import Crash, PodFacts, Problem
from nereid.controller.observed.pod_address import pod_address
from nereid.controller.observed.triton_log import load_failure

MODEL_CLAIM: Final = "spec.model.uri"

_PULL_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIGURATION_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_CLAIM_NOT_FOUND: Final = re.compile(r'persistentvolumeclaim "(?P<claim>[^"]+)" not found')
# A Deployment's pods get these only if they are evicted, rejected by a node, or lost with it: they never run again.
_FINAL_PHASES: Final = frozenset({"Failed", "Succeeded"})


def pod_facts(raw: Mapping[str, Any], claim_field: str = MODEL_CLAIM) -> PodFacts:
    """Return the facts of a pod; one that is being deleted or has ended is not ready and has no problem.

    claim_field: the field that names the pod's claims, for the message about one that does not exist.
    """
    name = raw["metadata"]["name"]
    status = raw.get("status", {})
    is_over = status.get("phase") in _FINAL_PHASES
    facts = PodFacts(
        name, ready=False, problem=None, address=pod_address(raw), occupies=not is_over, digest=_fetched_digest(status)
    )
    if "deletionTimestamp" in raw["metadata"] or is_over:
        return facts
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return replace(facts, ready=True)
    problem = _scheduling_problem(conditions, claim_field) or _container_problem(raw)
    crashed = problem is not None and problem.reason == "ContainerCrashed"
    return replace(facts, problem=problem, crash=_triton_crash(raw) if crashed else None)


def explained(pod: PodFacts, log: str) -> PodFacts:
    """Return a crashed pod's facts with the cause from the end of Triton's log, if it shows one."""
    cause = load_failure(log)
    if cause is None:
        return pod
    return replace(pod, problem=Problem("ModelLoadFailed", as_sentence(f"Triton cannot load the model: {cause}")))


def _fetched_digest(status: Mapping[str, Any]) -> str | None:
    """Return the digest in the termination message of the container that fetches the model."""
    for container in status.get("initContainerStatuses", []):
        end = container.get("state", {}).get("terminated")
        if container["name"] == names.CONTAINER_FETCH and end and end.get("exitCode") == 0:
            fetched = fetched_in(end.get("message") or "")
            return fetched.digest if fetched else None
    return None


def _triton_crash(raw: Mapping[str, Any]) -> Crash | None:
    for container in raw.get("status", {}).get("containerStatuses", []):
        for moment in ("state", "lastState"):
            terminated = container.get(moment, {}).get("terminated")
            if container["name"] == names.CONTAINER_TRITON and terminated and terminated.get("exitCode"):
                run = container.get("restartCount", 0)
                return Crash(run, terminated["exitCode"], restarted=moment == "lastState")
    return None


def _scheduling_problem(conditions: Mapping[str, Mapping[str, Any]], claim_field: str) -> Problem | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "False":
        return None
    message = scheduled.get("message", "")
    if match := _CLAIM_NOT_FOUND.search(message):
        claim = match["claim"]
        return Problem(
            Reason.MODEL_NOT_FOUND, f"there is no PersistentVolumeClaim {claim}: create it or correct {claim_field}"
        )
    return Problem("InsufficientCapacity", as_sentence(f"no node can run the pod: {message}"))


def _container_problem(raw: Mapping[str, Any]) -> Problem | None:
    status = raw.get("status", {})
    images = _images(raw["spec"])
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        problem = _waiting_problem(container, images) or _exit_problem(container)
        if problem:
            return problem
    return None


def _images(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return which images each container needs: its own, and those of the image volumes that it mounts."""
    volumes = {
        volume["name"]: volume["image"].get("reference", "")
        for volume in spec.get("volumes", [])
        if volume.get("image")
    }
    return {
        container["name"]: [
            container.get("image", ""),
            *(volumes[mount["name"]] for mount in container.get("volumeMounts", []) if mount["name"] in volumes),
        ]
        for container in [*spec.get("initContainers", []), *spec.get("containers", [])]
    }


def _pull_problem(images: Sequence[str], message: str) -> Problem:
    """Return the problem of an image that cannot be pulled; the kubelet's message may or may not name it."""
    own, *mounted = images
    model = next((image for image in mounted if image and image in message and own not in message), None)
    what = f"the model's image {model}" if model else f"image {own}"
    return Problem("ImagePullFailed", as_sentence(f"{what} cannot be pulled: {_pull_cause(message, model or own)}"))


def _pull_cause(message: str, image: str) -> str:
    """Return the cause without the image names that kubelet and runtime repeat, which would leave no room for it."""
    return message.rpartition(f'image "{image}": ')[2].replace(f"{image}: ", "")


def _waiting_problem(container: Mapping[str, Any], images: Mapping[str, Sequence[str]]) -> Problem | None:
    waiting = container.get("state", {}).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    name = container["name"]
    if reason in _PULL_REASONS:
        return _pull_problem(images.get(name, ["of an unknown container"]), message or reason)
    if reason in _CONFIGURATION_REASONS:
        return Problem("ConfigurationMissing", as_sentence(f"container {name} cannot be created: {message or reason}"))
    return None


def _exit_problem(container: Mapping[str, Any]) -> Problem | None:
    if container.get("ready"):
        # Its earlier exit no longer matters: an init container has succeeded, any other is running.
        return None
    looping = container.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
    for moment in ("state", "lastState"):
        terminated = container.get(moment, {}).get("terminated")
        if terminated and (looping or terminated.get("exitCode", 0) != 0):
            return _termination_problem(container["name"], terminated)
    return None


def _termination_problem(name: str, terminated: Mapping[str, Any]) -> Problem:
    message = terminated.get("message", "")
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        remedy = ": raise spec.runtime.resources.limits" if name == names.CONTAINER_TRITON else ""
        return Problem("OutOfMemory", f"container {name} used more memory than its limit{remedy}")
    if name == names.CONTAINER_FETCH:
        if failure := failure_in(message):
            return Problem(failure.reason, as_sentence(failure.sentence))
        cause = last_line(message)
        return Problem(
            Reason.MODEL_FETCH_FAILED, as_sentence(f"fetching the model ended with exit code {code}: {cause}")
        )
    return Problem(
        "ContainerCrashed", as_sentence(f"container {name} ended with exit code {code}: {last_line(message)}")
    )

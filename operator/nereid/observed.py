"""What the cluster shows, as facts: raw objects go in, small frozen values come out.

The only place that digs in raw Kubernetes objects. Pure: no client, no clock.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from nereid import names

_MAX_MESSAGE: Final = 600
_PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
_CONFIGURATION_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_CLAIM_NOT_FOUND: Final = re.compile(r'persistentvolumeclaim "(?P<claim>[^"]+)" not found')
_FETCH_REASONS: Final = frozenset({"ModelNotFound", "ModelDigestMismatch", "ModelFetchFailed", "ModelInvalid"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why pods are not ready: a reason for a condition, and a sentence with the cause."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """A revision's Deployment: how many pods it has, and what keeps it from making more."""

    replicas: int
    ready: int
    available: int
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Crash:
    """A run of the Triton container that ended in failure: which one, and whether another has begun since."""

    run: int
    exit_code: int
    restarted: bool


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a revision: whether it is ready, and why not.

    `crash` tells that the cause stands in Triton's log alone, as the pod's status holds too little of it.
    """

    name: str
    ready: bool
    trouble: Trouble | None
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """A revision as it was made: the content of its ControllerRevision, resolved once and never changed.

    It keeps the whole pod template, so that a later operator with other defaults re-rolls nothing; as JSON, which takes
    a tenth of the memory.
    """

    revision: str
    number: int
    version: str
    model_uri: str
    template_json: bytes

    @property
    def template(self) -> dict[str, Any]:
        """The pod template."""
        template: dict[str, Any] = json.loads(self.template_json)
        return template

    def data(self) -> dict[str, Any]:
        """Return the record as the ControllerRevision's `data`."""
        return {"version": self.version, "modelUri": self.model_uri, "template": self.template}


@dataclass(frozen=True, slots=True)
class RevisionObserved:
    """All that is seen of one revision."""

    record: RevisionRecord | None = None
    deployment: DeploymentFacts | None = None
    pods: Sequence[PodFacts] = ()

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return self.deployment.ready if self.deployment else 0

    @property
    def available(self) -> int:
        """Pods that have been ready long enough to get traffic."""
        return self.deployment.available if self.deployment else 0

    @property
    def trouble(self) -> Trouble | None:
        """The most telling reason why a pod is not ready, if one is known."""
        found = [pod.trouble for pod in self.pods if pod.trouble and not pod.ready]
        if self.deployment and self.deployment.trouble:
            found.append(self.deployment.trouble)
        return min(found, key=lambda trouble: (trouble.reason == "InsufficientCapacity", trouble.message), default=None)


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """An Istio Gateway: the host patterns that it serves with TLS, `*` and `*.example.com` among them."""

    tls_hosts: tuple[str, ...]

    def serves_with_tls(self, host: str) -> bool:
        """Whether clients reach `host` by https."""
        return any(fnmatchcase(host, pattern) for pattern in self.tls_hosts)


def gateway_facts(raw: Mapping[str, Any]) -> GatewayFacts:
    """Return the facts of an Istio Gateway; a server's hosts may name the namespaces that may use them."""
    servers = raw.get("spec", {}).get("servers", [])
    hosts = [host for server in servers if "mode" in server.get("tls", {}) for host in server.get("hosts", [])]
    return GatewayFacts(tuple(host.rpartition("/")[2] for host in hosts))


Facts = DeploymentFacts | PodFacts | RevisionRecord | None


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of a ModelDeployment's children, by revision."""

    revisions: Mapping[str, RevisionObserved]

    def of(self, revision: str | None) -> RevisionObserved:
        """Return what is seen of a revision; nothing seen is a value too."""
        return self.revisions.get(revision or "", _NOTHING)


_NOTHING: Final = RevisionObserved()


def observe(children: Sequence[tuple[str | None, Facts]]) -> Observed:
    """Group the children's facts, each with its revision label, by revision."""
    records: dict[str, RevisionRecord] = {}
    deployments: dict[str, DeploymentFacts] = {}
    pods: dict[str, list[PodFacts]] = {}
    for revision, facts in children:
        if revision is None:
            continue
        if isinstance(facts, RevisionRecord):
            records[revision] = facts
        elif isinstance(facts, DeploymentFacts):
            deployments[revision] = facts
        elif isinstance(facts, PodFacts):
            pods.setdefault(revision, []).append(facts)
    return Observed(
        {
            revision: RevisionObserved(records.get(revision), deployments.get(revision), tuple(pods.get(revision, ())))
            for revision in {*records, *deployments, *pods}
        }
    )


def facts_of(kind: str, raw: Mapping[str, Any]) -> Facts:
    """Return the facts of a raw child object; None for kinds of which only the presence counts."""
    match kind:
        case "Deployment":
            return deployment_facts(raw)
        case "Pod":
            return pod_facts(raw)
        case "ControllerRevision":
            return revision_record(raw)
        case _:
            return None


def deployment_facts(raw: Mapping[str, Any]) -> DeploymentFacts:
    """Return the facts of a Deployment."""
    status = raw.get("status", {})
    failures = [
        condition
        for condition in status.get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    return DeploymentFacts(
        replicas=raw["spec"].get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        trouble=Trouble("ReplicaFailure", _sentence(failures[0].get("message", ""))) if failures else None,
    )


def revision_record(raw: Mapping[str, Any]) -> RevisionRecord | None:
    """Return the record that a ControllerRevision keeps; None when somebody spoilt it."""
    data = raw.get("data") or {}
    if not data.keys() >= {"version", "modelUri", "template"}:
        return None
    return RevisionRecord(
        revision=_revision_label(raw),
        number=raw.get("revision", 0),
        version=data["version"],
        model_uri=data["modelUri"],
        template_json=names.canonical_json(data["template"]),
    )


def recovered_record(deployment: Mapping[str, Any], model_uri: str) -> RevisionRecord:
    """Return the record of a revision whose ControllerRevision was lost, from its raw Deployment.

    The template then holds the API server's defaults too; applying it again changes nothing and re-rolls nothing.
    """
    template = deployment["spec"]["template"]
    return RevisionRecord(
        revision=_revision_label(deployment),
        number=1,
        version=template["metadata"]["labels"]["version"],
        model_uri=model_uri,
        template_json=names.canonical_json(template),
    )


def _revision_label(raw: Mapping[str, Any]) -> str:
    return str(raw["metadata"].get("labels", {}).get(names.LABEL_REVISION, ""))


def pod_facts(raw: Mapping[str, Any]) -> PodFacts:
    """Return the facts of a pod; one that is going away is neither ready nor in trouble."""
    name = raw["metadata"]["name"]
    if "deletionTimestamp" in raw["metadata"]:
        return PodFacts(name, ready=False, trouble=None)
    conditions = {condition["type"]: condition for condition in raw.get("status", {}).get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return PodFacts(name, ready=True, trouble=None)
    trouble = _scheduling_trouble(conditions) or _container_trouble(raw)
    crashed = trouble is not None and trouble.reason == "ContainerCrashed"
    return PodFacts(name, ready=False, trouble=trouble, crash=_triton_crash(raw) if crashed else None)


def explained(pod: PodFacts, log: str) -> PodFacts:
    """Return a crashed pod's facts with the cause that the end of Triton's log gives."""
    cause = load_failure(log)
    if cause is None:
        return pod
    return replace(pod, trouble=Trouble("ModelLoadFailed", _sentence(f"Triton cannot load the model: {cause}")))


def _triton_crash(raw: Mapping[str, Any]) -> Crash | None:
    for container in raw.get("status", {}).get("containerStatuses", []):
        for moment in ("state", "lastState"):
            terminated = container.get(moment, {}).get("terminated")
            if container["name"] == names.CONTAINER_TRITON and terminated and terminated.get("exitCode"):
                run = container.get("restartCount", 0)
                return Crash(run, terminated["exitCode"], restarted=moment == "lastState")
    return None


def _scheduling_trouble(conditions: Mapping[str, Mapping[str, Any]]) -> Trouble | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "False":
        return None
    message = scheduled.get("message", "")
    if match := _CLAIM_NOT_FOUND.search(message):
        claim = match["claim"]
        return Trouble(
            "ModelNotFound", f"there is no PersistentVolumeClaim {claim}: create it or correct spec.model.uri"
        )
    return Trouble("InsufficientCapacity", _sentence(f"no node can run the pod: {message}"))


def _container_trouble(raw: Mapping[str, Any]) -> Trouble | None:
    status = raw.get("status", {})
    images = {
        container["name"]: container.get("image", "")
        for container in [*raw["spec"].get("initContainers", []), *raw["spec"].get("containers", [])]
    }
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        trouble = _waiting_trouble(container, images) or _exit_trouble(container)
        if trouble:
            return trouble
    return None


def _waiting_trouble(container: Mapping[str, Any], images: Mapping[str, str]) -> Trouble | None:
    waiting = container.get("state", {}).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    name = container["name"]
    if reason in _PULL_REASONS:
        return Trouble("ImagePullFailed", _sentence(f"image {images.get(name)} cannot be pulled: {message or reason}"))
    if reason in _CONFIGURATION_REASONS:
        return Trouble("ConfigurationMissing", _sentence(f"container {name} cannot be created: {message or reason}"))
    return None


def _exit_trouble(container: Mapping[str, Any]) -> Trouble | None:
    if container.get("ready"):
        # What it once ended with is over: an init container has done its work, another one is doing it.
        return None
    looping = container.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
    for moment in ("state", "lastState"):
        terminated = container.get(moment, {}).get("terminated")
        if terminated and (looping or terminated.get("exitCode", 0) != 0):
            return _termination_trouble(container["name"], terminated)
    return None


def _termination_trouble(name: str, terminated: Mapping[str, Any]) -> Trouble:
    message = terminated.get("message", "")
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        remedy = ": raise spec.runtime.resources.limits" if name == names.CONTAINER_TRITON else ""
        return Trouble("OutOfMemory", f"container {name} used more memory than its limit{remedy}")
    if name == names.CONTAINER_FETCH:
        reason, _, sentence = message.strip().partition(": ")
        if reason in _FETCH_REASONS:
            return Trouble(reason, _sentence(sentence))
        cause = _last_line(message)
        return Trouble("ModelFetchFailed", _sentence(f"fetching the model ended with exit code {code}: {cause}"))
    return Trouble(
        "ContainerCrashed", _sentence(f"container {name} ended with exit code {code}: {_last_line(message)}")
    )


# Triton's table of models: `| digits | 1 | UNAVAILABLE: Internal: … |`, a long status continuing in further rows.
_UNAVAILABLE_ROW: Final = re.compile(r"^\|[^|]*\|[^|]*\|\s*UNAVAILABLE: (?P<cause>.*?)\s*\|\s*$")
_CONTINUED_ROW: Final = re.compile(r"^\|\s*\|\s*\|\s*(?P<cause>.*?)\s*\|\s*$")
_FAILED_TO_LOAD: Final = (
    re.compile(r"failed to load '[^']*' version \d+: (?P<cause>.+)$"),
    re.compile(r"(?P<cause>Error parsing text-format inference\.ModelConfig: .+)$"),
    re.compile(r"(?P<cause>(?:failed to load model|Poll failed for model directory) '[^']*': .+)$"),
    re.compile(r"^error: creating server: (?P<cause>.+)$"),
)
# A Python backend's cause ends with its traceback, in one line as Triton logs it.
_TRACEBACK: Final = "\\n\\nAt:"


def load_failure(log: str) -> str | None:
    """Find in the end of Triton's log why a model did not load; None when it does not say.

    The cause stands in the table of models as `UNAVAILABLE: CAUSE`, in the line `failed to load '…' version …: CAUSE`
    or, where a configuration or the repository is at fault, in a line that says less. Other errors in the log, such as
    that there is no GPU, do not keep a model from loading.
    """
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if match := _UNAVAILABLE_ROW.match(line):
            return " ".join([match["cause"], *_continuation(lines[number + 1 :])])
    for pattern in _FAILED_TO_LOAD:
        for line in lines:
            if match := pattern.search(line):
                return match["cause"].partition(_TRACEBACK)[0].removesuffix('"')
    return None


def _continuation(rows: Sequence[str]) -> list[str]:
    causes = []
    for row in rows:
        match = _CONTINUED_ROW.match(row)
        if match is None or match["cause"] == "At:":
            break
        causes.append(match["cause"])
    return causes


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it left no message"


def _sentence(text: str) -> str:
    """Fold white space, and bound the length: conditions are read by people and stored in etcd."""
    folded = " ".join(text.split())
    return folded if len(folded) <= _MAX_MESSAGE else f"{folded[: _MAX_MESSAGE - 1]}…"

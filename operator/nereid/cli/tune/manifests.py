"""The objects of a search: their owner, a trial of a configuration, and a Job that measures a load.

All of them belong to one Job that has no pods and a deadline: when the command that made them dies, Kubernetes fails
that Job at its deadline and deletes it at once, and with it everything that it owns. Nothing is left to clean up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names
from nereid.cli.tune.configuration import Configuration, configured
from nereid.cli.tune.generator import FILES, Exercise, Generator
from nereid.controller.plan.pod_security import RESTRICTED_CONTAINER, RESTRICTED_POD

Manifest = dict[str, Any]

LABEL_TUNE: Final = f"{names.GROUP}/tune"
LABEL_TUNED: Final = f"{names.GROUP}/tuned"
CONTAINER_LOAD: Final = "generate-load"
# What a load may take beyond its own seconds: to be scheduled, its image to be pulled, the sidecar to start.
START_SECONDS: Final = 300
_ANCHOR_IMAGE: Final = "none"


@dataclass(frozen=True, slots=True)
class Run:
    """One search: its id, and whose configuration it is about."""

    id: str
    model_deployment: str

    @property
    def name(self) -> str:
        """The name of the Job that owns its objects, and the beginning of all other names."""
        return f"tune-{self.id}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of all its objects."""
        return {LABEL_TUNE: self.id, LABEL_TUNED: self.model_deployment}

    def trial_name(self, number: int) -> str:
        """Return the name of a trial's ModelDeployment."""
        return f"{self.name}-{number}"


def owner(manifest: Mapping[str, Any]) -> Manifest:
    """Return the reference by which what a created object owns goes away with it."""
    metadata = manifest["metadata"]
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def anchor(run: Run, seconds: float) -> Manifest:
    """Return the Job without pods that owns everything else, and is over after these seconds."""
    container = {"name": "none", "image": _ANCHOR_IMAGE}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": run.name, "labels": run.labels},
        "spec": {
            "parallelism": 0,
            "completions": 1,
            "activeDeadlineSeconds": round(seconds),
            "ttlSecondsAfterFinished": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def trial(document: Mapping[str, Any], configuration: Configuration, name: str, run: Run, holder: Manifest) -> Manifest:
    """Return a ModelDeployment that serves the same model in a configuration, only for the load.

    It has one pod and no host, no rollout, no check, no judge, and tags no registry: only the fields that shape the
    pods, and the timeout of requests, are those of the original.
    """
    spec = configured(document["spec"], configuration)
    model = {**_left_out(spec["model"], "refresh", "tagRegistry"), "name": model_name(document)}
    model["uri"] = _resolved_uri(document) or model["uri"]
    runtime = _left_out(spec.get("runtime") or {}, "disruptionBudget", "topologySpreadConstraints", "tracing")
    timeout = (spec.get("traffic") or {}).get("timeout")
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name, "labels": run.labels, "ownerReferences": [holder]},
        "spec": {
            "model": model,
            **({"runtime": runtime} if runtime else {}),
            "scaling": {"replicas": 1},
            **({"traffic": {"timeout": timeout}} if timeout else {}),
            "rollout": {"strategy": "Direct", "checks": {"smoke": False}},
        },
    }


def model_name(document: Mapping[str, Any]) -> str:
    """Return the name by which clients ask Triton for the model."""
    return str(document["spec"]["model"].get("name") or document["metadata"]["name"])


def load_files(name: str, generator: Generator, run: Run, holder: Manifest) -> Manifest:
    """Return the ConfigMap with what the generator reads."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": run.labels, "ownerReferences": [holder]},
        "data": generator.files(),
    }


def load_job(name: str, generator: Generator, exercise: Exercise, run: Run, holder: Manifest) -> Manifest:
    """Return the Job that measures a load, from within the mesh as the model's clients; files are in `run.name`."""
    labels = {**run.labels, "app": run.name, "sidecar.istio.io/inject": "true"}
    # A sidecar that is an ordinary container would keep the Job from ever being complete.
    annotations = {"sidecar.istio.io/nativeSidecar": "true"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": run.labels, "ownerReferences": [holder]},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": round(exercise.warm_up + exercise.seconds + START_SECONDS),
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _load_pod(generator, exercise, run),
            },
        },
    }


def _load_pod(generator: Generator, exercise: Exercise, run: Run) -> Manifest:
    container = {
        "name": CONTAINER_LOAD,
        "image": generator.image,
        "imagePullPolicy": "IfNotPresent",
        **generator.container(exercise),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "files", "mountPath": str(FILES), "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount of its own, not a shared folder
        ],
    }
    return {
        "containers": [container],
        "volumes": [{"name": "files", "configMap": {"name": run.name}}, {"name": "tmp", "emptyDir": {}}],
        "securityContext": RESTRICTED_POD,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }


def chosen(document: Mapping[str, Any], configuration: Configuration) -> Manifest:
    """Return the ModelDeployment with a configuration merged in, as its user would write it."""
    metadata = {key: document["metadata"][key] for key in ("name", "namespace") if key in document["metadata"]}
    for key in ("labels", "annotations"):
        own = {name: value for name, value in (document["metadata"].get(key) or {}).items() if _is_users(name)}
        if own:
            metadata[key] = own
    spec = configured(document["spec"], configuration)
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec}


def _resolved_uri(document: Mapping[str, Any]) -> str | None:
    """Return the URI that a reference resolves to now, so that all trials serve the same; None if none was resolved."""
    resolution = (document.get("status") or {}).get("resolution") or {}
    return resolution.get("resolvedUri") if resolution.get("uri") == document["spec"]["model"]["uri"] else None


def _is_users(name: str) -> bool:
    return name != "kubectl.kubernetes.io/last-applied-configuration" and not name.startswith(f"{names.GROUP}/")


def _left_out(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}

"""Small pods that help: one that fills a volume, one that sends requests, one that serves files."""

from collections.abc import Mapping

from digits.cluster import Manifest


def helper_pod(
    name: str, image: str, command: list[str], *, in_mesh: bool = False, volumes: Mapping[str, Manifest] | None = None
) -> Manifest:
    """Return a small pod that runs a command as an ordinary user, with volumes by the path where they are mounted."""
    volumes = volumes or {}
    names = {path: f"volume-{number}" for number, path in enumerate(volumes)}
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "volumeMounts": [{"name": names[path], "mountPath": path} for path in volumes],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    identity = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name, "sidecar.istio.io/inject": "true" if in_mesh else "false"}},
        "spec": {
            "containers": [container],
            "securityContext": identity,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "volumes": [{"name": names[path], **source} for path, source in volumes.items()],
        },
    }

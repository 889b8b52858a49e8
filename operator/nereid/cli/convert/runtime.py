"""`spec.runtime` of a predictor: how Triton's container runs and where, and what only podTemplate can express."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nereid.api import names
from nereid.cli.convert.annotations import Annotations
from nereid.cli.convert.arguments import runtime_arguments
from nereid.cli.convert.findings import Findings, NotConvertibleError
from nereid.cli.convert.part import Part
from nereid.cli.convert.server import SERVER_CONTAINER, Server

_IMAGE: Final = "nvcr.io/nvidia/tritonserver"
_TAG: Final = re.compile(r"\d\d\.\d\d-.*")
# The release in a tag of Triton's; the oldest with the arguments that close its administrative interfaces.
_RELEASE: Final = re.compile(r".*:(?P<year>\d\d)\.(?P<month>\d\d)\b[^/]*")
_OLDEST_RELEASE: Final = (23, 11)
_ENV: Final = ("STORAGE_URI",)
_SIMPLE_SOURCES: Final = frozenset({"secretKeyRef", "configMapKeyRef"})
_GRACE_SECONDS: Final = range(30, 3601)
# Nereid itself sets which pods are meant.
_SELECTORS: Final = frozenset({"labelSelector", "matchLabelKeys"})
# Names of Nereid's own volumes, which a volume of the same name would replace.
OWN_VOLUMES: Final = frozenset(
    {
        "ca-bundle",
        "claim",
        "credentials",
        "fetch-tmp",
        "model-cache",
        "model-image",
        "models",
        "shared-memory",
        "tmp",
    }
)
_POD_FIELDS: Final = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "initContainers",
    "resourceClaims",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "shareProcessNamespace",
    "volumes",
)
_CONTAINER_FIELDS: Final = ("envFrom", "securityContext", "volumeDevices", "volumeMounts")
_POD_ANNOTATIONS: Final = (
    "sidecar.istio.io/",
    "proxy.istio.io/",
    "traffic.sidecar.istio.io/",
    "prometheus.io/",
    "cluster-autoscaler.kubernetes.io/",
)
_INJECTION: Final = "sidecar.istio.io/inject"
_ACCELERATOR: Final = "serving.kserve.io/gke-accelerator"


def runtime_fields(predictor: Part, server: Server, annotations: Annotations, findings: Findings) -> dict[str, Any]:
    """Return `spec.runtime` for a predictor."""
    fields = {
        **_image(server, findings),
        "imagePullPolicy": server.part.take("imagePullPolicy"),
        "imagePullSecrets": predictor.take("imagePullSecrets"),
        "resources": _resources(server.part),
        "args": runtime_arguments(server, findings),
        "env": [item for item in _variables(server) if _is_simple(item)],
        "nodeSelector": _nodes(predictor, annotations),
        "tolerations": predictor.take("tolerations"),
        "serviceAccountName": predictor.take("serviceAccountName") or predictor.take("serviceAccount"),
        "priorityClassName": predictor.take("priorityClassName"),
        "topologySpreadConstraints": _spread(predictor),
        "terminationGracePeriodSeconds": _grace(predictor, findings),
        "podTemplate": _without_empty(_pod_template(predictor, server, annotations, findings)),
    }
    return _without_empty(fields)


def _image(server: Server, findings: Findings) -> dict[str, Any]:
    """Return Triton's image if KServe would start Triton; another server's image is left over."""
    if not server.is_triton:
        return {}
    if image := server.part.take("image"):
        _note_old_release(server.part.path_of("image"), image, findings)
        return {"image": image}
    version = server.part.take("runtimeVersion") if "runtimeVersion" in server.part else None
    if version and not _TAG.fullmatch(version):
        findings.add_lost(server.part.path_of("runtimeVersion"), f"{version} is not a tag of {_IMAGE}")
        return {}
    if not version:
        return {}
    image = f"{_IMAGE}:{version}"
    _note_old_release(server.part.path_of("runtimeVersion"), image, findings)
    return {"image": image}


def _note_old_release(path: str, image: str, findings: Findings) -> None:
    match = _RELEASE.fullmatch(image)
    if match and (int(match["year"]), int(match["month"])) < _OLDEST_RELEASE:
        findings.note(
            path,
            f"Nereid needs Triton 23.11 or later: {match['year']}.{match['month']} lacks the arguments that "
            "close its administrative interfaces, and would exit; set spec.runtime.image to a later one",
        )


def _resources(server: Part) -> dict[str, Any]:
    if "resources" not in server:
        return {}
    resources = server.part("resources")
    return _without_empty({part: resources.take(part) for part in ("requests", "limits")})


def _variables(server: Server) -> list[dict[str, Any]]:
    return [item for item in server.part.take("env") or () if item.get("name") not in _ENV]


def _is_simple(variable: Mapping[str, Any]) -> bool:
    """Whether the API of ModelDeployments itself has a variable of this kind."""
    return set(variable.get("valueFrom") or {}) <= _SIMPLE_SOURCES


def _nodes(predictor: Part, annotations: Annotations) -> dict[str, str]:
    accelerator = annotations.take(_ACCELERATOR)
    selected = predictor.take("nodeSelector") or {}
    return selected | ({"cloud.google.com/gke-accelerator": accelerator} if accelerator else {})


def _spread(predictor: Part) -> list[dict[str, Any]]:
    constraints = predictor.take("topologySpreadConstraints") or []
    return [{field: value for field, value in item.items() if field not in _SELECTORS} for item in constraints]


def _grace(predictor: Part, findings: Findings) -> int | None:
    grace: int | None = predictor.take("terminationGracePeriodSeconds")
    if grace is None or grace in _GRACE_SECONDS:
        return grace
    findings.add_lost(
        predictor.path_of("terminationGracePeriodSeconds"),
        f"{grace} is not within 30 to 3600, so requests could be lost",
    )
    return None


def _pod_template(
    predictor: Part, server: Server, annotations: Annotations, findings: Findings
) -> dict[str, dict[str, Any]]:
    _check_volumes(predictor)
    container = {field: server.part.take(field) for field in _CONTAINER_FIELDS}
    container["env"] = [item for item in _variables(server) if not _is_simple(item)]
    patched = _without_empty(container)
    containers = [{"name": names.CONTAINER_TRITON, **patched}] if patched else []
    return {
        "metadata": _without_empty(
            {"labels": predictor.take("labels"), "annotations": _pod_annotations(annotations, findings)}
        ),
        "spec": _without_empty(
            {
                **{field: predictor.take(field) for field in _POD_FIELDS},
                "containers": [*containers, *_further_containers(predictor, server)],
            }
        ),
    }


def _check_volumes(predictor: Part) -> None:
    for volume in predictor.take("volumes") or ():
        if volume.get("name") in OWN_VOLUMES:
            raise NotConvertibleError(
                f"{predictor.path_of('volumes')}: {volume['name']} is a name of Nereid's own volumes: rename yours"
            )


def _pod_annotations(annotations: Annotations, findings: Findings) -> dict[str, str]:
    if annotations.take(_INJECTION) == "false":
        findings.add_lost(
            annotations.path_of(_INJECTION), "Nereid's rollouts need Istio's sidecar, which it always has"
        )
    pods = annotations.take_prefixed(*_POD_ANNOTATIONS)
    return {key: value for key, value in pods.items() if key != _INJECTION} | annotations.take_own_of_predictor()


def _further_containers(predictor: Part, server: Server) -> list[dict[str, Any]]:
    """Return the containers that run beside the server's."""
    containers = predictor.parts("containers") if "containers" in predictor else []
    return [item.take_all() for item in containers if item is not server.part and item.take("name") != SERVER_CONTAINER]


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, {}, [])}

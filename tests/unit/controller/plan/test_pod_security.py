"""Which fields of a pod go beyond a level of the Pod Security Standards."""

from typing import Any

import pytest

from nereid.controller.plan.pod_patch import merged
from nereid.controller.plan.pod_security import RESTRICTED_CONTAINER, RESTRICTED_POD, PodSecurity, completed, excess

BASE: dict[str, Any] = {
    "metadata": {"labels": {}, "annotations": {}},
    "spec": {
        "securityContext": RESTRICTED_POD,
        "containers": [{"name": "triton", "securityContext": RESTRICTED_CONTAINER}],
        "volumes": [{"name": "models", "emptyDir": {}}],
    },
}
# For each control of the standard, a patch that goes beyond it, and the field that is told.
BEYOND_BASELINE: list[tuple[dict[str, Any], str]] = [
    ({"hostNetwork": True}, "spec.hostNetwork"),
    ({"hostPID": True}, "spec.hostPID"),
    ({"hostIPC": True}, "spec.hostIPC"),
    ({"volumes": [{"name": "models", "hostPath": {"path": "/"}}]}, "spec.volumes[models].hostPath"),
    ({"volumes": [{"name": "more", "hostPath": {}}]}, "spec.volumes[more].hostPath"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile.type: Unconfined"),
    ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, "appArmorProfile.type: Unconfined"),
    ({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}, "seLinuxOptions"),
    ({"securityContext": {"seLinuxOptions": {"user": "system_u"}}}, "seLinuxOptions"),
    ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "windowsOptions.hostProcess"),
    ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "sysctls[kernel.msgmax]"),
    ({"containers": [{"name": "triton", "ports": [{"containerPort": 80, "hostPort": 80}]}]}, "ports[80].hostPort"),
    ({"initContainers": [{"name": "a", "ports": [{"containerPort": 1, "hostPort": 2}]}]}, "initContainers[a].ports[1]"),
    (
        {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "169.254.169.254"}}}]},
        "containers[a].livenessProbe.httpGet.host",
    ),
    (
        {"containers": [{"name": "a", "lifecycle": {"preStop": {"tcpSocket": {"host": "10.0.0.1"}}}}]},
        "containers[a].lifecycle.preStop.tcpSocket.host",
    ),
]
CONTEXTS_BEYOND_BASELINE = [
    ({"privileged": True}, "privileged"),
    ({"capabilities": {"add": ["SYS_ADMIN"]}}, "capabilities.add: SYS_ADMIN"),
    ({"capabilities": {"add": ["ALL"]}}, "capabilities.add: ALL"),
    ({"procMount": "Unmasked"}, "procMount"),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile.type: Unconfined"),
]
CONTEXTS_BEYOND_RESTRICTED = [
    ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation"),
    ({"runAsUser": 0}, "runAsUser: 0"),
    ({"runAsNonRoot": False}, "runAsNonRoot: false"),
    ({"capabilities": {"add": ["CHOWN"]}}, "capabilities.add: CHOWN"),
    ({"capabilities": {"drop": ["KILL"]}}, "capabilities.drop without ALL"),
]
CONTAINERS = ["containers", "initContainers"]


def verdict(spec: dict[str, Any], level: PodSecurity, metadata: dict[str, Any] | None = None) -> Any:
    patched = merged(BASE, {"metadata": metadata or {}, "spec": spec})
    return excess(completed(patched, level), level)


@pytest.mark.parametrize(("spec", "field"), BEYOND_BASELINE)
def test_access_to_the_host_needs_privileged(spec: dict[str, Any], field: str) -> None:
    for level in ("restricted", "baseline"):
        found = verdict(spec, level)
        assert field in found.field
        assert found.allowed_by == "privileged"
    assert verdict(spec, "privileged") is None


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize(("context", "field"), CONTEXTS_BEYOND_BASELINE)
def test_a_containers_privileges_need_privileged(kind: str, context: dict[str, Any], field: str) -> None:
    for level in ("restricted", "baseline"):
        found = verdict({kind: [{"name": "a", "securityContext": context}]}, level)
        assert (found.field, found.allowed_by) == (f"spec.{kind}[a].securityContext.{field}", "privileged")


@pytest.mark.parametrize("name", ["triton", "a"])
@pytest.mark.parametrize(("context", "field"), CONTEXTS_BEYOND_RESTRICTED)
def test_what_is_not_restricted_needs_baseline(name: str, context: dict[str, Any], field: str) -> None:
    spec = {"containers": [{"name": name, "securityContext": context}]}
    found = verdict(spec, "restricted")
    assert (found.field, found.allowed_by) == (f"spec.containers[{name}].securityContext.{field}", "baseline")
    assert verdict(spec, "baseline") is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"securityContext": {"runAsUser": 0}}, "spec.securityContext.runAsUser: 0"),
        ({"securityContext": {"runAsNonRoot": False}}, "runAsNonRoot: false"),
        ({"volumes": [{"name": "share", "nfs": {"server": "s", "path": "/"}}]}, "spec.volumes[share].nfs"),
    ],
)
def test_so_does_the_pods_own_context(spec: dict[str, Any], field: str) -> None:
    found = verdict(spec, "restricted")
    assert field in found.field
    assert found.allowed_by == "baseline"
    assert verdict(spec, "baseline") is None


def test_an_app_armor_annotation_counts() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/triton"
    assert verdict({}, "baseline", {"annotations": {key: "unconfined"}}).field == f"metadata.annotations[{key}]"
    assert verdict({}, "baseline", {"annotations": {key: "runtime/default"}}) is None


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"containers": [{"name": "agent"}], "initContainers": [{"name": "wait"}]},
        {"containers": [{"name": "triton", "securityContext": None}]},
        {"containers": [{"$patch": "replace"}, {"name": "triton", "securityContext": {"runAsUser": 2000}}]},
        {"securityContext": {"fsGroup": 2000, "$patch": "replace"}},
        {"securityContext": None},
        {"volumes": [{"name": "words", "configMap": {"name": "words"}}, {"name": "i", "image": {"reference": "r"}}]},
        {"containers": [{"name": "triton", "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}]},
    ],
)
def test_what_a_patch_leaves_open_is_restricted(spec: dict[str, Any]) -> None:
    template = completed(merged(BASE, {"spec": spec}), "restricted")
    assert excess(template, "restricted") is None
    assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    for container in (*template["spec"]["containers"], *template["spec"].get("initContainers", ())):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_a_lower_level_completes_nothing() -> None:
    patched = merged(BASE, {"spec": {"containers": [{"name": "agent"}]}})
    assert completed(patched, "baseline") == patched


@pytest.mark.parametrize(
    "spec",
    [
        {"securityContext": "x", "hostPID": {}, "containers": [{"name": "a", "securityContext": [], "ports": {}}]},
        {"securityContext": {"seccompProfile": {"type": []}, "seLinuxOptions": {"type": {}}, "sysctls": [1, {}]}},
        {
            "containers": [
                {"name": "a", "securityContext": {"capabilities": {"add": [{}], "drop": {}}, "procMount": []}}
            ]
        },
        {"containers": [{"name": "a", "livenessProbe": [], "lifecycle": 3, "env": "x"}], "volumes": [{"name": "v"}]},
    ],
)
def test_whatever_a_patch_holds_it_can_be_judged(spec: dict[str, Any]) -> None:
    verdict(spec, "restricted")

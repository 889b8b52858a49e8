"""What a pod may do on its node, by the Pod Security Standards of Kubernetes.

The levels and their controls are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/. Pod
Security admission judges pods by their namespace's labels; this judges a pod template before anything is made of it, by
the level that whoever installed the operator allows. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Literal

PodSecurity = Literal["privileged", "baseline", "restricted"]

# The security contexts of all pods that Nereid creates.
RESTRICTED_POD: Final = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

_HOST_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC")
_CONTAINERS: Final = ("initContainers", "containers")
_HANDLERS: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS: Final = ("postStart", "preStop")
_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_RESTRICTED_CAPABILITIES: Final = frozenset({"NET_BIND_SERVICE"})
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_SECCOMP: Final = frozenset({"RuntimeDefault", "Localhost"})
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
# An image volume is read-only, and holds files alone.
_VOLUMES: Final = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
        "secret",
    }
)


@dataclass(frozen=True, slots=True)
class Excess:
    """A field of a pod template that a level forbids, and the strictest level that allows it."""

    field: str
    allowed_by: PodSecurity


def completed(template: Mapping[str, Any], level: PodSecurity) -> dict[str, Any]:
    """Return a pod template in which whatever it leaves open is as `level` demands: a container that a patch adds."""
    if level != "restricted":
        return dict(template)
    pod = {"runAsNonRoot": True, "seccompProfile": RESTRICTED_POD["seccompProfile"]}
    spec = mapping(template.get("spec"))
    lists = {name: [_completed(item) for item in items(spec.get(name))] for name in _CONTAINERS if name in spec}
    return {**template, "spec": {**spec, "securityContext": {**pod, **_set(spec.get("securityContext"))}, **lists}}


def excess(template: Mapping[str, Any], level: PodSecurity) -> Excess | None:
    """Return the first field of a pod template that `level` forbids; None if it forbids none."""
    if level == "privileged":
        return None
    beyond = chain(
        (Excess(field, "privileged") for field in _beyond_baseline(template)),
        (Excess(field, "baseline") for field in _beyond_restricted(template) if level == "restricted"),
    )
    return next(beyond, None)


def containers_of(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return all containers of a pod template, each with its path, such as `spec.containers[triton]`."""
    spec = mapping(template.get("spec"))
    for name in _CONTAINERS:
        for container in items(spec.get(name)):
            yield f"spec.{name}[{container.get('name')}]", container


def volumes_of(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return all volumes of a pod template, each with its path."""
    for volume in items(mapping(template.get("spec")).get("volumes")):
        yield f"spec.volumes[{volume.get('name')}]", volume


def text(value: Any) -> str:
    """Return a value as it is if it is a string; a patch may hold anything."""
    return value if isinstance(value, str) else "" if value is None else repr(value)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object of a template as it is; anything else, which the API server rejects, as an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list of a template; what is none, the API server rejects."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _set(value: Any) -> dict[str, Any]:
    """Return the fields of an object that are set: null is as good as absent."""
    return {key: inner for key, inner in mapping(value).items() if inner is not None}


def _completed(container: Mapping[str, Any]) -> dict[str, Any]:
    context = _set(container.get("securityContext"))
    capabilities = {"drop": ["ALL"], **_set(context.get("capabilities"))}
    return {
        **container,
        "securityContext": {"allowPrivilegeEscalation": False, **context, "capabilities": capabilities},
    }


def _beyond_baseline(template: Mapping[str, Any]) -> Iterator[str]:
    spec = mapping(template.get("spec"))
    yield from (f"spec.{field}" for field in _HOST_NAMESPACES if spec.get(field))
    yield from (f"{path}.hostPath" for path, volume in volumes_of(template) if volume.get("hostPath") is not None)
    context = mapping(spec.get("securityContext"))
    yield from _unconfined(context, "spec.securityContext")
    for sysctl in items(context.get("sysctls")):
        if text(sysctl.get("name")) not in _SYSCTLS:
            yield f"spec.securityContext.sysctls[{sysctl.get('name')}]"
    for path, container in containers_of(template):
        yield from _privileges(mapping(container.get("securityContext")), f"{path}.securityContext")
        yield from _host_addresses(container, path)
    for key, value in mapping(mapping(template.get("metadata")).get("annotations")).items():
        if key.startswith(_APP_ARMOR) and not text(value).startswith(("runtime/default", "localhost/")):
            yield f"metadata.annotations[{key}]"


def _unconfined(context: Mapping[str, Any], path: str) -> Iterator[str]:
    for field in ("seccompProfile", "appArmorProfile"):
        if mapping(context.get(field)).get("type") == "Unconfined":
            yield f"{path}.{field}.type: Unconfined"
    selinux = mapping(context.get("seLinuxOptions"))
    if selinux.get("user") or selinux.get("role") or text(selinux.get("type")) not in _SELINUX_TYPES:
        yield f"{path}.seLinuxOptions"
    if mapping(context.get("windowsOptions")).get("hostProcess"):
        yield f"{path}.windowsOptions.hostProcess"


def _privileges(context: Mapping[str, Any], path: str) -> Iterator[str]:
    if context.get("privileged"):
        yield f"{path}.privileged"
    yield from _added_capabilities(context, path, _CAPABILITIES)
    if text(context.get("procMount")) not in {"", "Default"}:
        yield f"{path}.procMount"
    yield from _unconfined(context, path)


def _added_capabilities(context: Mapping[str, Any], path: str, allowed: frozenset[str]) -> Iterator[str]:
    added = mapping(context.get("capabilities")).get("add")
    for capability in added if isinstance(added, list) else ():
        if text(capability) not in allowed:
            yield f"{path}.capabilities.add: {capability}"


def _host_addresses(container: Mapping[str, Any], path: str) -> Iterator[str]:
    """Return the ports that a container opens on its node, and the addresses that the kubelet asks for it."""
    for port in items(container.get("ports")):
        if port.get("hostPort"):
            yield f"{path}.ports[{port.get('containerPort')}].hostPort"
    hooks = mapping(container.get("lifecycle"))
    handlers = {name: container.get(name) for name in _HANDLERS}
    handlers |= {f"lifecycle.{name}": hooks.get(name) for name in _HOOKS}
    for name, handler in handlers.items():
        for kind in ("httpGet", "tcpSocket"):
            if mapping(mapping(handler).get(kind)).get("host"):
                yield f"{path}.{name}.{kind}.host"


def _beyond_restricted(template: Mapping[str, Any]) -> Iterator[str]:
    for path, volume in volumes_of(template):
        yield from (f"{path}.{kind}" for kind in _set(volume) if kind not in {"name", *_VOLUMES})
    pod = mapping(mapping(template.get("spec")).get("securityContext"))
    if pod.get("runAsUser") == 0:
        yield "spec.securityContext.runAsUser: 0"
    for path, container in containers_of(template):
        context = mapping(container.get("securityContext"))
        yield from _unrestricted({**pod, **_set(context)}, f"{path}.securityContext")


def _unrestricted(context: Mapping[str, Any], path: str) -> Iterator[str]:
    """Return what is not restricted in a container's context, in which the pod's is included."""
    if context.get("runAsNonRoot") is not True:
        yield f"{path}.runAsNonRoot: {str(bool(context.get('runAsNonRoot'))).lower()}"
    if context.get("runAsUser") == 0:
        yield f"{path}.runAsUser: 0"
    if text(mapping(context.get("seccompProfile")).get("type")) not in _SECCOMP:
        yield f"{path}.seccompProfile"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{path}.allowPrivilegeEscalation"
    yield from _added_capabilities(context, path, _RESTRICTED_CAPABILITIES)
    dropped = mapping(context.get("capabilities")).get("drop")
    if not isinstance(dropped, list) or "ALL" not in dropped:
        yield f"{path}.capabilities.drop without ALL"

"""The machine as a node: kubelet and kube-proxy."""

import json
import socket
from pathlib import Path

from cluster import containerd, controlplane, host, network, processes
from cluster.commands import write_if_changed
from cluster.paths import Paths
from cluster.waiting import wait_for

NODE_NAME = "nereid"
KUBELET_PORT = 10250


def ensure(paths: Paths, address: str) -> None:
    """Make kubelet and kube-proxy run and the node Ready."""
    kubelet = _write(paths, "kubelet", kubelet_configuration(paths))
    processes.ensure(paths, "kubelet", kubelet_command(paths, kubelet, address))
    proxy = _write(paths, "kube-proxy", proxy_configuration(paths))
    processes.ensure(paths, "kube-proxy", proxy_command(paths, proxy))
    hint = f"see {paths.logs / 'kubelet.log'}"
    seconds = wait_for("the node's readiness", lambda: _has_become_ready(paths, address), seconds=90, hint=hint)
    print(f"node ready after {seconds:.1f} s", flush=True)
    hint = f"see {paths.logs / 'kube-controller-manager.log'}"
    wait_for("the default service account", lambda: _accepts_pods(paths), seconds=60, hint=hint)


def kubelet_command(paths: Paths, config: Path, address: str) -> list[str | Path]:
    """Kubelet with all its folders inside the cluster's."""
    return [
        paths.bin / "kubelet",
        f"--config={config}",
        f"--kubeconfig={paths.pki / 'kubelet.kubeconfig'}",
        f"--root-dir={paths.cluster / 'kubelet'}",
        f"--cert-dir={paths.pki / 'kubelet'}",
        f"--hostname-override={NODE_NAME}",
        # Only the address of a real interface becomes the node's InternalIP, which logs and exec need.
        f"--node-ip={address}",
    ]


def kubelet_configuration(paths: Paths) -> dict[str, object]:
    """Let pods use the whole machine, and never collect images."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(paths.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{host.CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": controlplane.FEATURE_GATES,
        "clusterDNS": [network.DNS_ADDRESS],
        "clusterDomain": network.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{containerd.socket(paths)}",
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        "port": KUBELET_PORT,
        "serializeImagePulls": False,
        # How soon a pod sees what its Secrets and ConfigMaps have become: Prometheus its targets and rules.
        "syncFrequency": "5s",
        "podLogsDir": str(paths.logs / "pods"),
        "staticPodPath": "",
        "volumePluginDir": str(paths.volume_plugins),
    }


def proxy_command(paths: Paths, config: Path) -> list[str | Path]:
    """Run kube-proxy for this node."""
    return [paths.bin / "kube-proxy", f"--config={config}", f"--hostname-override={NODE_NAME}"]


def proxy_configuration(paths: Paths) -> dict[str, object]:
    """Route Services by iptables; the host's connection tracking limits stay as they are."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(paths.pki / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": network.POD_CIDR,
        "iptables": {"minSyncPeriod": "100ms"},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }


def is_ready(paths: Paths) -> bool:
    """Whether the API server says that the node is Ready."""
    try:
        status = json.loads(controlplane.get(paths, f"/api/v1/nodes/{NODE_NAME}")).get("status", {})
    except OSError:
        return False
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions", []))


def _has_become_ready(paths: Paths, address: str) -> bool:
    for name in ("kubelet", "kube-proxy"):
        processes.require_running(paths, name)
    # The API server reports the node as Ready for a while after kubelet has ended, so kubelet is asked as well.
    return _listens(address, KUBELET_PORT) and is_ready(paths)


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _accepts_pods(paths: Paths) -> bool:
    """Without its namespace's default service account the API server rejects a pod."""
    processes.require_running(paths, "kube-controller-manager")
    try:
        controlplane.get(paths, "/api/v1/namespaces/default/serviceaccounts/default")
    except OSError:
        return False
    return True


def _write(paths: Paths, name: str, configuration: dict[str, object]) -> Path:
    target = paths.cluster / f"{name}.json"
    # kube-proxy ends when its configuration is written, even with the same content.
    write_if_changed(target, json.dumps(configuration, indent=2) + "\n")
    return target

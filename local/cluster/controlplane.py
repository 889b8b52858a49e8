"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of the host."""

import json
import os
import ssl
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

from cluster import certificates, network, processes
from cluster.paths import Paths
from cluster.waiting import wait_for

ETCD_URL = "http://127.0.0.1:12379"
ETCD_PEER_URL = "http://127.0.0.1:12380"
FEATURE_GATES = {"ImageVolume": True}
"""What this release of Kubernetes has but does not turn on by itself."""


def start(paths: Paths, address: str) -> None:
    """Make etcd and the API server run; they become ready while other things are done."""
    processes.ensure(paths, "etcd", etcd_command(paths))
    processes.ensure(paths, "kube-apiserver", api_server_command(paths, address))


def ensure_ready(paths: Paths) -> None:
    """Wait until the API server answers, then make its clients of the control plane run."""
    hint = f"see {paths.logs / 'kube-apiserver.log'}"
    seconds = wait_for("the API server's readiness", lambda: _ready(paths), seconds=90, hint=hint)
    print(f"API server ready after {seconds:.1f} s", flush=True)
    processes.ensure(paths, "kube-controller-manager", controller_manager_command(paths))
    processes.ensure(paths, "kube-scheduler", scheduler_command(paths))


def etcd_command(paths: Paths) -> list[str | Path]:
    """Etcd on the loopback interface; a cluster that `down` deletes needs no durable writes."""
    return [
        paths.bin / "etcd",
        "--name=nereid",
        f"--data-dir={paths.cluster / 'etcd'}",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        f"--listen-peer-urls={ETCD_PEER_URL}",
        f"--initial-advertise-peer-urls={ETCD_PEER_URL}",
        f"--initial-cluster=nereid={ETCD_PEER_URL}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    ]


def api_server_command(paths: Paths, address: str) -> list[str | Path]:
    """Run the API server with RBAC, the aggregation layer's certificates and signed service account tokens."""
    pki = paths.pki
    return [
        paths.bin / "kube-apiserver",
        f"--advertise-address={address}",
        "--secure-port=6443",
        f"--etcd-servers={ETCD_URL}",
        f"--service-cluster-ip-range={network.SERVICE_CIDR}",
        "--allow-privileged=true",
        f"--feature-gates={','.join(f'{name}={str(on).lower()}' for name, on in FEATURE_GATES.items())}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--kubelet-client-certificate={pki / 'kube-apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kube-apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer=https://kubernetes.default.svc.{network.DOMAIN}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        *_audit_flags(paths),
    ]


def controller_manager_command(paths: Paths) -> list[str | Path]:
    """Run all controllers, each with a service account of its own."""
    pki = paths.pki
    kubeconfig = pki / "kube-controller-manager.kubeconfig"
    return [
        paths.bin / "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        f"--flex-volume-plugin-dir={paths.volume_plugins}",
        # With a single replica there is no election, and a restart need not wait for the old lease.
        "--leader-elect=false",
    ]


def scheduler_command(paths: Paths) -> list[str | Path]:
    """Run the default scheduler."""
    kubeconfig = paths.pki / "kube-scheduler.kubeconfig"
    return [
        paths.bin / "kube-scheduler",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


def get(paths: Paths, path: str) -> bytes:
    """GET from the API server as the administrator; raises OSError when it does not answer with success."""
    context = ssl.create_default_context(cafile=str(paths.pki / "ca.crt"))
    context.load_cert_chain(paths.pki / "admin.crt", paths.pki / "admin.key")
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with urllib.request.build_opener(*handlers).open(f"{certificates.API_SERVER_URL}{path}", timeout=5) as answer:
        content: bytes = answer.read()
        return content


def _audit_flags(paths: Paths) -> list[str]:
    """With NEREID_AUDIT_LEVEL (Metadata, Request …) every request is logged, for tests that count them."""
    level = os.environ.get("NEREID_AUDIT_LEVEL")
    if not level:
        return []
    rules = [{"level": level, "omitStages": ["RequestReceived"]}]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
    target = paths.cluster / "audit-policy.json"
    target.write_text(json.dumps(policy))
    return [f"--audit-policy-file={target}", f"--audit-log-path={paths.logs / 'audit.log'}"]


def _ready(paths: Paths) -> bool:
    processes.require_running(paths, "etcd")
    processes.require_running(paths, "kube-apiserver")
    try:
        return get(paths, "/readyz") == b"ok"
    except (HTTPError, URLError, OSError):
        return False

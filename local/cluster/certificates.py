"""The cluster's certificates and kubeconfigs, made once per cluster with the openssl command."""

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.commands import run
from cluster.paths import Paths

CA = "ca"
FRONT_PROXY_CA = "front-proxy-ca"
API_SERVER_URL = "https://127.0.0.1:6443"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A leaf certificate: its file name, whose it is, and the authority that signs it."""

    name: str
    common_name: str
    organization: str = ""
    alternative_names: tuple[str, ...] = ()
    authority: str = CA

    @property
    def subject(self) -> str:
        """The subject in openssl's notation."""
        return (f"/O={self.organization}" if self.organization else "") + f"/CN={self.common_name}"

    @property
    def extensions(self) -> tuple[str, ...]:
        """A server certificate if there are alternative names, else a client certificate."""
        usage = "serverAuth" if self.alternative_names else "clientAuth"
        names = ",".join(self.alternative_names)
        return (f"extendedKeyUsage={usage}", *((f"subjectAltName={names}",) if names else ()))


def leaves(node_name: str, node_address: str, api_address: str, domain: str) -> tuple[Certificate, ...]:
    """All leaf certificates of a cluster whose API Service has `api_address`."""
    service = "kubernetes.default.svc"
    names = ("localhost", "kubernetes", "kubernetes.default", service, f"{service}.{domain}")
    addresses = ("127.0.0.1", node_address, api_address)
    api_server_names = tuple(f"DNS:{name}" for name in names) + tuple(f"IP:{address}" for address in addresses)
    return (
        Certificate("kube-apiserver", "kube-apiserver", alternative_names=api_server_names),
        Certificate("kube-apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Certificate("front-proxy-client", "front-proxy-client", authority=FRONT_PROXY_CA),
        Certificate("admin", "kubernetes-admin", "system:masters"),
        Certificate("kube-controller-manager", "system:kube-controller-manager"),
        Certificate("kube-scheduler", "system:kube-scheduler"),
        Certificate("kube-proxy", "system:kube-proxy"),
        Certificate("kubelet", f"system:node:{node_name}", "system:nodes"),
    )


CLIENTS = ("admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
"""The certificates that come with a kubeconfig of the same name."""


def ensure(paths: Paths, certificates: tuple[Certificate, ...]) -> None:
    """Make what is missing: authorities, leaves, the service accounts' key, kubeconfigs."""
    paths.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    for authority in (CA, FRONT_PROXY_CA):
        _make(paths, paths.pki / f"{authority}.crt", _authority_command(paths.pki, authority))
    for certificate in certificates:
        _make(paths, paths.pki / f"{certificate.name}.crt", _leaf_command(paths.pki, certificate))
    key = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    _make(paths, paths.pki / "service-accounts.key", key)
    for name in CLIENTS:
        target = paths.kubeconfig if name == "admin" else paths.pki / f"{name}.kubeconfig"
        if not target.exists():
            _write(target, json.dumps(kubeconfig(name, paths.pki), indent=2) + "\n")


def kubeconfig(name: str, pki: Path) -> dict[str, object]:
    """Write a kubeconfig that authenticates with the certificate `name`; JSON is YAML too."""
    files = {"client-certificate": str(pki / f"{name}.crt"), "client-key": str(pki / f"{name}.key")}
    cluster = {"server": API_SERVER_URL, "certificate-authority": str(pki / f"{CA}.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "nereid", "cluster": cluster}],
        "users": [{"name": name, "user": files}],
        "contexts": [{"name": "nereid", "context": {"cluster": "nereid", "user": name}}],
        "current-context": "nereid",
    }


def _authority_command(pki: Path, name: str) -> list[str]:
    return [*_request(pki, name), "-subj", f"/CN=nereid-{name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]


def _leaf_command(pki: Path, certificate: Certificate) -> list[str]:
    signer = ["-CA", str(pki / f"{certificate.authority}.crt"), "-CAkey", str(pki / f"{certificate.authority}.key")]
    constraints = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature")
    extensions = [word for value in (*constraints, *certificate.extensions) for word in ("-addext", value)]
    return [*_request(pki, certificate.name), *signer, "-subj", certificate.subject, *extensions]


def _request(pki: Path, name: str) -> list[str]:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", str(pki / f"{name}.key")]
    return ["openssl", "req", "-x509", "-days", "3650", *key]


def _make(paths: Paths, target: Path, command: list[str]) -> None:
    if target.exists():
        return
    # Renamed only when complete, so that a command which was killed half way is simply repeated.
    temporary = target.with_suffix(".new")
    run([*command, "-out", temporary], environment=paths.environment())
    temporary.chmod(0o600)
    temporary.rename(target)


def _write(target: Path, text: str) -> None:
    temporary = target.with_name(f"{target.name}.new")
    temporary.write_text(text)
    temporary.chmod(0o600)
    temporary.rename(target)

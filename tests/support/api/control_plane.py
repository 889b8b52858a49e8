"""A real API server on free ports: etcd and kube-apiserver as processes, and nothing else.

There are no nodes and no controllers, so that whatever happens in it is the operator's doing or the test's.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from servers.ports import free_ports
from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError
from tests.support.api.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
ADMIN_TOKEN, OPERATOR_TOKEN = "admin-token", "operator-token"
# Where the chart is installed, and what the operator is called there.
RELEASE_NAMESPACE = "nereid-system"
OPERATOR_USER = f"system:serviceaccount:{RELEASE_NAMESPACE}:nereid"


def cache() -> Path:
    """Where the pinned programs are."""
    return Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    (port,) = free_ports("127.0.0.1", 1)
    return port


@dataclass(slots=True)
class Process:
    """A program that runs in the background; its output goes to a file."""

    popen: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: Sequence[str | Path], log: Path, environment: dict[str, str] | None = None) -> "Process":
        with log.open("ab") as output:
            popen = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment)
        return cls(popen, log)

    def end(self, seconds: float = 10) -> int:
        """Ask it to end, then force it; return its exit status."""
        self.popen.terminate()
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.popen.kill()
        return self.popen.wait()


class ControlPlane:
    """etcd and kube-apiserver below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"https://127.0.0.1:{free_port()}"
        self.audit_log = folder / "audit.log"
        self.certificate = folder / "server.crt"
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self._etcd: Process | None = None
        self._api_server: Process | None = None

    @property
    def api_server_pid(self) -> int:
        assert self._api_server
        return self._api_server.popen.pid

    def start(self) -> None:
        """Start both and install the definitions of custom resources."""
        self._prepare()
        self._etcd = Process.start(self._etcd_command(), self.folder / "etcd.log")
        self.start_api_server()
        install_definitions(self.admin())
        bind_operator_role(self.admin())
        install_admission_policy(self.admin(), self.operator())

    def start_api_server(self) -> None:
        self._api_server = Process.start(self._api_server_command(), self.folder / "kube-apiserver.log")
        wait_until(self._is_ready, seconds=60, what=f"the API server's readiness (see {self.folder})")

    def stop_api_server(self) -> None:
        """End it at once, as when its node fails."""
        if self._api_server:
            self._api_server.kill()

    def stop(self) -> None:
        self.stop_api_server()
        if self._etcd:
            self._etcd.kill()

    def admin(self) -> Kubernetes:
        """Return a client that may do everything."""
        return Kubernetes(self.url, self.certificate, ADMIN_TOKEN)

    def operator(self) -> Kubernetes:
        """Return a client that may do what the operator may."""
        return Kubernetes(self.url, self.certificate, OPERATOR_TOKEN)

    def kubeconfig(self, path: Path, server: str | None = None) -> Path:
        """Write the operator's kubeconfig, for the API server or for something in front of it."""
        url = server or self.url
        cluster = {
            "server": url,
            **({"certificate-authority": str(self.certificate)} if url.startswith("https") else {}),
        }
        config = {
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "nereid", "user": {"token": OPERATOR_TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "nereid"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))
        return path

    def _is_ready(self) -> bool:
        assert self._api_server
        assert self._api_server.popen.poll() is None, f"kube-apiserver has ended: see {self._api_server.log}"
        try:
            return self.admin().text("/readyz") == "ok"
        except (OSError, AssertionError):
            return False

    def _prepare(self) -> None:
        for program in ("etcd", "kube-apiserver", "helm"):
            assert (cache() / "bin" / program).exists(), f"{program} is missing: run `make programs`"
        key = self.folder / "server.key"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-noenc", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=test"),
                *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        tokens = f'{ADMIN_TOKEN},admin,1,"system:masters"\n{OPERATOR_TOKEN},{OPERATOR_USER},2\n'
        (self.folder / "tokens.csv").write_text(tokens)
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "rules": [
                {"level": "Metadata", "users": [OPERATOR_USER], "omitStages": ["RequestReceived"]},
                {"level": "None"},
            ],
        }
        (self.folder / "audit-policy.json").write_text(json.dumps(policy))

    def _etcd_command(self) -> list[str | Path]:
        peers = f"http://127.0.0.1:{free_port()}"
        return [
            cache() / "bin" / "etcd",
            "--name=test",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=test={peers}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]

    def _api_server_command(self) -> list[str | Path]:
        key = self.folder / "server.key"
        return [
            cache() / "bin" / "kube-apiserver",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.url.rpartition(':')[2]}",
            f"--etcd-servers={self._etcd_url}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--allow-privileged",
            "--disable-admission-plugins=ServiceAccount",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={key}",
            "--service-account-issuer=https://test",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--audit-policy-file={self.folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--v=0",
        ]


ISTIO_PLURALS = ("destinationrules", "gateways", "virtualservices")


DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/scaledobjects"


def install_definitions(admin: Kubernetes) -> None:
    """Install the CRDs of ModelDeployment and of the kinds of Istio and KEDA that Nereid uses; wait for all of them."""
    own = ROOT / "crds" / "nereid.dev_modeldeployments.yaml"
    for definition in [*yaml.safe_load_all(own.read_text()), *istio_definitions()]:
        admin.create(DEFINITIONS, definition)
    istio = [f"/apis/networking.istio.io/v1/{plural}" for plural in ISTIO_PLURALS]
    for path in ["/apis/nereid.dev/v1alpha1/modeldeployments", *istio]:
        wait_until(partial(admin.exists, path), seconds=30, what=f"{path} being served")
    install_keda(admin)


def install_keda(admin: Kubernetes) -> None:
    """Install KEDA's CRD of ScaledObjects and wait for it; KEDA itself is not there."""
    source = (
        module("client-go-0.36", "github.com/kedacore/keda/v2")
        / "config"
        / "crd"
        / "bases"
        / "keda.sh_scaledobjects.yaml"
    )
    admin.create(DEFINITIONS, yaml.load(source.read_text(), Loader=yaml.CSafeLoader))
    wait_until(lambda: admin.exists(SCALED_OBJECTS), seconds=30, what="ScaledObjects being served")


def remove_keda(admin: Kubernetes) -> None:
    """Remove KEDA's CRD, and with it all ScaledObjects; wait until they are not served any more."""
    admin.request("DELETE", f"{DEFINITIONS}/scaledobjects.keda.sh")
    wait_until(lambda: not admin.exists(SCALED_OBJECTS), seconds=30, what="ScaledObjects being served no more")


def module(tool: str, path: str) -> Path:
    """Return the folder of a Go module, of the version that `local/tools/TOOL` pins."""
    found = subprocess.run(
        ["go", "mod", "download", "-json", path],
        cwd=ROOT / "local" / "tools" / tool,
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(json.loads(found.stdout)["Dir"])


def istio_definitions() -> list[dict[str, object]]:
    """Return Istio's own CRDs."""
    source = module("client-go-0.36", "istio.io/api") / "kubernetes" / "customresourcedefinitions.gen.yaml"
    documents = source.read_text().split("\n---\n")
    names = tuple(f"name: {plural}.networking.istio.io" for plural in ISTIO_PLURALS)
    wanted = [document for document in documents if any(name in document for name in names)]
    return [yaml.load(text, Loader=yaml.CSafeLoader) for text in wanted]


def bind_operator_role(admin: Kubernetes) -> None:
    """Give the operator what the chart gives it and nothing more, so that a missing right shows."""
    group = "/apis/rbac.authorization.k8s.io/v1"
    admin.create(f"{group}/clusterroles", {"metadata": {"name": "nereid"}, "rules": chart_rules()})
    admin.create(
        f"{group}/clusterrolebindings",
        {
            "metadata": {"name": "nereid"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nereid"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR_USER}],
        },
    )


def install_admission_policy(admin: Kubernetes, operator: Kubernetes) -> None:
    """Hold the operator to the chart's policy, so that whatever it is kept from shows; wait until it is held."""
    group = "/apis/admissionregistration.k8s.io/v1"
    for document in rendered("admissionpolicy.yaml"):
        plural = {"ValidatingAdmissionPolicy": "policies", "ValidatingAdmissionPolicyBinding": "policybindings"}
        admin.create(f"{group}/validatingadmission{plural[document['kind']]}", document)
    probe = {"metadata": {"name": "nobodys"}, "spec": {"ports": [{"port": 1}]}}

    def is_held() -> bool:
        try:
            operator.create("/api/v1/namespaces/default/services?dryRun=All", probe)
        except RequestFailedError as error:
            return error.status == 403
        return False

    wait_until(is_held, seconds=60, what="the admission policy being in force")


def chart_rules() -> list[Object]:
    """Return the rules of the ClusterRole in the Helm chart."""
    rules: list[Object] = next(one["rules"] for one in rendered("rbac.yaml") if one["kind"] == "ClusterRole")
    return rules


def rendered(template: str) -> list[Object]:
    """Return the objects of one template of the Helm chart."""
    command: list[str | Path] = [cache() / "bin" / "helm", "template", "nereid", ROOT / "charts" / "nereid"]
    command += ["--namespace", RELEASE_NAMESPACE, "--show-only", f"templates/{template}"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return [document for document in yaml.safe_load_all(result.stdout) if document]

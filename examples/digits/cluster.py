"""Access to the Kubernetes cluster: what a user does goes through kubectl, what is waited for is read by a client.

`$KUBECONFIG` says which cluster; without it, it is the local one of `make up`. Where its gateway, Kiali and Prometheus
listen is the node's address with the local cluster's node ports, unless `$NEREID_GATEWAY`, `$NEREID_KIALI_URL` and
`$NEREID_PROMETHEUS_URL` say otherwise.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from kubernetes import config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

Manifest = dict[str, Any]
Found = TypeVar("Found")

_API_VERSIONS: Final = {
    "ControllerRevision": "apps/v1",
    "Deployment": "apps/v1",
    "DestinationRule": "networking.istio.io/v1",
    "ModelDeployment": "nereid.dev/v1alpha1",
    "ReplicaSet": "apps/v1",
    "VirtualService": "networking.istio.io/v1",
}
_LOOK_SECONDS: Final = 0.5
_KUBECTL_TIMEOUT_SECONDS: Final = 180


class CommandError(RuntimeError):
    """kubectl failed; the text is its message."""


class WaitError(RuntimeError):
    """A condition was not met before its deadline."""


def cache_folder() -> Path:
    """Return the folder in which the project keeps what it installs and runs."""
    return Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")


def wait_for(what: str, look: Callable[[], Found | None], *, seconds: float, seen: Callable[[], Any] = str) -> Found:
    """Look until there is something (neither None, False nor empty) and return it.

    Raises WaitError after `seconds`, with what was waited for and what `seen` then tells.
    """
    deadline = time.monotonic() + seconds
    while not (result := look()):
        if time.monotonic() > deadline:
            raise WaitError(f"{what}: not within {seconds:.0f} s. {seen()}".rstrip())
        time.sleep(_LOOK_SECONDS)
    return result


@dataclass(frozen=True)
class Cluster:
    """The cluster that a kubeconfig file names."""

    kubeconfig: Path

    @classmethod
    def from_environment(cls) -> "Cluster":
        """Return the cluster of `$KUBECONFIG`, or else the local one."""
        return cls(Path(os.environ.get("KUBECONFIG") or cache_folder() / "cluster" / "kubeconfig"))

    def kubectl(self, *arguments: str, stdin: str | bytes = b"", namespace: str | None = None) -> str:
        """Run kubectl and return what it printed; raises CommandError with its message when it fails."""
        scope = () if namespace is None else ("--namespace", namespace)
        done = subprocess.run(
            [self._kubectl, "--kubeconfig", str(self.kubeconfig), *scope, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=_KUBECTL_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise CommandError(f"kubectl {' '.join(arguments[:6])}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def apply(self, *manifests: Manifest, namespace: str | None = None) -> None:
        """Do what `kubectl apply` does with these manifests."""
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self.kubectl("apply", "--filename=-", stdin=items, namespace=namespace)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """Return an object, or None when there is none."""
        try:
            return self._resource(kind).get(name=name, namespace=namespace).to_dict()  # type: ignore[no-any-return]
        except NotFoundError:
            return None

    def list(self, kind: str, namespace: str | None = None, selector: str | None = None) -> list[Manifest]:
        """Return the objects of a kind, of one namespace or of all, that a label selector chooses."""
        objects = self._resource(kind).get(namespace=namespace, label_selector=selector)
        return [item.to_dict() for item in objects.items]

    def create_namespace(self, name: str, labels: dict[str, str]) -> None:
        """Make a namespace with these labels, and wait until pods can be made in it."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        wait_for(
            f"the default service account of namespace {name}",
            lambda: self.get("ServiceAccount", "default", name),
            seconds=30,
        )

    def wait_for_pod(self, name: str, namespace: str, seconds: float = 120) -> Manifest:
        """Wait until a pod is ready and return it."""
        return wait_for(
            f"pod {namespace}/{name} becomes ready",
            lambda: next((pod for pod in [self.get("Pod", name, namespace)] if pod and is_ready(pod)), None),
            seconds=seconds,
            seen=lambda: self.kubectl("get", "pod", name, "--output=wide", namespace=namespace),
        )

    @cached_property
    def operator(self) -> Manifest:
        """The Deployment of the installed operator."""
        deployments = self.list("Deployment", selector="app.kubernetes.io/name=nereid")
        if not deployments:
            raise CommandError("The operator is not installed in this cluster: run `make install`")
        return deployments[0]

    @property
    def operator_image(self) -> str:
        """The operator's image, which also serves as a Python with aiohttp for helping pods."""
        return str(self.operator["spec"]["template"]["spec"]["containers"][0]["image"])

    @cached_property
    def node_address(self) -> str:
        """The address of a node, where node ports are open."""
        addresses = self.list("Node")[0]["status"]["addresses"]
        return next(str(address["address"]) for address in addresses if address["type"] == "InternalIP")

    @property
    def gateway(self) -> str:
        """HOST:PORT where the mesh's ingress gateway takes requests from outside."""
        return os.environ.get("NEREID_GATEWAY") or f"{self.node_address}:30080"

    @property
    def kiali_url(self) -> str:
        """Where Kiali answers."""
        return os.environ.get("NEREID_KIALI_URL") or f"http://{self.node_address}:30001/kiali"

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus answers."""
        return os.environ.get("NEREID_PROMETHEUS_URL") or f"http://{self.node_address}:30090"

    @cached_property
    def _kubectl(self) -> str:
        program = shutil.which("kubectl", path=f"{cache_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
        if program is None:
            raise CommandError("kubectl is missing: run `make up`, which installs it, or put it into PATH")
        return program

    @cached_property
    def _client(self) -> DynamicClient:
        configured = config.new_client_from_config(config_file=str(self.kubeconfig))
        return DynamicClient(configured)

    def _resource(self, kind: str) -> Any:
        return self._client.resources.get(api_version=_API_VERSIONS.get(kind, "v1"), kind=kind)


def is_ready(pod: Manifest) -> bool:
    """Tell whether a pod is ready and is to stay."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")

"""A cluster that somebody else runs: the kubeconfig's current context, with Istio already there."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

REQUIRED = (
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
)


@dataclass(frozen=True, slots=True)
class CurrentCluster:
    """CLUSTER=current: nothing is built, installed or removed."""

    def build(self) -> None:
        """Nothing: the cluster brings everything."""

    def up(self) -> None:
        """Check that Istio's resources exist."""
        resources = self._custom_resources()
        missing = [name for name in REQUIRED if name not in resources]
        if missing:
            raise ClusterError(f"the current context's cluster lacks {', '.join(missing)}: install Istio there first")

    def down(self) -> None:
        """Nothing: the cluster is not ours."""

    def report(self) -> bool:
        """Print whether Istio's resources exist."""
        resources = self._custom_resources()
        for name in REQUIRED:
            print(f"{name:50}{'present' if name in resources else 'missing'}")
        return all(name in resources for name in REQUIRED)

    def kubeconfig(self) -> Path:
        """Return the user's kubeconfig."""
        first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
        return Path(first) if first else Path.home() / ".kube" / "config"

    def import_images(self, archives: Sequence[Path]) -> None:
        """Refuse: only a registry can bring an image to this cluster's nodes."""
        raise ClusterError(f"push {', '.join(map(str, archives))} to the registry that the cluster pulls from")

    def _custom_resources(self) -> set[str]:
        command = ["kubectl", "get", "customresourcedefinitions", "-o", "jsonpath={.items[*].metadata.name}"]
        try:
            result = subprocess.run(command, text=True, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise ClusterError("kubectl is not installed") from error
        if result.returncode:
            raise ClusterError(f"the current context does not answer: {result.stderr.strip().splitlines()[-1]}")
        return set(result.stdout.split())

"""The cluster that kind makes if a container engine is present."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import addons, tools
from cluster.commands import run
from cluster.paths import Paths

NAME = "nereid"


@dataclass(frozen=True, slots=True)
class KindCluster:
    """CLUSTER=kind: kind's node image brings Kubernetes, DNS and storage; the add-ons bring the rest."""

    paths: Paths

    def build(self) -> None:
        """Build the programs and images that the add-ons need."""
        tools.build(self.paths, tools.PROGRAMS)
        addons.build_images(self.paths)

    def up(self) -> None:
        """Create the cluster unless kind knows it, load the images, install the add-ons."""
        self.build()
        if NAME not in self._kind("get", "clusters").split():
            self._kind("create", "cluster", "--name", NAME, "--kubeconfig", self.kubeconfig(), "--wait", "120s")
        self.import_images(sorted(self.paths.images.glob("*.tar")))
        addons.install(self.paths, self.kubeconfig(), "kind")

    def down(self) -> None:
        """Delete the cluster."""
        self._kind("delete", "cluster", "--name", NAME)
        self.kubeconfig().unlink(missing_ok=True)

    def report(self) -> bool:
        """Print the nodes; return whether all of them are Ready."""
        if NAME not in self._kind("get", "clusters").split():
            print(f"kind has no cluster {NAME}")
            return False
        answer = run(
            ["kubectl", "--kubeconfig", self.kubeconfig(), "get", "nodes", "-o", "json"], environment=self._path()
        )
        nodes = json.loads(answer)["items"]
        ready = [_is_ready(node) for node in nodes]
        for node, well in zip(nodes, ready, strict=True):
            print(f"{node['metadata']['name']:26}{'Ready' if well else 'not Ready'}")
        return all(ready)

    def kubeconfig(self) -> Path:
        """Return a kubeconfig of its own, so that the user's is left alone."""
        return self.paths.kubeconfig

    def import_images(self, archives: Sequence[Path]) -> None:
        """Load the archives into the node."""
        for archive in archives:
            self._kind("load", "image-archive", archive, "--name", NAME)

    def _kind(self, *arguments: str | Path) -> str:
        return run(["kind", *arguments], environment=self._path())

    def _path(self) -> dict[str, str]:
        self.paths.cluster.mkdir(parents=True, exist_ok=True)
        return self.paths.environment()


def _is_ready(node: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    conditions = node["status"]["conditions"]
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)

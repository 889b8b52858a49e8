"""Where everything lies, so that no other module puts a path together on its own."""

import os
from dataclasses import dataclass
from pathlib import Path

LOCAL = Path(__file__).resolve().parent.parent
"""The folder `local/` of the checkout."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The cache's layout: what outlives `down`, and below `cluster` what does not."""

    cache: Path

    @property
    def bin(self) -> Path:
        """Pinned programs; first on the path of everything that is started."""
        return self.cache / "bin"

    @property
    def cni_plugins(self) -> Path:
        """The CNI plugins' executables."""
        return self.cache / "cni"

    @property
    def images(self) -> Path:
        """OCI archives, one image each."""
        return self.cache / "images"

    @property
    def containerd(self) -> Path:
        """Containerd's image store."""
        return self.cache / "containerd"

    @property
    def lock(self) -> Path:
        """Held while a command changes the cluster or the programs."""
        return self.cache / "cluster.lock"

    @property
    def cluster(self) -> Path:
        """All state of the running cluster; `down` removes it."""
        return self.cache / "cluster"

    @property
    def discarded(self) -> Path:
        """A cluster's state on its way out: moved aside in one step, so that no half of it looks like a cluster."""
        return self.cache / "cluster.discarded"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.cluster / "logs"

    @property
    def run(self) -> Path:
        """One record per process."""
        return self.cluster / "run"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.cluster / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.cluster / "kubeconfig"

    @property
    def containerd_state(self) -> Path:
        """Containerd's volatile state: sockets, tasks and network namespaces."""
        return self.cluster / "containerd"

    @property
    def registries(self) -> Path:
        """How to reach image registries: `HOST:PORT/hosts.toml`, which containerd reads at every pull."""
        return self.cluster / "certs.d"

    @property
    def volume_plugins(self) -> Path:
        """An empty folder in place of the host's, which would otherwise be made."""
        return self.cluster / "volume-plugins"

    def environment(self) -> dict[str, str]:
        """Return the environment of everything that is started: no proxies, the pinned programs first."""
        return {
            "PATH": f"{self.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(Path.home()),
            "LANG": "C.UTF-8",
        }


def default_paths() -> Paths:
    """Return the cache at NEREID_CACHE, else below the home folder."""
    return Paths(Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid").resolve())

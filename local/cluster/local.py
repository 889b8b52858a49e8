"""The cluster whose processes run on this machine.

Every step of `up` looks at what is there and does only what is missing, so the same sequence starts a cluster,
completes one whose start was interrupted, and leaves a complete one alone.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster import (
    addons,
    certificates,
    containerd,
    controlplane,
    debian,
    host,
    images,
    network,
    node,
    processes,
    status,
    tools,
)
from cluster.errors import ClusterError
from cluster.paths import Paths


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """CLUSTER=local: upstream Kubernetes on one Linux machine, as root, with no registry."""

    paths: Paths

    def build(self) -> None:
        """Build and fetch programs, and beside them the images that carry none; then the other images."""
        if os.geteuid():
            raise ClusterError("a node needs root: run this as root, or use CLUSTER=kind or CLUSTER=current")
        debian.fetch_missing(self.paths)
        with ThreadPoolExecutor(1) as beside:
            without_programs = beside.submit(addons.build_images, self.paths, addons.WITHOUT_PROGRAMS)
            tools.build(self.paths, tools.PROGRAMS)
            without_programs.result()
        addons.build_images(self.paths)

    def up(self) -> None:
        """Build what is missing, start the control plane and the node, install the add-ons."""
        self.build()
        debian.install_tools(self.paths)
        address = network.node_address(self.paths)
        self._discard_stale(address)
        self._start(address)
        addons.install(self.paths, self.kubeconfig(), "local")

    def down(self) -> None:
        """Remove everything that `up` made, however far it came; the cache stays."""
        shutil.rmtree(self.paths.discarded, ignore_errors=True)
        if not self.paths.cluster.exists():
            return
        for name in ("kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager"):
            processes.stop(self.paths, name)
        self._remove_pods()
        for name in ("containerd", "kube-apiserver", "etcd"):
            processes.stop(self.paths, name)
        host.unmount(self.paths.cluster)
        network.remove_links(self.paths)
        host.restore(self.paths)
        self.paths.cluster.rename(self.paths.discarded)
        shutil.rmtree(self.paths.discarded)

    def report(self) -> bool:
        """Print a line for each process, the node and the add-ons."""
        return status.report(self.paths)

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.paths.kubeconfig

    def import_images(self, archives: Sequence[Path]) -> None:
        """Import into containerd what it does not have."""
        processes.require_running(self.paths, containerd.NAME)
        images.import_missing(self.paths, archives)

    def _start(self, address: str) -> None:
        paths = self.paths
        host.ensure_record(paths, address)
        host.prepare()
        leaves = certificates.leaves(node.NODE_NAME, address, network.API_SERVICE_ADDRESS, network.DOMAIN)
        certificates.ensure(paths, leaves)
        network.write_cni_config(paths)
        network.ensure_rules(paths)
        controlplane.start(paths, address)
        containerd.ensure(paths)
        images.import_missing(paths, sorted(paths.images.glob("*.tar")))
        controlplane.ensure_ready(paths)
        node.ensure(paths, address)

    def _discard_stale(self, address: str) -> None:
        """Remove a cluster that has ended as a whole, or whose certificates name an address that is gone."""
        record = host.load(self.paths)
        ended = not any(processes.running(self.paths, name) for name in status.PROCESSES)
        if record and (ended or record.boot_id != host.boot_id() or record.address != address):
            print("the earlier cluster has ended or the machine has another address: starting a new one", flush=True)
            self.down()

    def _remove_pods(self) -> None:
        host.end_pods()
        if containerd.can_start(self.paths):
            containerd.ensure(self.paths)
            containerd.remove_containers(self.paths)
        for pid in containerd.shims(self.paths):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

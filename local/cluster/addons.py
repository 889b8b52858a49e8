"""Builds images and installs add-ons through the two executables that own them."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import LOCAL, Paths

BUILD_IMAGES = LOCAL / "images" / "build"
INSTALL = LOCAL / "addons" / "install"

NAMESPACES = ("kube-system", "local-path-storage", "istio-system", "istio-ingress", "monitoring", "keda")
"""Where the add-ons' workloads live."""


WITHOUT_PROGRAMS = ("pause", "triton", "nereid", "nereid-models")
"""Images whose making, and that of those that they start from, waits for packages and for no program of `tools`."""


def build_images(paths: Paths, names: Sequence[str] = ()) -> None:
    """Build those of the named images, or else of all, that are missing from the cache."""
    _run(paths, [BUILD_IMAGES, *names], dict(os.environ))


def install(paths: Paths, kubeconfig: Path, kind: str) -> None:
    """Install DNS, storage, mesh, monitoring and autoscaling into the cluster, and wait until they are ready."""
    _run(paths, [INSTALL], {**os.environ, "KUBECONFIG": str(kubeconfig), "CLUSTER": kind})


def _run(paths: Paths, command: Sequence[str | Path], environment: dict[str, str]) -> None:
    path = f"{paths.bin}:{environment.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {**environment, "PATH": path, "NEREID_CACHE": str(paths.cache)}
    if subprocess.run(command, env=environment, check=False).returncode:
        raise ClusterError(f"{Path(command[0]).relative_to(LOCAL.parent)} failed: see its words above")

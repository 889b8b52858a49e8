"""Programs from Debian packages.

Daemons are unpacked into the cache instead of installed, because installing their packages would start services on the
host. Plain tools are installed as usual where they are missing.
"""

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import Paths


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package and the files to take from it: source in the package → destination in the cache."""

    name: str
    files: tuple[tuple[str, str], ...]

    @property
    def programs(self) -> set[str]:
        """The names of its programs."""
        return {Path(destination).name for _, destination in self.files}


PACKAGES = (
    Package("etcd-server", (("usr/bin/etcd", "bin/etcd"),)),
    Package("runc", (("usr/sbin/runc", "bin/runc"),)),
    Package(
        "containernetworking-plugins",
        tuple((f"usr/lib/cni/{plugin}", f"cni/{plugin}") for plugin in ("bridge", "host-local", "loopback")),
    ),
)

TOOLS = (
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("openssl", "openssl"),
    ("socat", "socat"),
)
"""Commands of the host and the package that has each."""


def fetch_missing(paths: Paths) -> None:
    """Put the programs of all packages into the cache."""
    for package in PACKAGES:
        fetch(paths, package)


def fetch(paths: Paths, package: Package) -> None:
    """Put the package's files into the cache unless they are there."""
    if all((paths.cache / destination).exists() for _, destination in package.files):
        return
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _apt(["download", package.name], folder)
        archive = next(folder.glob("*.deb"))
        _run(["dpkg", "-x", str(archive), str(folder)], folder)
        for source, destination in package.files:
            target = paths.cache / destination
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / source, target.with_name(f".{target.name}.new"))
            target.with_name(f".{target.name}.new").rename(target)
        print(f"fetched {archive.stem} in {time.monotonic() - start:.0f} s", flush=True)


def install_tools(paths: Paths) -> None:
    """Install the host's missing tools, without the services that other packages recommend."""
    environment = paths.environment()
    missing = [package for command, package in TOOLS if not shutil.which(command, path=environment["PATH"])]
    if missing:
        print(f"installing {' '.join(missing)} …", flush=True)
        _apt(["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *missing], Path("/"))


def _apt(arguments: list[str], folder: Path) -> None:
    # A new machine has no package lists; an old one may have lists that name files which are gone.
    command = ["apt-get", "--quiet", "-o", "APT::Sandbox::User=root", *arguments]
    if _try(command, folder):
        return
    _run(["apt-get", "--quiet", "update"], folder)
    _run(command, folder)


def _try(command: list[str], folder: Path) -> bool:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    try:
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed: the local cluster needs Debian or Ubuntu") from error
    return result.returncode == 0


def _run(command: list[str], folder: Path) -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"`{' '.join(command)}` failed: {result.stderr.strip()[-500:]}")

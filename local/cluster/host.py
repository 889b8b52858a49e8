"""Remembers what the host was like before the cluster, and puts it back.

The record is written before the first change and only once, so a second `up` cannot take the cluster's own settings for
the host's.
"""

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import firewall, network
from cluster.errors import ClusterError
from cluster.paths import Paths
from cluster.waiting import wait_for

CGROUP = "nereid"

SYSCTLS = (
    *network.SYSCTLS,
    # kube-proxy sets the first, kubelet the others.
    "net.ipv4.conf.all.route_localnet",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)

FOLDERS = (
    # Paths that are fixed in kubelet, containerd, its shims and CNI's library.
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/run/containerd",
)


@dataclass(frozen=True, slots=True)
class Record:
    """The host before the cluster."""

    boot_id: str
    address: str
    sysctls: dict[str, str]
    chains: list[str]
    folders: list[str]


def boot_id() -> str:
    """Return what changes with every start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def load(paths: Paths) -> Record | None:
    """Return the record of the cluster that exists, if one does."""
    try:
        return Record(**json.loads((paths.cluster / "host.json").read_text()))
    except FileNotFoundError:
        return None


def ensure_record(paths: Paths, address: str) -> None:
    """Write down what the host is like, unless that was done before."""
    if load(paths):
        return
    record = Record(
        boot_id=boot_id(),
        address=address,
        sysctls={name: _sysctl(name).read_text().strip() for name in SYSCTLS if _sysctl(name).exists()},
        chains=[chain for family in firewall.FAMILIES for chain in firewall.chains(firewall.save(paths, family))],
        folders=[folder for folder in FOLDERS if Path(folder).exists()],
    )
    paths.cluster.mkdir(parents=True, exist_ok=True)
    temporary = paths.cluster / "host.json.new"
    temporary.write_text(json.dumps(asdict(record), indent=2) + "\n")
    temporary.rename(paths.cluster / "host.json")


def prepare() -> None:
    """Set what pods need of the kernel, and make the cgroup that holds them all."""
    for name, value in network.SYSCTLS.items():
        if not _sysctl(name).exists():
            raise ClusterError(f"the kernel has no {name}: load br_netfilter with `modprobe br_netfilter`")
        if _sysctl(name).read_text().strip() != value:
            _sysctl(name).write_text(value)
    for folder in _cgroup_roots():
        (folder / CGROUP).mkdir(exist_ok=True)


def end_pods() -> None:
    """Kill whatever still runs in the pods' cgroup, and remove the cgroup."""
    wait_for("the end of the pods' processes", _kill_pods, seconds=20, hint="run `down` again")
    wait_for("the removal of the pods' cgroups", _remove_cgroups, seconds=20, hint="run `down` again")


def unmount(folder: Path) -> None:
    """Unmount everything below `folder`, the innermost first."""
    for point in reversed(_mounts_below(folder)):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
    left = _mounts_below(folder)
    if left:
        # Whoever removes the folder next would empty what is mounted there.
        raise ClusterError(f"{', '.join(left)} cannot be unmounted: end what uses it and run `down` again")


def mount_points(mountinfo: str) -> list[str]:
    """List the mount points in the order in which they were mounted."""
    points = [line.split()[4] for line in mountinfo.splitlines()]
    return [point.replace(r"\040", " ") for point in points]


def restore(paths: Paths) -> None:
    """Put back firewall, sysctls and folders; without a record nothing was changed yet."""
    record = load(paths)
    if not record:
        return
    firewall.remove(paths, record.chains)
    # After a restart of the machine the kernel's values are its own again.
    if record.boot_id == boot_id():
        for name, value in record.sysctls.items():
            if _sysctl(name).read_text().strip() != value:
                _sysctl(name).write_text(value)
    for folder in FOLDERS:
        if folder not in record.folders:
            unmount(Path(folder))
            shutil.rmtree(folder, ignore_errors=True)
    _tidy_shared_folders(paths)


def _tidy_shared_folders(paths: Paths) -> None:
    """Remove our files from folders that were there before and stay."""
    for result in Path("/var/lib/cni/results").glob("nereid-*-eth0"):
        container = result.name.removeprefix("nereid-").removesuffix("-eth0")
        result.with_name(f"cni-loopback-{container}-lo").unlink(missing_ok=True)
        result.unlink()
    for log in Path("/var/log/containers").glob("*.log"):
        if log.is_symlink() and log.readlink().is_relative_to(paths.logs):
            log.unlink()


def _mounts_below(folder: Path) -> list[str]:
    points = mount_points(Path("/proc/self/mountinfo").read_text())
    return [point for point in points if point.startswith(f"{folder}/")]


def _sysctl(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _cgroup_roots() -> list[Path]:
    """List every hierarchy's root: one per controller in version 1, a single one in version 2, or both side by side."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted({Path(words[1]) for words in mounts if words[2] in ("cgroup", "cgroup2")})


def _pod_cgroups() -> list[Path]:
    """List the pods' cgroups, children before their parents."""
    folders = []
    for root in _cgroup_roots():
        folders += [Path(folder) for folder, _, _ in os.walk(root / CGROUP, topdown=False)]
    return folders


def _kill_pods() -> bool:
    alive = False
    for folder in _pod_cgroups():
        with suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                alive = True
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
    return not alive


def _remove_cgroups() -> bool:
    for folder in _pod_cgroups():
        with suppress(OSError):
            folder.rmdir()
    return not _pod_cgroups()

"""containerd: its configuration, its start, and the removal of everything it runs."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cluster import processes
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.paths import Paths
from cluster.waiting import wait_for

NAME = "containerd"
PAUSE_IMAGE = "docker.io/local/pause:1"
SOCKET_PATH_LIMIT = 107  # of the kernel


def socket(paths: Paths) -> Path:
    """Return the socket that kubelet and ctr talk to."""
    return paths.containerd_state / "containerd.sock"


def ctr(paths: Paths, *arguments: str | Path) -> str:
    """Run containerd's client in the namespace of Kubernetes."""
    command = ["ctr", "--address", socket(paths), "--namespace", "k8s.io", *arguments]
    return run(command, environment=paths.environment())


def configuration(paths: Paths) -> dict[str, object]:
    """Containerd's configuration as a tree of tables."""
    plugins = {
        "io.containerd.cri.v1.images": {
            "pinned_images": {"sandbox": PAUSE_IMAGE},
            "registry": {"config_path": str(paths.registries)},
        },
        "io.containerd.cri.v1.runtime": _runtime(paths),
        "io.containerd.internal.v1.opt": {"path": str(paths.containerd_state / "opt")},
        # Nobody extends this runtime, and its socket would lie outside the cluster's folders.
        "io.containerd.nri.v1.nri": {"disable": True},
    }
    return {
        "version": 3,
        "root": str(paths.containerd),
        "state": str(paths.containerd_state),
        "grpc": {"address": str(socket(paths))},
        "plugins": plugins,
    }


def _runtime(paths: Paths) -> dict[str, object]:
    options = {"BinaryName": str(paths.bin / "runc")}
    runtime = {"runtime_type": "io.containerd.runc.v2", "options": options}
    return {
        # Without CAP_SYS_RESOURCE nobody may lower an oom_score_adj, and no pod would start.
        "restrict_oom_score_adj": True,
        "enable_unprivileged_ports": True,
        # So that `down` finds every network namespace below one folder.
        "netns_mounts_under_state_dir": True,
        "cni": {"bin_dirs": [str(paths.cni_plugins)], "conf_dir": str(paths.cluster / "cni" / "net.d")},
        "containerd": {"runtimes": {"runc": runtime}},
    }


def to_toml(tree: dict[str, object], path: tuple[str, ...] = ()) -> str:
    """Write a tree of strings, booleans, numbers and tables as TOML; the standard library can only read it."""
    values = [f"{key} = {json.dumps(value)}" for key, value in tree.items() if not isinstance(value, dict)]
    head = [f"[{'.'.join(json.dumps(part) for part in path)}]"] if path and values else []
    tables = [to_toml(value, (*path, key)) for key, value in tree.items() if isinstance(value, dict)]
    return "\n".join([*head, *values, *tables])


def ensure(paths: Paths) -> None:
    """Make containerd run and answer."""
    if len(str(socket(paths))) > SOCKET_PATH_LIMIT:
        raise ClusterError(f"{paths.cache} is too long a path for a socket: set NEREID_CACHE to a shorter one")
    for folder in (paths.containerd_state, paths.registries):
        folder.mkdir(parents=True, exist_ok=True)
    config = paths.cluster / "containerd.toml"
    config.write_text(to_toml(configuration(paths)) + "\n")
    if processes.ensure(paths, NAME, [paths.bin / "containerd", "--config", config]):
        hint = f"see {paths.logs / 'containerd.log'}"
        seconds = wait_for("an answer of containerd", lambda: _answers(paths), seconds=30, hint=hint)
        print(f"containerd ready in {seconds:.1f} s", flush=True)


def can_start(paths: Paths) -> bool:
    """Whether there is a containerd to ask: without its program or its store it holds no containers either."""
    return (paths.bin / "containerd").exists() and paths.containerd.exists()


def remove_containers(paths: Paths) -> None:
    """End every task, forget every container and release what pods held; images stay."""
    hint = "run `down` again"
    wait_for("the end of all tasks", lambda: _none_left(paths, "tasks", "--force"), seconds=30, hint=hint)
    wait_for("the removal of all containers", lambda: _none_left(paths, "containers"), seconds=30, hint=hint)
    _forget_sandboxes(paths)
    # A pod's lease holds the snapshots of its image volumes.
    wait_for("the release of all snapshots", lambda: _none_left(paths, "leases", "--sync"), seconds=30, hint=hint)
    for kind in ("sandboxes", "containers"):
        shutil.rmtree(paths.containerd / "io.containerd.grpc.v1.cri" / kind, ignore_errors=True)


def shims(paths: Paths) -> Sequence[int]:
    """Process ids of the shims that belong to this containerd."""
    address = str(socket(paths)).encode()
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"containerd-shim-runc-v2") and address in words:
            pids.append(int(folder.name))
    return pids


def _answers(paths: Paths) -> bool:
    processes.require_running(paths, NAME)
    try:
        ctr(paths, "version")
    except ClusterError:
        return False
    return True


def _none_left(paths: Paths, kind: str, *options: str) -> bool:
    """Delete all there are. A pod's tasks share a shim: with the first of them the others may go and not be found."""
    left = ctr(paths, kind, "list", "--quiet").split()
    if left:
        with suppress(ClusterError):
            ctr(paths, kind, "delete", *options, *left)
    return not ctr(paths, kind, "list", "--quiet").split()


def _forget_sandboxes(paths: Paths) -> None:
    """Delete the pods' records; a containerd before 2.0 has none, and answers with an error."""
    with suppress(ClusterError):
        rows = [line.split() for line in ctr(paths, "sandboxes", "list").splitlines()[1:]]
        if rows:
            ctr(paths, "sandboxes", "remove", "--force", *(identifier for identifier, *_ in rows))

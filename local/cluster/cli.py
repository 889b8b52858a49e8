"""The commands of `python3 local/cluster`."""

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster import debian, tools
from cluster.current import CurrentCluster
from cluster.errors import ClusterError
from cluster.kind import KindCluster
from cluster.local import LocalCluster
from cluster.paths import Paths, default_paths
from cluster.provider import Cluster


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    paths = default_paths()
    try:
        return _run(options, paths, choose(os.environ.get("CLUSTER", "local"), paths))
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def choose(kind: str, paths: Paths) -> Cluster:
    """Pick the cluster that the variable CLUSTER names."""
    clusters: dict[str, Cluster] = {
        "local": LocalCluster(paths),
        "kind": KindCluster(paths),
        "current": CurrentCluster(),
    }
    if kind not in clusters:
        raise ClusterError(f"CLUSTER={kind} is unknown: use {', '.join(clusters)}")
    return clusters[kind]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local/cluster", description="The local Kubernetes cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build programs and images, or the named programs alone")
    build.add_argument("programs", nargs="*", metavar="PROGRAM")
    commands.add_parser("up", help="build what is missing, start the cluster, install the add-ons")
    commands.add_parser("down", help="remove everything that `up` made; the cache stays")
    commands.add_parser("status", help="say what runs and what is missing")
    commands.add_parser("kubeconfig", help="print the kubeconfig's path")
    images = commands.add_parser("images", help="import images").add_subparsers(dest="action", required=True)
    images.add_parser("import").add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    return parser


def _run(options: argparse.Namespace, paths: Paths, cluster: Cluster) -> int:
    if options.command == "kubeconfig":
        print(cluster.kubeconfig())
        return 0
    if options.command == "status":
        return 0 if cluster.report() else 1
    with _lock(paths):
        if options.command == "build" and options.programs:
            _build_programs(paths, options.programs)
        elif options.command == "images":
            cluster.import_images(options.archives)
        else:
            {"build": cluster.build, "up": cluster.up, "down": cluster.down}[options.command]()
    return 0


def _build_programs(paths: Paths, names: Sequence[str]) -> None:
    """Build or fetch the named programs alone: tests of the API need no more than an API server and etcd."""
    packages = [package for package in debian.PACKAGES if set(names) & package.programs]
    programs = [program for program in tools.PROGRAMS if program.name in names]
    program_names = {program.name for program in tools.PROGRAMS}.union(
        *(package.programs for package in debian.PACKAGES)
    )
    unknown = set(names) - program_names
    if unknown:
        raise ClusterError(
            f"no such program: {', '.join(sorted(unknown))}; there are {', '.join(sorted(program_names))}"
        )
    for package in packages:
        debian.fetch(paths, package)
    tools.build(paths, programs)


@contextmanager
def _lock(paths: Paths) -> Iterator[None]:
    """Let one command at a time change things; the kernel drops the lock of a process that dies."""
    paths.cache.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another command to finish …", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield

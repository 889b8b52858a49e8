"""Builds the pinned Go programs.

Each family is a Go module below `local/tools` that names its programs as tools; its go.sum fixes every source that goes
into them. Programs that need the same release of Kubernetes' client library are one family, as what they have in common
is then compiled once: that library is a third of each. Programs are static, so that they run on the host and in images
without a base.
"""

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import LOCAL, Paths

BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false")
"""What the compiler writes for debuggers, the linker would leave out: not writing it saves a seventh of the time."""

COLLECTOR = "400"
"""The compiler collects its garbage less often than it would: a seventh of the time for some memory."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, its package, and the linker variables that receive its version.

    `release` names the release line of a module that publishes no version numbers of its own; `tags` are build tags.
    """

    name: str
    family: str
    module: str
    package: str
    version_variables: tuple[str, ...] = ()
    release: str = ""
    tags: tuple[str, ...] = ()


def _kubernetes(name: str) -> Program:
    variables = ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")
    return Program(name, "kubernetes", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{name}", variables)


def _containerd(name: str, *tags: str) -> Program:
    module = "github.com/containerd/containerd/v2"
    return Program(name, "client-go-0.37", module, f"{module}/cmd/{name}", (f"{module}/version.Version",), tags=tags)


def _istio(name: str) -> Program:
    variables = ("istio.io/istio/pkg/version.buildVersion",)
    return Program(
        name, "client-go-0.36", "istio.io/istio", f"istio.io/istio/pilot/cmd/{name}", variables, release="1.31"
    )


def _prometheus(name: str) -> Program:
    # Discovery in Kubernetes alone: all of it takes in the client library of every cloud.
    tags = ("remove_all_sd", "enable_kubernetes_sd")
    module = "github.com/prometheus/prometheus"
    return Program(name, "client-go-0.37", module, f"{module}/cmd/{name}", tags=tags)


def _prometheus_operator(name: str, command: str) -> Program:
    module = "github.com/prometheus-operator/prometheus-operator"
    variables = ("github.com/prometheus/common/version.Version",)
    return Program(name, "kubernetes", module, f"{module}/cmd/{command}", variables)


def _keda(name: str, command: str) -> Program:
    module = "github.com/kedacore/keda/v2"
    return Program(name, "client-go-0.36", module, f"{module}/cmd/{command}", (f"{module}/version.Version",))


# In the order in which others wait for them: tests need the API server long before anything needs Kiali.
PROGRAMS = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kubelet"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kube-proxy"),
    _kubernetes("kubectl"),
    _containerd("containerd"),
    # Every pod has a shim, and without gRPC, which containerd does not speak with it, a shim needs less memory.
    _containerd("containerd-shim-runc-v2", "no_grpc"),
    _containerd("ctr"),
    _istio("pilot-discovery"),
    _istio("pilot-agent"),
    Program("coredns", "client-go-0.37", "github.com/coredns/coredns", "nereid.dev/local/tools/client-go-0.37/coredns"),
    Program(
        "helm",
        "client-go-0.37",
        "helm.sh/helm/v4",
        "helm.sh/helm/v4/cmd/helm",
        ("helm.sh/helm/v4/internal/version.version",),
    ),
    Program("kiali", "kiali", "github.com/kiali/kiali", "github.com/kiali/kiali", ("main.version",)),
    Program(
        "local-path-provisioner",
        "client-go-0.36",
        "github.com/rancher/local-path-provisioner",
        "github.com/rancher/local-path-provisioner",
        ("main.VERSION",),
    ),
    _prometheus("promtool"),
    _prometheus("prometheus"),
    _prometheus_operator("prometheus-operator", "operator"),
    _prometheus_operator("prometheus-config-reloader", "prometheus-config-reloader"),
    Program(
        "metrics-server",
        "client-go-0.36",
        "sigs.k8s.io/metrics-server",
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        ("k8s.io/client-go/pkg/version.gitVersion",),
    ),
    Program("k6", "k6", "go.k6.io/k6", "go.k6.io/k6"),
    _keda("keda", "operator"),
    _keda("keda-adapter", "adapter"),
)


def pinned_version(go_mod: str, module: str) -> str:
    """Read the version that a go.mod file requires of `module`."""
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if not match:
        raise ClusterError(f"go.mod does not require {module}: add it with `go get -tool`")
    return match.group(1)


def linker_flags(program: Program, version: str) -> str:
    """Write the linker's flags: no symbol tables, and the version where the program looks for its own."""
    values = [f"{variable}={version}" for variable in program.version_variables]
    if program.module == "k8s.io/kubernetes":
        major, minor = version.removeprefix("v").split(".")[:2]
        values += [
            f"k8s.io/component-base/version.gitMajor={major}",
            f"k8s.io/component-base/version.gitMinor={minor}",
        ]
    return " ".join(["-s -w", *(f"-X {value}" for value in values)])


def display_version(version: str, release: str) -> str:
    """Write a version as the program states it: with a release line, that and the commit of the pseudo-version."""
    return f"{release}-{version.rpartition('-')[2]}" if release else version


def stamp(folder: Path, program: Program) -> str:
    """Hash all that determines the program."""
    digest = hashlib.sha256()
    for file in (folder / "go.mod", folder / "go.sum", *sorted(folder.rglob("*.go"))):
        digest.update(file.read_bytes())
    digest.update(repr(program).encode())
    digest.update(repr(BUILD_FLAGS).encode())
    return digest.hexdigest()


def build(paths: Paths, programs: Sequence[Program]) -> None:
    """Build those of `programs` that are missing or pinned differently, with a line for each."""
    for program in programs:
        folder = LOCAL / "tools" / program.family
        marker = paths.bin / ".stamps" / program.name
        pinned = stamp(folder, program)
        built = marker.exists() and marker.read_text() == pinned and (paths.bin / program.name).exists()
        if built:
            continue
        start = time.monotonic()
        print(f"building {program.name} …", flush=True)
        _compile(folder, program, paths.bin)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(pinned)
        print(f"built {program.name} in {time.monotonic() - start:.0f} s", flush=True)


def _compile(folder: Path, program: Program, destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    version = display_version(pinned_version((folder / "go.mod").read_text(), program.module), program.release)
    temporary = destination / f".{program.name}.new"
    flags = [*BUILD_FLAGS, f"-tags={','.join(program.tags)}", "-ldflags", linker_flags(program, version)]
    command = ["go", "build", *flags, "-o", str(temporary)]
    environment = {"GOGC": COLLECTOR, **os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    try:
        subprocess.run([*command, program.package], cwd=folder, env=environment, check=True)
    except FileNotFoundError as error:
        raise ClusterError("Go is not installed: install Go 1.26 or newer") from error
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"{program.name} did not build: see the compiler's words above") from error
    temporary.rename(destination / program.name)

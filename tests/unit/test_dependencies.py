"""Each folder of the code imports what pyproject.toml declares for its process, and nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest

from nereid.cli.group import CONTAINERS, EXTRAS, PROCESSES, SECTIONS

ROOT: Final = Path(__file__).resolve().parents[2]
CODE: Final = ROOT / "operator" / "nereid"
# Which extras a file may rely on, beside the dependencies of every command; the longest path wins.
ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    ".": frozenset(),
    "activator": frozenset({"operator"}),
    "api": frozenset(),
    "checks": frozenset({"checks"}),
    "cli": frozenset({"cli"}),
    "contract": frozenset(),
    "contract/metrics_server.py": frozenset({"operator"}),
    "controller": frozenset({"operator"}),
    "models": frozenset({"models"}),
}
# They run inside Triton, with the libraries of its image.
IN_TRITON: Final = "models/fetch/layouts/backends"
# Where the package on PyPI is not called as its module is; the longest module wins.
PACKAGES: Final = {
    "azure.core": "azure-core",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.storage": "google-cloud-storage",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "prometheus_client": "prometheus-client",
    "pydantic_settings": "pydantic-settings",
    "yaml": "pyyaml",
}
# Imported by name, when a command is called that needs it; tzdata is read by Python's own zoneinfo.
BY_NAME: Final = {"kserve", "tzdata"}
OWN: Final = {*sys.stdlib_module_names, "nereid"}
# Not in the environment: what draws pictures for docs says what it needs, and Triton's image has the others.
ELSEWHERE: Final = {"matplotlib", "signature", "triton_python_backend_utils"}


def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return content


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in requirements}


def declared(extras: frozenset[str]) -> set[str]:
    content = project()
    needed = [*content["dependencies"], *(package for e in extras for package in content["optional-dependencies"][e])]
    return names(needed)


def package_of(module: str) -> str:
    known = [name for name in PACKAGES if module == name or module.startswith(f"{name}.")]
    return PACKAGES[max(known, key=len)] if known else module.partition(".")[0]


def imports_of(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, in functions too, without Python's and Nereid's own."""
    for node in ast.walk(ast.parse(file.read_text())):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # From a namespace, a package is imported: `from google.cloud import storage`.
            is_namespace = node.module in {"google", "google.cloud", "azure"}
            modules = [f"{node.module}.{alias.name}" if is_namespace else node.module for alias in node.names]
        yield from (m for m in modules if m.partition(".")[0] not in OWN)


@cache
def imported() -> Mapping[str, frozenset[str]]:
    """Return the modules that each file imports, by its path."""
    return {place: frozenset(imports_of(CODE / place)) for place in FILES}


def allowed(place: str) -> frozenset[str]:
    matching = [folder for folder in ALLOWED if place == folder or place.startswith(f"{folder}/")]
    return ALLOWED[max(matching, key=len, default=".")]


FILES: Final = sorted(
    file.relative_to(CODE).as_posix()
    for file in CODE.rglob("*.py")
    if IN_TRITON not in file.as_posix() and "__pycache__" not in file.parts
)


@pytest.mark.parametrize("folder", sorted({place.partition("/")[0] for place in FILES if "/" in place}))
def test_a_folder_imports_what_its_process_declares(folder: str) -> None:
    undeclared = {
        f"{place}: {module}"
        for place in FILES
        if place.startswith(f"{folder}/")
        for module in imported()[place]
        if package_of(module) not in declared(allowed(place))
    }
    assert undeclared == set()


def test_all_that_is_declared_is_imported() -> None:
    used = {package_of(module) for place in FILES for module in imported()[place]} | BY_NAME
    assert declared(frozenset(project()["optional-dependencies"])) == used


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_commands_know_which_extra_brings_a_module(extra: str) -> None:
    modules = {
        module
        for place in FILES
        for module in imported()[place]
        if package_of(module) in names(project()["optional-dependencies"][extra])
    }
    assert {module.partition(".")[0] for module in modules} == EXTRAS[extra]


def test_each_process_has_an_extra() -> None:
    assert set(PROCESSES.values()) | {"cli"} == set(EXTRAS) == set(project()["optional-dependencies"]) - {"convert"}


def test_each_command_of_a_container_knows_its_extra() -> None:
    assert set(PROCESSES) == set(SECTIONS[CONTAINERS])


@pytest.mark.parametrize("folder", ["tests", "bench", "examples", "local"])
def test_what_surrounds_the_code_imports_what_is_locked(folder: str) -> None:
    """An environment that once had more, and keeps it, must not hide that a new one has it no longer."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    installed = packages_distributions()
    unlocked = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in (ROOT / folder).rglob("*.py")
        for module in {name.partition(".")[0] for name in imports_of(file)} - own_modules() - ELSEWHERE
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in installed.get(module, [module])} & locked
    }
    assert unlocked == set()


def own_modules() -> set[str]:
    """Return the modules and packages that lie in the repository's own roots."""
    roots = [ROOT, ROOT / "local", ROOT / "examples"]
    return {entry.stem for root in roots for entry in root.iterdir() if entry.is_dir() or entry.suffix == ".py"}

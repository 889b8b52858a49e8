"""Pods of attackers: those of ModelDeployments that run a program in place of Triton, and such as users make alone."""

from pathlib import Path
from typing import Any, Final

from digits.cluster import Manifest
from digits.pods import helper_pod
from tests.support.e2e.case import Case
from tests.support.e2e.hostile.attacker import Attacker

_PROGRAMS: Final = Path(__file__).parent / "programs"
_FOREVER: Final = ["python3", "-c", "import signal; signal.pause()"]


def program(name: str) -> str:
    """Return the text of a program."""
    return (_PROGRAMS / f"{name}.py").read_text()


def running(
    case: Case, name: str, *arguments: str, metadata: Manifest | None = None, ports: list[Manifest] | None = None
) -> Manifest:
    """Return `spec.runtime` whose pods run a program in place of Triton, and fetch nothing."""
    fetch = {"name": "fetch-model", "command": ["python3", "-c", "pass"]}
    triton: dict[str, Any] = {"name": "triton", "command": ["python3", "-c", program(name), *arguments], "args": []}
    triton |= {"ports": ports} if ports else {}
    template = {"metadata": metadata or {}, "spec": {"initContainers": [fetch], "containers": [triton]}}
    return {"image": case.cluster.operator_image, "podTemplate": template}


def attackers_pod(case: Case, name: str, *, in_mesh: bool) -> Attacker:
    """Run a pod in the attacker's namespace, and return what can be done from there."""
    case.cluster.apply(
        helper_pod(name, case.cluster.operator_image, _FOREVER, in_mesh=in_mesh), namespace=case.namespace
    )
    case.cluster.wait_for_pod(name, case.namespace)
    return Attacker(case.cluster, case.namespace, name)


def pod_of_program(
    case: Case, pod: str, name: str, *arguments: str, in_mesh: bool = False, ports: list[Manifest] | None = None
) -> None:
    """Run a program in a pod of its own."""
    command = ["python3", "-c", program(name), *arguments]
    manifest = helper_pod(pod, case.cluster.operator_image, command, in_mesh=in_mesh)
    manifest["spec"]["containers"][0]["ports"] = ports or []
    case.cluster.apply(manifest, namespace=case.namespace)
    case.cluster.wait_for_pod(pod, case.namespace)

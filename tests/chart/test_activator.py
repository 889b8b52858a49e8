"""What the chart makes of the activator: one replica in the mesh, and the addresses by which it is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nereid.activator.options import Ports
from nereid.cli import main

VALUES = Path(__file__).parent / "values"

Document = dict[str, Any]
Render = Callable[..., list[Document]]


@pytest.fixture
def objects(render: Render) -> dict[str, Document]:
    release = render("--values", VALUES / "defaults.yaml", "--show-only=templates/activator.yaml")
    return {document["kind"]: document for document in release}


@pytest.fixture
def template(objects: dict[str, Document]) -> Document:
    return objects["Deployment"]["spec"]["template"]


def test_its_service_leads_to_it_alone(objects: dict[str, Document], template: Document, render: Render) -> None:
    selector = objects["Service"]["spec"]["selector"].items()
    assert selector <= template["metadata"]["labels"].items()
    (operator,) = (one for one in render("--show-only=templates/deployment.yaml"))
    assert not selector <= operator["spec"]["template"]["metadata"]["labels"].items()
    assert not operator["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_it_listens_on_the_ports_that_are_told(objects: dict[str, Document], template: Document) -> None:
    (container,) = template["spec"]["containers"]
    known = {one["name"]: one["containerPort"] for one in container["ports"]}
    ports = Ports()
    assert known == {
        "http": ports.rest,
        "grpc": ports.grpc,
        "health": ports.health,
        "grpc-scaler": ports.scaler,
        "http-metrics": ports.metrics,
    }
    for port in objects["Service"]["spec"]["ports"]:
        assert known[port["targetPort"]] == port["port"]


def test_the_operator_knows_its_address(objects: dict[str, Document], render: Render) -> None:
    def told(*arguments: str) -> str:
        (operator,) = render("--show-only=templates/deployment.yaml", *arguments)
        variables = operator["spec"]["template"]["spec"]["containers"][0]["env"]
        return next(one["value"] for one in variables if one["name"] == "NEREID_ACTIVATOR_SERVICE")

    metadata = objects["Service"]["metadata"]
    assert told() == f"{metadata['name']}.{metadata['namespace']}"
    assert told("--set=activator.enabled=false") == ""


def test_it_is_in_the_mesh_but_for_the_ports_that_others_ask(template: Document) -> None:
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    annotations = template["metadata"]["annotations"]
    assert annotations["sidecar.istio.io/nativeSidecar"] == "true"
    assert annotations["traffic.sidecar.istio.io/excludeInboundPorts"] == "8080,9090,9091"


def test_its_pod_is_restricted_and_has_no_token(objects: dict[str, Document], template: Document) -> None:
    pod = template["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_next_one_is_ready_before_the_last_one_ends(objects: dict[str, Document]) -> None:
    spec = objects["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_command_understands_its_arguments(template: Document) -> None:
    result = CliRunner().invoke(main, [*template["spec"]["containers"][0]["args"], "--help"])
    assert result.exit_code == 0, result.output


def test_there_is_none_where_it_is_turned_off(render: Render) -> None:
    assert not [one for one in render("--set=activator.enabled=false") if one["metadata"]["name"] == "nereid-activator"]

"""What the chart makes of the activator: replicas that find each other, their key, and who may call them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nereid.activator.options import Options, Ports
from nereid.cli import main
from nereid.contract.proof import keys_of

VALUES = Path(__file__).parent / "values"

Document = dict[str, Any]
Render = Callable[..., list[Document]]


@pytest.fixture
def objects(render: Render) -> dict[str, Document]:
    release = render("--values", VALUES / "defaults.yaml", "--show-only=templates/activator.yaml")
    # Of the Services, the first: the other one is for activators among themselves.
    return {document["kind"]: document for document in reversed(release)}


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
        "http-peers": ports.peers,
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
    assert annotations["traffic.sidecar.istio.io/excludeInboundPorts"] == "8080,9090,9091,9092"
    assert annotations["traffic.sidecar.istio.io/excludeOutboundPorts"] == "9092"


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
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_command_understands_its_arguments(template: Document) -> None:
    result = CliRunner().invoke(main, [*template["spec"]["containers"][0]["args"], "--help"])
    assert result.exit_code == 0, result.output


def test_there_is_none_where_it_is_turned_off(render: Render) -> None:
    assert not [one for one in render("--set=activator.enabled=false") if one["metadata"]["name"] == "nereid-activator"]


def test_a_node_that_is_drained_takes_one_at_a_time(
    objects: dict[str, Document], template: Document, render: Render
) -> None:
    labels = template["metadata"]["labels"].items()
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    (spread,) = template["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels
    alone = render("--set=activator.replicas=1", "--show-only=templates/activator.yaml")
    # It would keep a node from ever being drained.
    assert not [one for one in alone if one["kind"] == "PodDisruptionBudget"]


def test_they_find_each_other_also_while_they_start_or_end(render: Render, template: Document) -> None:
    release = render("--show-only=templates/activator.yaml")
    (peers,) = (one for one in release if one["kind"] == "Service" and one["metadata"]["name"].endswith("-peers"))
    assert peers["spec"]["clusterIP"] == "None"
    # A headless Service makes a listener in all sidecars that know it.
    assert peers["metadata"]["annotations"]["networking.istio.io/exportTo"] == "."
    assert peers["spec"]["publishNotReadyAddresses"] is True
    assert peers["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    assert f"--peers={peers['metadata']['name']}.nereid-system.svc.cluster.local" in container["args"]
    variables = {one["name"]: one["valueFrom"] for one in container["env"]}
    assert variables["NEREID_POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert variables["NEREID_MEMORY_BYTES"] == {"resourceFieldRef": {"resource": "limits.memory"}}
    long_name = render(f"--set=fullnameOverride={'n' * 63}", "--show-only=templates/activator.yaml")
    assert all(len(one["metadata"]["name"]) <= 63 for one in long_name)


def key_mount(pod: Document) -> tuple[str, str]:
    """Return the Secret with the key that a pod mounts, and where."""
    (volume,) = (one for one in pod["volumes"] if one["name"] == "proof")
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "proof")
    assert mount["readOnly"] is True
    return volume["secret"]["secretName"], mount["mountPath"]


@pytest.mark.parametrize("own", ["", "my-own"])
def test_operator_and_activator_have_the_same_key(render: Render, own: str) -> None:
    release = render(f"--set=activator.proof.existingSecret={own}")
    pods = [one["spec"]["template"]["spec"] for one in release if one["kind"] == "Deployment"]
    ((name, folder),) = {key_mount(pod) for pod in pods}
    assert len(pods) == 2
    made = [one for one in release if one["kind"] == "Secret"]
    if own:
        assert (name, made) == (own, [])
    else:
        (secret,) = made
        assert secret["metadata"]["name"] == name
        (key,) = keys_of(secret["stringData"]["keys"])
        assert len(key) == 48
    (operator,) = (pod for pod in pods if pod["containers"][0]["name"] == "operator")
    variables = {one["name"]: one.get("value") for one in operator["containers"][0]["env"]}
    assert variables["NEREID_ACTIVATOR_PROOF_FOLDER"] == folder
    assert str(Options().proof_folder) == folder


def test_only_an_upgrade_accepts_routes_of_a_release_without_proofs_and_for_minutes(render: Render) -> None:
    def data(*arguments: str) -> Document:
        (secret,) = render("--show-only=templates/activator-proof.yaml", *arguments)
        return secret["stringData"]

    assert data().keys() == {"keys"}
    moment = datetime.fromisoformat(data("--is-upgrade")["accept-unproven-until"])
    assert timedelta(minutes=8) < moment - datetime.now(UTC) <= timedelta(minutes=10)


def test_its_sidecar_has_memory_for_what_waits(template: Document) -> None:
    annotations = template["metadata"]["annotations"]
    assert annotations["sidecar.istio.io/proxyMemoryLimit"] == "2Gi"
    # Istio takes all of them from here, or none.
    assert {"proxyCPU", "proxyCPULimit", "proxyMemory"} <= {name.partition("/")[2] for name in annotations}


def test_only_the_mesh_calls_it_and_only_at_the_ports_for_requests(render: Render, template: Document) -> None:
    (policy,) = render("--show-only=templates/activator-policy.yaml")
    assert policy["apiVersion"] == "security.istio.io/v1"
    spec = policy["spec"]
    assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert spec["action"] == "ALLOW"
    assert spec["rules"] == [
        {"from": [{"source": {"principals": ["*"]}}], "to": [{"operation": {"ports": ["8000", "8001"]}}]}
    ]
    gateway = "cluster.local/ns/istio-ingress/sa/istio-ingressgateway"
    (narrow,) = render(
        f"--set=activator.authorizationPolicy.callers={{{gateway}}}", "--show-only=templates/activator-policy.yaml"
    )
    assert narrow["spec"]["rules"][0]["from"] == [{"source": {"principals": [gateway]}}]
    for off in ("activator.authorizationPolicy.enabled", "activator.enabled"):
        assert not [one for one in render(f"--set={off}=false") if one["kind"] == "AuthorizationPolicy"]


def named(*namespaces: str) -> list[Document]:
    selector = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
    return [{"namespaceSelector": {"matchExpressions": [selector]}}]


def test_network_policies_let_in_whom_they_name(render: Render, template: Document) -> None:
    release = render(
        "--set=networkPolicies.enabled=true,networkPolicies.kedaNamespace=scaling,metrics.port=9402",
        "--set=networkPolicies.prometheusNamespaces={monitoring},networkPolicies.callerNamespaces={ingress,shop}",
    )
    operator, activator = (one["spec"] for one in release if one["kind"] == "NetworkPolicy")
    assert operator["policyTypes"] == activator["policyTypes"] == ["Ingress"]
    labels = template["metadata"]["labels"].items()
    assert activator["podSelector"]["matchLabels"].items() <= labels
    assert not operator["podSelector"]["matchLabels"].items() <= labels

    def allowed(policy: Document) -> dict[int, list[Document]]:
        return {port["port"]: rule["from"] for rule in policy["ingress"] for port in rule["ports"]}

    ports = Ports()
    assert allowed(operator) == {9402: named("monitoring"), 15020: named("monitoring")}
    assert allowed(activator) == {
        ports.rest: named("ingress", "shop"),
        ports.grpc: named("ingress", "shop"),
        ports.scaler: named("scaling"),
        ports.peers: [{"podSelector": activator["podSelector"]}],
        ports.metrics: named("monitoring"),
        15020: named("monitoring"),
    }


def test_network_policies_are_for_clusters_that_enforce_them(render: Render) -> None:
    assert not [one for one in render() if one["kind"] == "NetworkPolicy"]
    release = render("--set=networkPolicies.enabled=true,activator.enabled=false")
    (operator,) = (one["spec"] for one in release if one["kind"] == "NetworkPolicy")
    assert [rule["from"] for rule in operator["ingress"]] == [[{"namespaceSelector": {}}]]

"""Hosts and Gateways: what one ModelDeployment asks for may depend on what others, and other people, have."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.api.kubernetes import Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

TLS = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*.example.com"]}


def asking_for(models: Models, host: str) -> Object:
    return {"hosts": [host], "gateways": [f"{models.namespace}/public"]}


def hosts(models: Models, name: str) -> list[str]:
    found = models.kubernetes.find("VirtualService", models.namespace, f"{name}.gateways")
    routed: list[str] = found["spec"]["hosts"] if found else []
    return routed


def wait_for_reason(models: Models, name: str, reason: str) -> str:
    wait_until(lambda: models.condition("Ready", name).get("reason") == reason, seconds=20, what=f"{name}: {reason}")
    return str(models.condition("Ready", name)["message"])


def make_gateway(models: Models) -> None:
    gateway = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public"},
        "spec": {"servers": [{**TLS, "tls": {"mode": "SIMPLE", "credentialName": "certificate"}}]},
    }
    models.kubernetes.create(models.kubernetes.path("Gateway", models.namespace), gateway)


def test_missing_gateway_is_named_until_it_exists(models: Models, new_operator: Callable[..., Operator]) -> None:
    new_operator(namespaces="").start()
    models.create(traffic=asking_for(models, "gateway.example.com"))
    assert f"{models.namespace}/public" in wait_for_reason(models, "digits", "GatewayNotFound")
    make_gateway(models)
    assert models.wait_settled()["status"]["url"] == "https://gateway.example.com"
    models.kubernetes.delete("Gateway", models.namespace, "public")
    wait_for_reason(models, "digits", "GatewayNotFound")


def delete_with_children(models: Models, name: str) -> None:
    """Delete a ModelDeployment, and what it owns as the garbage collector would, which does not run here."""
    uid = models.get(name)["metadata"]["uid"]
    models.kubernetes.delete("ModelDeployment", models.namespace, name)
    for (kind, child), owner in models.owners().items():
        if owner == uid:
            models.kubernetes.delete(kind, models.namespace, child)


@pytest.mark.usefixtures("operator")
def test_older_one_keeps_a_host_that_two_ask_for(models: Models) -> None:
    models.create("older", traffic=asking_for(models, "shared.example.com"))
    created = datetime.fromisoformat(models.wait_settled("older")["metadata"]["creationTimestamp"])
    # The API server dates objects by whole seconds.
    wait_until(lambda: datetime.now(UTC) > created + timedelta(seconds=1), seconds=5, what="another second")
    models.create("younger", traffic=asking_for(models, "shared.example.com"))
    message = wait_for_reason(models, "younger", "HostConflict")
    assert f"{models.namespace}/older" in message
    assert "shared.example.com" in message
    assert (hosts(models, "older"), hosts(models, "younger")) == (["shared.example.com"], [])
    assert models.condition("Ready", "older")["status"] == "True"
    delete_with_children(models, "older")
    models.wait_settled("younger")
    wait_until(lambda: hosts(models, "younger") == ["shared.example.com"], seconds=10, what="the younger one's route")


@pytest.fixture
def thief(models: Models) -> Models:
    """Another namespace, of somebody else."""
    namespace = f"{models.namespace[:50]}-thief"
    models.kubernetes.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    return Models(models.kubernetes, namespace)


def test_host_stays_with_its_owner_that_is_made_again(
    models: Models, thief: Models, new_operator: Callable[..., Operator]
) -> None:
    operator = new_operator(namespaces=f"{models.namespace},{thief.namespace}")
    operator.start()
    traffic = {"hosts": ["stolen.example.com"], "gateways": ["istio-ingress/public"]}
    models.create("owner", traffic=traffic)
    models.wait_settled("owner")
    thief.create("thief", traffic=traffic)
    message = wait_for_reason(thief, "thief", "HostConflict")
    assert models.namespace not in message.replace(thief.namespace, "")
    delete_with_children(models, "owner")
    operator.kill()  # what it remembers is gone: only what runs, and what was told, remain
    operator.start()
    models.create("owner", traffic=traffic)
    models.wait_settled("owner")
    assert (hosts(models, "owner"), hosts(thief, "thief")) == (["stolen.example.com"], [])
    delete_with_children(models, "owner")
    wait_until(lambda: models.children() == {}, seconds=10, what="the owner's children being gone")
    models.create("owner", traffic=traffic)
    models.wait_settled("owner")
    assert (hosts(models, "owner"), hosts(thief, "thief")) == (["stolen.example.com"], [])
    assert wait_for_reason(thief, "thief", "HostConflict")


def test_host_below_somebodys_wildcard_needs_a_rule(
    models: Models, thief: Models, new_operator: Callable[..., Operator]
) -> None:
    wildcard = {
        "metadata": {"name": "portal"},
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "spec": {
            "hosts": ["*.corp.example.com"],
            "gateways": ["istio-ingress/public"],
            "http": [{"route": [{"destination": {"host": "portal"}}]}],
        },
    }
    models.kubernetes.create(models.kubernetes.path("VirtualService", models.namespace), wildcard)
    namespaces = f"{models.namespace},{thief.namespace}"
    operator = new_operator(namespaces=namespaces)
    operator.start()
    thief.create("grab", traffic={"hosts": ["login.corp.example.com"], "gateways": ["istio-ingress/public"]})
    assert "traffic.allowed" in wait_for_reason(thief, "grab", "HostNotAllowed")
    assert hosts(thief, "grab") == []
    operator.stop()
    rule = {"namespaces": [thief.namespace], "hosts": ["login.corp.example.com"]}
    new_operator(namespaces=namespaces, NEREID_TRAFFIC_ALLOWED=json.dumps([rule])).start()
    thief.wait_settled("grab")
    assert hosts(thief, "grab") == ["login.corp.example.com"]


@pytest.mark.usefixtures("operator")
def test_preview_host_that_an_older_one_serves_is_left_to_it(models: Models) -> None:
    models.create("older", traffic=asking_for(models, "taken.example.com"))
    created = datetime.fromisoformat(models.wait_settled("older")["metadata"]["creationTimestamp"])
    wait_until(lambda: datetime.now(UTC) > created + timedelta(seconds=1), seconds=5, what="another second")
    previewed = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["taken.example.com"]}}
    models.create("younger", traffic=asking_for(models, "free.example.com"), rollout=previewed)
    assert "taken.example.com" in wait_for_reason(models, "younger", "HostConflict")
    wait_until(lambda: hosts(models, "younger") == ["free.example.com"], seconds=10, what="the other host's route")
    assert models.kubernetes.find("VirtualService", models.namespace, "younger.preview") is None
    delete_with_children(models, "older")
    models.wait_settled("younger")
    wait_until(
        lambda: models.kubernetes.find("VirtualService", models.namespace, "younger.preview"),
        seconds=10,
        what="the preview's route",
    )


@pytest.mark.usefixtures("operator")
def test_hosts_of_the_outside_are_not_bound_to_the_mesh(models: Models) -> None:
    models.create(traffic=asking_for(models, "payments.example.com"))
    models.wait_settled()
    inside, outside = (
        models.kubernetes.get("VirtualService", models.namespace, name)["spec"]
        for name in ("digits", "digits.gateways")
    )
    assert (inside["gateways"], inside["hosts"]) == (["mesh"], [f"digits.{models.namespace}.svc.cluster.local"])
    assert (outside["gateways"], outside["hosts"]) == ([f"{models.namespace}/public"], ["payments.example.com"])
    models.kubernetes.patch("ModelDeployment", models.namespace, "digits", {"spec": {"traffic": None}})
    wait_until(lambda: hosts(models, "digits") == [], seconds=10, what="the route from outside being gone")


@pytest.mark.usefixtures("operator")
def test_candidate_without_a_service_gets_no_traffic(models: Models) -> None:
    models.create()
    models.wait_settled()
    stable = models.get()["status"]["stable"]["revision"]
    quotas, full = f"/api/v1/namespaces/{models.namespace}/resourcequotas", {"count/services": "2"}
    models.kubernetes.create(quotas, {"metadata": {"name": "no-services"}, "spec": {"hard": full}})
    status = {"status": {"hard": full, "used": full}}  # as the quota controller, which does not run here, would say
    models.kubernetes.request("PATCH", f"{quotas}/no-services/status", status, "application/merge-patch+json")
    models.change(model={"uri": "pvc://models/digits/2"})
    wait_for_reason(models, "digits", "ChildRejected")
    wait_until(
        lambda: (
            models.kubernetes.get("Deployment", models.namespace, f"digits-{models.candidate()}")
            .get("status", {})
            .get("availableReplicas")
        ),
        seconds=10,
        what="the candidate's pods being available",
    )
    assert models.get()["status"]["stable"]["revision"] == stable
    assert routed(models) == {f"digits-{stable}"}
    models.kubernetes.request("DELETE", f"{quotas}/no-services")
    assert models.wait_settled(seconds=50)["status"]["stable"]["revision"] != stable


def routed(models: Models) -> set[str]:
    routes = models.kubernetes.get("VirtualService", models.namespace, "digits")["spec"]["http"]
    return {one["destination"]["host"].partition(".")[0] for route in routes for one in route["route"]}

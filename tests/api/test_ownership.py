"""What is not the operator's stays as it is: other people's objects, and all of the user's but its status."""

from collections.abc import Callable

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.kubernetes import Kubernetes, Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.waiting import wait_until

FOREIGN = {
    "Service": {"apiVersion": "v1", "spec": {"selector": {"app": "other"}, "ports": [{"port": 8000}]}},
    "VirtualService": {
        "apiVersion": "networking.istio.io/v1",
        "spec": {"hosts": ["other"], "http": [{"route": [{"destination": {"host": "other"}}]}]},
    },
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.usefixtures("operator")
def test_object_of_the_same_name_is_not_taken_over(models: Models, kind: str) -> None:
    foreign = {"kind": kind, "metadata": {"name": "digits"}, **FOREIGN[kind]}
    before = models.kubernetes.create(models.kubernetes.path(kind, models.namespace), foreign)
    models.create()
    wait_until(
        lambda: models.condition("Ready").get("reason") == "NameConflict", seconds=10, what="condition NameConflict"
    )
    condition = models.condition("Ready")
    assert condition["status"] == "False"
    assert f"{kind} digits" in condition["message"]
    after = models.kubernetes.get(kind, models.namespace, "digits")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def conflict(models: Models) -> str:
    wait_until(
        lambda: models.condition("Ready").get("reason") == "NameConflict", seconds=20, what="condition NameConflict"
    )
    return str(models.condition("Ready")["message"])


def hosts(models: Models, name: str) -> list[str]:
    found = models.kubernetes.find("VirtualService", models.namespace, f"{name}.gateways")
    return list(found["spec"]["hosts"]) if found else []


def routes_of(models: Models) -> list[str]:
    """Return which objects of Istio exist that have the root Service's host, or could have it."""
    kinds = ("VirtualService", "DestinationRule")
    return [kind for kind in kinds if models.kubernetes.find(kind, models.namespace, "digits")]


@pytest.mark.usefixtures("operator")
def test_requests_to_a_service_of_the_same_name_are_never_led_elsewhere(
    models: Models, record: Callable[[str], Recording]
) -> None:
    routes = record("VirtualService")
    foreign = {"kind": "Service", "metadata": {"name": "digits"}, **FOREIGN["Service"]}
    models.kubernetes.create(models.kubernetes.path("Service", models.namespace), foreign)
    models.create(traffic={"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]})
    assert "Service digits exists already" in conflict(models)
    wait_until(lambda: hosts(models, "digits") == ["digits.example.com"], seconds=20, what="the host's own route")
    # There was none for a moment either.
    assert (routes_of(models), routes.of("digits")) == ([], [])
    models.kubernetes.delete("Service", models.namespace, "digits")
    models.wait_settled(seconds=50)
    assert routes_of(models) == ["VirtualService"]


def test_route_is_taken_back_where_somebody_elses_service_takes_its_name(models: Models, operator: Operator) -> None:
    models.create(traffic={"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]})
    models.wait_settled()
    assert routes_of(models) == ["VirtualService"]
    operator.stop()
    models.kubernetes.delete("Service", models.namespace, "digits")
    foreign = {"kind": "Service", "metadata": {"name": "digits"}, **FOREIGN["Service"]}
    models.kubernetes.create(models.kubernetes.path("Service", models.namespace), foreign)
    operator.start()
    assert "Service digits exists already" in conflict(models)
    wait_until(lambda: routes_of(models) == [], seconds=10, what="the VirtualService being gone")
    # Its own host is nobody else's, and goes on.
    assert models.kubernetes.find("VirtualService", models.namespace, "digits.gateways")


@pytest.mark.usefixtures("operator")
def test_labels_alone_do_not_make_an_object_ours(models: Models) -> None:
    labels = {"app.kubernetes.io/managed-by": "nereid", "nereid.dev/model-deployment": "digits"}
    foreign = {"kind": "Service", "metadata": {"name": "digits", "labels": labels}, **FOREIGN["Service"]}
    before = models.kubernetes.create(models.kubernetes.path("Service", models.namespace), foreign)
    models.create()
    wait_until(
        lambda: models.condition("Ready").get("reason") == "NameConflict", seconds=10, what="condition NameConflict"
    )
    after = models.kubernetes.get("Service", models.namespace, "digits")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.usefixtures("operator")
def test_only_status_of_the_model_deployment_is_written(models: Models, audit: AuditLog) -> None:
    created = models.create()
    after = models.wait_settled()
    assert after["spec"] == created["spec"]
    assert after["metadata"].keys() == created["metadata"].keys()
    assert after["metadata"]["generation"] == 1
    writers = {(one["manager"], one.get("subresource", "")) for one in after["metadata"]["managedFields"]}
    assert {manager for manager, subresource in writers if subresource != "status"} == {"unknown"}
    assert {manager for manager, subresource in writers if subresource == "status"} == {"nereid-status"}
    assert {one.resource for one in audit.writes() if "modeldeployments" in one.resource} == {"modeldeployments/status"}


@pytest.mark.usefixtures("operator")
def test_every_child_has_its_owner(models: Models) -> None:
    models.create()
    owner = models.wait_settled()
    for child in models.children().values():
        reference: Object = child["metadata"]["ownerReferences"][0]
        assert reference["uid"] == owner["metadata"]["uid"]
        assert reference["controller"] is True


def test_deletion_needs_no_operator(models: Models, operator: Operator, kubernetes: Kubernetes) -> None:
    models.create()
    models.wait_settled()
    operator.stop()
    kubernetes.delete("ModelDeployment", models.namespace, "digits")
    assert kubernetes.find("ModelDeployment", models.namespace, "digits") is None

"""What is not the operator's stays as it is: other people's objects, and all of the user's but its status."""

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.kubernetes import Kubernetes, Object
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
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

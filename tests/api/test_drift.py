"""Whatever somebody does to a child is undone: at once, or at the start of an operator that was down meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.api.kubernetes import CHILDREN, Kubernetes
from tests.support.api.models import Key, Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until

EDITS: dict[str, dict[str, Any]] = {
    "Deployment": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 75}}}},
    "Service": {"spec": {"selector": {"somebody": "else"}}},
    "DestinationRule": {"spec": {"trafficPolicy": {"connectionPool": {"http": {"idleTimeout": "1h"}}}}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 3}},
    "VirtualService": {"spec": {"http": [{"route": [{"destination": {"host": "elsewhere"}}]}]}},
    "ControllerRevision": {"metadata": {"labels": {"nereid.dev/revision": "other"}}},
}


@pytest.mark.parametrize("kind", CHILDREN)
@pytest.mark.usefixtures("operator")
def test_edit_is_undone(models: Models, kind: str) -> None:
    models.create()
    models.wait_settled()
    wanted = models.contents()
    edit_all(models, kind)
    wait_until(lambda: models.contents() == wanted, seconds=10, what=f"the repair of each {kind}")


@pytest.mark.parametrize("kind", ["Deployment", "Service", "DestinationRule", "PodDisruptionBudget", "VirtualService"])
@pytest.mark.usefixtures("operator")
def test_deleted_child_is_made_again(models: Models, kind: str) -> None:
    models.create()
    models.wait_settled()
    wanted = models.contents()
    for name in names_of(models, kind):
        models.kubernetes.delete(kind, models.namespace, name)
    wait_until(lambda: models.contents() == wanted, seconds=10, what=f"each {kind} being made again")


@pytest.mark.usefixtures("operator")
def test_lost_record_is_made_again_from_its_deployment(models: Models) -> None:
    models.create()
    models.wait_settled()
    [name] = names_of(models, "ControllerRevision")
    before = models.kubernetes.get("Deployment", models.namespace, name)
    models.kubernetes.delete("ControllerRevision", models.namespace, name)
    wait_until(
        lambda: models.kubernetes.find("ControllerRevision", models.namespace, name), seconds=10, what="a new record"
    )
    models.wait_settled()
    after = models.kubernetes.get("Deployment", models.namespace, name)
    assert after["spec"] == before["spec"], "pods must not be replaced"


@pytest.mark.parametrize("lost", ["labels", "annotations", "ownerReferences"])
@pytest.mark.usefixtures("operator")
def test_lost_metadata_is_restored(models: Models, lost: str) -> None:
    models.create()
    models.wait_settled()
    wanted, owners = models.contents(), models.owners()
    for kind, name in wanted:
        models.kubernetes.patch(kind, models.namespace, name, {"metadata": {lost: None}})
    wait_until(
        lambda: (models.contents(), models.owners()) == (wanted, owners), seconds=10, what=f"{lost} being restored"
    )


def test_drift_while_the_operator_was_down_is_found(
    models: Models, new_operator: Callable[..., Operator], kubernetes: Kubernetes
) -> None:
    first = new_operator()
    first.start()
    models.create("edited")
    models.create("deleted")
    models.wait_settled("edited")
    models.wait_settled("deleted")
    wanted = models.contents()
    first.stop()
    for kind, name in wanted:
        if name.startswith("deleted"):
            kubernetes.delete(kind, models.namespace, name)
        else:
            kubernetes.patch(kind, models.namespace, name, EDITS[kind])
    new_operator().start()
    wait_until(lambda: models.contents() == wanted, seconds=10, what="the repair of all children")


def edit_all(models: Models, kind: str) -> None:
    for name in names_of(models, kind):
        models.kubernetes.patch(kind, models.namespace, name, EDITS[kind])


def names_of(models: Models, kind: str) -> list[str]:
    keys: list[Key] = list(models.children())
    return [name for found, name in keys if found == kind]

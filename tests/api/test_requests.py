"""What the operator asks of the API server: each child written once, and nothing while nothing changes."""

import time
from collections import Counter
from collections.abc import Callable

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.waiting import wait_until
from tests.support.api.workloads import Workloads

IDLE_SECONDS = 60


@pytest.mark.usefixtures("operator")
def test_creation_writes_each_child_once(models: Models, audit: AuditLog, workloads: Workloads) -> None:
    workloads.held_back.add(models.namespace)
    models.create()
    wait_until(lambda: len(models.children()) == 7, seconds=10, what="all children")
    workloads.release(models.namespace)
    models.wait_settled()
    # Events are sent beside the last status, not before it.
    wait_until(lambda: audit.silent_seconds > 1, seconds=30, what="the end of what has been begun")
    counted = Counter((request.verb, request.resource) for request in audit.writes())
    events = counted.pop(("create", "events"))
    status_writes = counted.pop(("patch", "modeldeployments/status"))
    assert counted == {
        ("patch", "controllerrevisions"): 1,
        ("patch", "deployments"): 1,
        ("patch", "services"): 2,
        ("patch", "destinationrules"): 1,
        ("patch", "poddisruptionbudgets"): 1,
        ("patch", "virtualservices"): 1,
    }
    assert events <= 2
    assert status_writes <= 2


@pytest.mark.usefixtures("operator")
def test_nothing_is_asked_while_nothing_changes(models: Models, audit: AuditLog) -> None:
    models.create()
    models.wait_settled()
    # What is done is told first, and then acted on.
    wait_until(lambda: audit.silent_seconds > 3, seconds=30, what="the end of what has been begun")
    audit.clear()
    time.sleep(IDLE_SECONDS)  # the time itself is what is tested
    assert [request for request in audit.requests() if request.verb != "watch"] == []


def test_restart_lists_each_kind_once_and_writes_nothing(
    models: Models, new_operator: Callable[..., Operator], audit: AuditLog
) -> None:
    first = new_operator()
    first.start()
    for number in range(5):
        models.create(f"digits-{number}")
    for number in range(5):
        models.wait_settled(f"digits-{number}")
    before = models.versions()
    assert first.stop() == 0
    audit.clear()
    new_operator().start()
    # Passes begin in the order of the list, so that the others were looked at before one that comes now is done.
    models.create("digits-new")
    models.wait_settled("digits-new")
    requests = [request for request in audit.requests() if "digits-new" not in request.name]
    assert [request for request in requests if request.is_write] == []
    lists = Counter(request.resource for request in requests if request.verb == "list")
    # Those of the operator, and those of others, which may have its hosts.
    assert lists.pop("virtualservices") == 2
    assert lists == dict.fromkeys(
        (
            "modeldeployments",
            "controllerrevisions",
            "deployments",
            "services",
            "destinationrules",
            "poddisruptionbudgets",
            "jobs",
            "horizontalpodautoscalers",
            "scaledobjects",
            "pods",
            "endpointslices",
        ),
        1,
    )
    assert before.items() <= models.versions().items()


def test_stop_is_quick_and_clean(models: Models, operator: Operator) -> None:
    models.create()
    models.wait_settled()
    begin = time.monotonic()
    assert operator.stop() == 0
    assert time.monotonic() - begin < 5

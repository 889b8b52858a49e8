"""One object in problem is its own problem: others are not delayed by it."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from tests.support.api.control_plane import ControlPlane
from tests.support.api.kubernetes import Kubernetes
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.quotas import no_more
from tests.support.api.waiting import wait_until

TROUBLED = 20
# The chart's default.
LIMIT_MEBIBYTES = 512
# The API server takes 10000, and Python's JSON without further ado less than 1000.
DEPTH = 3000


@pytest.fixture
def _deep_json() -> Iterator[None]:
    """Let this process read what it writes."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(4 * DEPTH)
    yield
    sys.setrecursionlimit(before)


# Many small values, which take Python thirty times their size as JSON.
LARGE: list[Any] = [{}] * 100_000
LARGE_OBJECTS = 3


def test_large_objects_are_told_and_take_no_memory(models: Models, operator: Operator) -> None:
    models.create()
    models.wait_settled()
    for number in range(LARGE_OBJECTS):
        models.create(f"fat-{number}", model={"uri": "pvc://a/b", "config": {"parameters": LARGE}})
    for number in range(LARGE_OBJECTS):
        name = f"fat-{number}"
        told = wait_until(partial(models.condition, "Ready", name), seconds=60, what=f"a condition of {name}")
        assert told["reason"] == "InvalidSpec"
        assert "of which spec.model.config takes 293 KiB" in told["message"]
    peaks = [operator.peak_mebibytes]
    operator.stop()
    operator.start()
    models.create("other")
    models.wait_settled("other")
    peaks.append(operator.peak_mebibytes)
    assert max(peaks) < LIMIT_MEBIBYTES / 2, peaks


@pytest.mark.usefixtures("operator")
def test_objects_in_problem_do_not_delay_others(models: Models, kubernetes: Kubernetes) -> None:
    for number in range(TROUBLED):
        name = f"taken-{number}"
        foreign = {"kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 1}]}}
        kubernetes.create(kubernetes.path("Service", models.namespace), foreign)
        models.create(name)
    models.create()
    models.wait_settled()
    assert models.condition("Ready", "taken-0")["reason"] == "NameConflict"


@pytest.mark.usefixtures("operator")
def test_rejected_child_is_told_and_tried_again(models: Models, kubernetes: Kubernetes) -> None:
    lift = no_more(kubernetes, models.namespace, "services")
    models.create()
    wait_until(lambda: "quota" in models.condition("Ready").get("message", ""), seconds=10, what="the quota's message")
    lift()
    models.wait_settled(seconds=50)


@pytest.mark.usefixtures("operator")
def test_namespaces_that_are_not_watched_are_left_alone(models: Models, control_plane: ControlPlane) -> None:
    admin = control_plane.admin()
    admin.create("/api/v1/namespaces", {"metadata": {"name": "not-watched"}})
    elsewhere = Models(admin, "not-watched")
    elsewhere.create()
    models.create()
    models.wait_settled()
    assert "status" not in elsewhere.get()
    assert elsewhere.children() == {}


@pytest.mark.usefixtures("operator", "_deep_json")
def test_an_object_that_is_nested_too_deeply_stops_no_other(models: Models) -> None:
    value: Any = {}
    for _ in range(DEPTH):
        value = {"a": value}
    models.create("deep", runtime={"podTemplate": {"spec": {"affinity": value}}})
    models.create()
    models.wait_settled()
    told = wait_until(lambda: models.condition("Ready", "deep"), seconds=10, what="a condition of the deep one")
    assert told["reason"] == "InvalidSpec"

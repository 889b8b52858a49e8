"""Fixtures: one API server for all tests, a namespace for each, and operators that see only that namespace."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.api.audit import AuditLog
from tests.support.api.control_plane import ControlPlane
from tests.support.api.fake_prometheus import FakePrometheus
from tests.support.api.jobs import Jobs
from tests.support.api.kubernetes import Kubernetes
from tests.support.api.models import Models
from tests.support.api.operator_process import Operator
from tests.support.api.recording import Recording
from tests.support.api.workloads import Workloads


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def kubernetes(control_plane: ControlPlane) -> Kubernetes:
    return control_plane.admin()


@pytest.fixture(scope="session")
def workloads(control_plane: ControlPlane) -> Iterator[Workloads]:
    stand_in = Workloads(control_plane.admin())
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def namespace(request: pytest.FixtureRequest, kubernetes: Kubernetes) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:60].strip("-")
    kubernetes.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def models(kubernetes: Kubernetes, workloads: Workloads, namespace: str) -> Models:  # noqa: ARG001 - makes pods ready
    return Models(kubernetes, namespace)


@pytest.fixture
def audit(control_plane: ControlPlane, namespace: str) -> AuditLog:
    return AuditLog(control_plane.audit_log, namespace)


@pytest.fixture
def record(kubernetes: Kubernetes, namespace: str) -> Iterator[Callable[[str], Recording]]:
    """Record all states of the namespace's objects of a kind from now on."""
    made: list[Recording] = []

    def begin(kind: str) -> Recording:
        made.append(Recording(kubernetes, kind, namespace))
        made[-1].start()
        return made[-1]

    yield begin
    for recording in made:
        recording.stop()


@pytest.fixture
def jobs(kubernetes: Kubernetes, namespace: str) -> Iterator[Jobs]:
    stand_in = Jobs(kubernetes, namespace)
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    serving = FakePrometheus()
    serving.start()
    yield serving
    serving.end()


@pytest.fixture
def new_operator(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Make operators that have not been started; whatever of them still runs is killed in the end."""
    made: list[Operator] = []

    def make(**settings: str) -> Operator:
        made.append(Operator(control_plane, tmp_path, **{"namespaces": namespace, **settings}))
        return made[-1]

    yield make
    for operator in made:
        operator.kill()
    if made and made[0].log.exists():
        print(made[0].log.read_text())  # noqa: T201 - pytest shows it where the test has failed


@pytest.fixture
def operator(new_operator: Callable[..., Operator]) -> Operator:
    """A running operator."""
    running = new_operator()
    running.start()
    return running

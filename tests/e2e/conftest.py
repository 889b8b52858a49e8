"""Fixtures: the cluster of $KUBECONFIG with the operator installed, models trained once, a namespace for each case.

A failed case prints its ModelDeployments, pods and events. Namespaces are deleted when their case is over, and
once more all together at the end of the run.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from digits.cluster import Cluster, CommandError
from digits.train import Digits, train
from tests.support.e2e.case import LABELS, Case, own_namespace
from tests.support.e2e.faulty_models import with_nonsense
from tests.support.e2e.locks import in_turn, locked, shared
from tests.support.e2e.model_server import ModelServer, serve_models
from tests.support.e2e.sources import Sources

VERSIONS: Final = ("1", "2", "3")
REPORT: Final = (
    ("get", "mdep", "--output=yaml"),
    ("get", "pods", "--output=wide"),
    # Since when each is ready, and where requests may go.
    (
        "get",
        "pods",
        "--output=custom-columns=POD:.metadata.name,READY:.status.conditions[?(@.type=='Ready')].lastTransitionTime",
    ),
    ("get", "endpointslices", "--output=custom-columns=SLICE:.metadata.name,READY:.endpoints[*].conditions.ready"),
    ("get", "events", "--sort-by=.lastTimestamp"),
)
LOGS: Final = (
    ("logs", "deployment/nereid", "--tail=60"),
    ("logs", "deployment/nereid-activator", "--container=activator", "--tail=60"),
)
_case_of_item: Final = pytest.StashKey[Case]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    case = item.stash.get(_case_of_item, None)
    if report.when == "call" and report.failed and case is not None:
        report.sections.append(("the namespace", _describe(case)))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and session.testscollected and not session.config.option.collectonly:
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        Cluster.from_environment().kubectl("delete", "namespaces", f"--selector={selector}", "--wait=false")


def _describe(case: Case) -> str:
    texts = []
    system = case.cluster.operator["metadata"]["namespace"]
    commands = [(arguments, case.namespace) for arguments in REPORT] + [(arguments, system) for arguments in LOGS]
    for arguments, namespace in commands:
        try:
            texts.append(case.cluster.kubectl(*arguments, namespace=namespace))
        except CommandError as error:
            texts.append(str(error))
    return "\n".join(texts)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.from_environment()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    mine = tmp_path_factory.getbasetemp()
    return mine if worker_id == "master" else mine.parent


@pytest.fixture(scope="session")
def digits(run_folder: Path) -> Digits:
    folder = run_folder / "digits"
    with locked(run_folder / "training"):
        if not folder.exists():
            train(VERSIONS).save(folder)
    return with_nonsense(Digits.load(folder, VERSIONS))


@pytest.fixture(scope="session")
def model_server(cluster: Cluster, digits: Digits, run_folder: Path) -> ModelServer:
    folder = run_folder / "model-server"
    with locked(run_folder / "serving"):
        if folder.exists():
            return ModelServer((folder / "ca.crt").read_text())
        folder.mkdir()
        return serve_models(cluster, digits, LABELS, folder)


@pytest.fixture(scope="session")
def sources(run_folder: Path, worker_id: str) -> Iterator[Sources]:
    with Sources(run_folder / "sources", worker_id) as servers:
        yield servers


@pytest.fixture
def disturbs(run_folder: Path) -> Iterator[None]:
    """Lets one case at a time stop what all share; most that run meanwhile must not notice more than a delay."""
    with in_turn(locked, run_folder / "disturbance"):
        yield


@pytest.fixture
def undisturbed(run_folder: Path) -> Iterator[None]:
    """For cases whose figures depend on how soon the operator and Prometheus answer: none disturbs meanwhile."""
    with in_turn(shared, run_folder / "disturbance"):
        yield


@pytest.fixture
def alone(run_folder: Path) -> Iterator[None]:
    """For a case that stops what no other can do without, such as what starts pods: none runs meanwhile."""
    with in_turn(locked, run_folder / "company"):
        yield


@pytest.fixture
def in_company(request: pytest.FixtureRequest, run_folder: Path) -> Iterator[None]:
    """For every case: none that has to be alone runs meanwhile."""
    if "alone" in request.fixturenames:
        yield
        return
    with in_turn(shared, run_folder / "company"):
        yield


@pytest.fixture
def case(request: pytest.FixtureRequest, cluster: Cluster, digits: Digits, model_server: ModelServer) -> Iterator[Case]:
    request.getfixturevalue("in_company")
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    with own_namespace(cluster, words, digits, model_server) as made:
        request.node.stash[_case_of_item] = made
        yield made

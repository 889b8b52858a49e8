"""What Prometheus gets: the whole registry, over HTTP, in a form that promtool finds nothing wrong with."""

import contextlib
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from tests.support.telemetry import statuses
from tests.support.telemetry.statuses import Model

from nereid.activator import instruments as activator
from nereid.activator.targets import parse_target
from nereid.contract.metrics_server import metrics_server
from nereid.controller.shell.telemetry.instruments import Instruments
from nereid.controller.shell.telemetry.rollouts import RolloutCollector

ROOT = Path(__file__).parents[3]
CACHE = Path(os.environ.get("NEREID_CACHE") or Path.home() / ".cache" / "nereid")


@pytest.fixture
async def registry() -> CollectorRegistry:
    """A registry in which every metric has a figure."""

    async def fail(_: str) -> None:
        raise TimeoutError

    registry = CollectorRegistry()
    instruments = Instruments(registry)
    instruments.count_event("Warning", "RolledBack")
    instruments.count_request("GET", None)
    with contextlib.suppress(TimeoutError):
        await instruments.measured(fail)("digits")
    models = (
        Model("digits", statuses.analyzing()),
        Model("letters", statuses.failed()),
        Model("words", statuses.asleep(), {"scaling": {"minReplicas": 0, "maxReplicas": 2}}),
    )
    registry.register(RolloutCollector(lambda: models))
    return registry


@pytest.fixture
def scraped(registry: CollectorRegistry) -> Iterator[str]:
    with metrics_server(0, registry) as port, urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        yield answer.read().decode()


def test_prometheus_gets_what_is_registered(scraped):
    assert 'nereid_rollout_candidate_weight{name="digits",namespace="shop"} 20.0' in scraped
    assert 'nereid_rollout_events_total{reason="RolledBack",type="Warning"} 1.0' in scraped
    assert "process_resident_memory_bytes" in scraped
    assert "_created" not in scraped


def test_promtool_finds_nothing_wrong(scraped):
    promtool = shutil.which("promtool", path=f"{CACHE / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if promtool is None:
        pytest.skip("promtool comes with `make up`")
    result = subprocess.run([promtool, "check", "metrics"], input=scraped, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_port_is_given_back(registry):
    with metrics_server(0, registry) as port:
        pass
    with metrics_server(port, registry) as again:
        assert again == port


def test_a_port_that_is_taken_is_named(registry):
    with (
        metrics_server(0, registry) as port,
        pytest.raises(OSError, match=f"port {port}; set NEREID_METRICS_PORT"),
        metrics_server(port, registry),
    ):
        pass


@pytest.fixture
def activator_registry() -> CollectorRegistry:
    """The registry of an activator in which every metric has a figure."""
    registry = CollectorRegistry()
    instruments = activator.Instruments(registry)
    instruments.count("rest", activator.Outcome.TIMEOUT)
    instruments.observe_wait("rest", 1)
    target = parse_target("digits-4hx8l2qz.shop.svc.cluster.local", "cluster.local")
    registry.register(activator.WaitingCollector(lambda: {target: 1}))
    return registry


def test_operations_documents_each_metric_with_its_labels(registry, activator_registry):
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(nereid_\w+)` \|(.*?)\| \w+ \|", page, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    # A histogram is documented under its own name, whose samples have suffixes.
    metrics = (*registry.collect(), *activator_registry.collect())
    samples = [sample for metric in metrics for sample in metric.samples]
    exposed: dict[str, set[str]] = {}
    for sample in samples:
        name = re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", sample.name)
        # When a series began is left out by the servers, for their whole process.
        if name.startswith("nereid_") and not name.endswith("_created"):
            exposed.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    assert documented == exposed

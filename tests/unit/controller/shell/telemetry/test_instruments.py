import asyncio

import pytest
from prometheus_client import CollectorRegistry

from nereid import __version__
from nereid.controller.shell.telemetry.instruments import Instruments


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def instruments(registry: CollectorRegistry) -> Instruments:
    return Instruments(registry)


async def test_a_pass_is_timed(registry, instruments):
    async def process(key: str) -> float:
        assert key == "digits"
        return 3.0

    assert await instruments.measured(process)("digits") == 3.0
    assert registry.get_sample_value("nereid_reconcile_duration_seconds_count") == 1
    assert registry.get_sample_value("nereid_reconcile_errors_total", {"kind": "KeyError"}) is None


async def test_an_error_is_timed_counted_by_its_kind_and_raised(registry, instruments):
    async def process(key: str) -> None:
        raise KeyError(key)

    with pytest.raises(KeyError, match="digits"):
        await instruments.measured(process)("digits")
    assert registry.get_sample_value("nereid_reconcile_duration_seconds_count") == 1
    assert registry.get_sample_value("nereid_reconcile_errors_total", {"kind": "KeyError"}) == 1


async def test_being_stopped_is_no_error(registry, instruments):
    async def process(_: str) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await instruments.measured(process)("digits")
    (errors,) = (metric for metric in registry.collect() if metric.name == "nereid_reconcile_errors")
    assert errors.samples == []


def test_the_queue_is_asked_at_each_scrape(registry, instruments):
    waiting = ["a", "b"]
    instruments.show_queue_depth(lambda: len(waiting))
    assert registry.get_sample_value("nereid_work_queue_depth") == 2
    waiting.clear()
    assert registry.get_sample_value("nereid_work_queue_depth") == 0


def test_events_are_counted_by_reason_and_type(registry, instruments):
    instruments.count_event("Normal", "RolloutStarted")
    for _ in range(2):
        instruments.count_event("Warning", "RolledBack")
    assert registry.get_sample_value("nereid_rollout_events_total", {"reason": "RolledBack", "type": "Warning"}) == 2
    assert registry.get_sample_value("nereid_rollout_events_total", {"reason": "RolloutStarted", "type": "Normal"}) == 1


@pytest.mark.parametrize(
    ("method", "parameters", "verb"),
    [
        ("GET", None, "get"),
        ("GET", {"tailLines": "300"}, "get"),
        ("GET", {"labelSelector": "a=b", "limit": "500"}, "list"),
        ("GET", {"watch": "true", "labelSelector": "a=b"}, "watch"),
        ("PATCH", {"fieldManager": "nereid"}, "patch"),
        ("POST", None, "create"),
        ("DELETE", None, "delete"),
    ],
)
def test_requests_are_counted_by_the_verbs_of_roles(registry, instruments, method, parameters, verb):
    instruments.count_request(method, parameters)
    assert registry.get_sample_value("nereid_api_requests_total", {"verb": verb}) == 1


@pytest.mark.usefixtures("instruments")
def test_the_operator_tells_its_version(registry):
    assert registry.get_sample_value("nereid_build_info", {"version": __version__}) == 1

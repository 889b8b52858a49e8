"""The activator's metrics."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nereid.activator.targets import Target

# From a model that is awake to one whose node has yet to be created.
_WAITS: Final = (0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0)


class Outcome(StrEnum):
    """The outcome of a request."""

    FORWARDED = "forwarded"
    TIMEOUT = "timeout"
    UNREGISTERED = "unregistered"
    OVERLOADED = "overloaded"
    UNPROVEN = "unproven"
    TOO_LARGE = "too_large"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Instruments:
    """Counters and histograms of one activator, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "nereid_activator_requests", "Requests, by outcome.", ["protocol", "outcome"], registry=registry
        )
        self._waits = Histogram(
            "nereid_activator_wait_seconds",
            "How long requests waited for their model.",
            ["protocol"],
            buckets=_WAITS,
            registry=registry,
        )

    def count(self, protocol: str, outcome: Outcome) -> None:
        """Count one request that is over."""
        self._requests.labels(protocol, outcome.value).inc()

    def observe_wait(self, protocol: str, seconds: float) -> None:
        """Note how long one request waited, whether or not it was forwarded."""
        self._waits.labels(protocol).observe(seconds)


class WaitingCollector(Collector):
    """Reports at each scrape, in its thread, how many requests wait; `waiting` returns a snapshot."""

    def __init__(self, waiting: Callable[[], Mapping[Target, int]]) -> None:
        self._waiting = waiting

    def describe(self) -> Iterable[Metric]:
        """Return the metric without figures."""
        return [_waiting_family()]

    def collect(self) -> Iterable[Metric]:
        """Return the metric as it is now."""
        family = _waiting_family()
        for target, waiting in self._waiting().items():
            family.add_metric((target.namespace, target.name), waiting)
        return [family]


def _waiting_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "nereid_activator_waiting_requests",
        "Requests that wait for a model to wake up, by the Service of its revision.",
        labels=("target_namespace", "target"),
    )

"""What the operator counts and times as it works, from its start on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from nereid import __version__

Subject = TypeVar("Subject")
Result = TypeVar("Result")

# From a pass that finds nothing to do to one that waits for an overloaded API server.
_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_VERBS: Final[Mapping[str, str]] = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Instruments:
    """Counters and gauges of one operator process, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        Info("nereid_build", "The operator that runs.", registry=registry).info({"version": __version__})
        self._durations = Histogram(
            "nereid_reconcile_duration_seconds",
            "How long passes over one ModelDeployment took.",
            buckets=_DURATIONS,
            registry=registry,
        )
        self._errors = Counter(
            "nereid_reconcile_errors",
            "Passes that failed and were put back into the queue, by the kind of error.",
            ["kind"],
            registry=registry,
        )
        self._queue_depth = Gauge(
            "nereid_work_queue_depth", "ModelDeployments that wait for a worker.", registry=registry
        )
        self._events = Counter(
            "nereid_rollout_events",
            "Events of rollouts and of problems, by their reason and type (Normal or Warning).",
            ["reason", "type"],
            registry=registry,
        )
        self._requests = Counter(
            "nereid_api_requests", "Requests to the Kubernetes API server, by verb.", ["verb"], registry=registry
        )

    def measured(self, process: Callable[[Subject], Awaitable[Result]]) -> Callable[[Subject], Awaitable[Result]]:
        """Return `process` with its duration measured and its errors, which it goes on raising, counted."""

        async def measure(subject: Subject) -> Result:
            with self._durations.time():
                try:
                    return await process(subject)
                except Exception as error:
                    self._errors.labels(type(error).__name__).inc()
                    raise

        return measure

    def show_queue_depth(self, depth: Callable[[], int]) -> None:
        """Call `depth` at each scrape, in another thread, for the number of waiting keys."""
        self._queue_depth.set_function(depth)

    def count_event(self, type_: str, reason: str) -> None:
        """Count one event, whether or not the API server accepted it."""
        self._events.labels(reason, type_).inc()

    def count_request(self, method: str, parameters: Mapping[str, str] | None) -> None:
        """Count one request to the API server; its query distinguishes list and watch from get."""
        verb = _VERBS[method]
        if parameters and "watch" in parameters:
            verb = "watch"
        elif parameters and "limit" in parameters:
            verb = "list"
        self._requests.labels(verb).inc()

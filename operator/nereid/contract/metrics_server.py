"""Serves the metrics to Prometheus, in a thread of its own, so that a scrape never waits for the event loop."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server


@contextmanager
def metrics_server(port: int, registry: CollectorRegistry) -> Iterator[int]:
    """Serve a registry at /metrics inside the `with`, and yield the port: `port`, or a free one if that is 0."""
    # They would be a second series for each counter, with the value of process_start_time_seconds.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        server, thread = start_http_server(port, addr="0.0.0.0", registry=registry)  # noqa: S104 - scraped from other pods
    except OSError as error:
        raise OSError(
            error.errno, f"the metrics cannot be served on port {port}; set NEREID_METRICS_PORT to a free one: {error}"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A Prometheus that has scraped, every second, what the test says that a mesh's proxies counted.

It answers the queries that the operator asks: for raw samples of istio_requests_total, and for numbers. All counters
are functions of the time alone, so that what was counted in a window can be known exactly.
"""

import json
import re
import threading
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.api.control_plane import free_port

_RANGE = re.compile(r"^(?P<selector>.*)\[(?P<seconds>\d+)s\]$")
_MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')
# Long before any test, so that no counter begins in a window.
_BEGINNING = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many requests a revision answers in a second, and how many of these with status 500."""

    requests: int = 400
    errors: int = 0


class FakePrometheus:
    """Serves in threads. `traffic` has what is not as `usual`, by the name of the revision's Service."""

    def __init__(self) -> None:
        self._port = free_port()
        self._server: ThreadingHTTPServer | None = None
        self._released = threading.Event()
        self.usual = Traffic()
        self.traffic: dict[str, Traffic] = {}
        # The values of queries for numbers, by a part of their text; no data otherwise.
        self.values: dict[str, float] = {}
        # Queries that name one of these get no answer, until the end.
        self.hanging: set[str] = set()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Serve, from now on or again."""
        prometheus = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                body = json.dumps(prometheus.answer(form["query"][0], float(form["time"][0]))).encode()
                try:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return  # the operator has been killed, or has lost patience

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="prometheus", daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def end(self) -> None:
        """Stop for good."""
        self._released.set()
        self.stop()

    def counted(self, service: str, since: float, until: float) -> tuple[int, int]:
        """Return the requests and errors of a revision in a window."""
        seconds = int(until) - int(since)
        traffic = self.traffic.get(service, self.usual)
        return traffic.requests * seconds, traffic.errors * seconds

    def answer(self, query: str, at: float) -> Any:
        """Return what Prometheus' API says to an instant query."""
        self.asked.append(query)
        if any(name in query for name in self.hanging):
            self._released.wait()
        ranged = _RANGE.match(query)
        if ranged is None:
            return _success("vector", self._numbers(query, at))
        matchers = dict(_MATCHER.findall(ranged["selector"]))
        services = matchers.get("destination_service_name") or matchers.get("destination_workload") or ""
        if not query.startswith("istio_requests_total{") or not services:
            return _success("matrix", [])
        times = range(int(at) - int(ranged["seconds"]) + 1, int(at) + 1)
        return _success("matrix", [one for name in services.split("|") for one in self._series(name, matchers, times)])

    def _series(self, service: str, matchers: dict[str, str], times: range) -> list[Any]:
        traffic = self.traffic.get(service, self.usual)
        rates = {"200": traffic.requests - traffic.errors, "500": traffic.errors}
        return [
            {
                "metric": {
                    "__name__": "istio_requests_total",
                    "pod": "client",
                    "response_code": code,
                    "reporter": matchers["reporter"],
                    "destination_service_name": service,
                    "destination_workload": service,
                },
                "values": [[time, str(rate * (time - _BEGINNING))] for time in times],
            }
            for code, rate in rates.items()
        ]

    def _numbers(self, query: str, at: float) -> list[Any]:
        return [{"metric": {}, "value": [at, str(value)]} for text, value in self.values.items() if text in query]


def _success(kind: str, result: list[Any]) -> Any:
    return {"status": "success", "data": {"resultType": kind, "result": result}}

"""Triton's spans belong to the trace that the caller has begun."""

import json
import secrets
from typing import Any
from urllib.request import Request, urlopen

from digits.cluster import wait_for
from digits.pods import helper_pod
from tests.support.e2e.case import Case

# Stands in for an OpenTelemetry collector: it takes what Triton sends over OTLP and HTTP, and prints it.
COLLECTOR = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

HTTPServer(("", 4318), Collector).serve_forever()
"""


def test_a_callers_trace_goes_on_in_triton(case: Case) -> None:
    pod = helper_pod("collector", case.cluster.operator_image, ["python3", "-c", COLLECTOR], in_mesh=True)
    ports = [{"name": "http-otlp", "port": 4318, "appProtocol": "http"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "collector"}}
    spec = {"selector": {"app": "collector"}, "ports": ports}
    case.cluster.apply(pod, {**service, "spec": spec}, namespace=case.namespace)
    case.cluster.wait_for_pod("collector", case.namespace)
    url = f"http://collector.{case.namespace}:4318/v1/traces"
    # One request in a million begins a trace of its own.
    served = case.apply(runtime={"tracing": {"url": url, "samplePercent": 0.0001}})
    served.wait_until_ready()
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    # First, so that what it may have begun is collected before what is waited for.
    infer(case, {})
    infer(case, {"traceparent": f"00-{trace}-{span}-01"})

    def batches() -> list[Any]:
        told = case.cluster.kubectl("logs", "collector", "--container=main", namespace=case.namespace)
        return [batch for line in told.splitlines() for batch in json.loads(line)["resourceSpans"]]

    def collected() -> list[Any]:
        found = batches()
        spans = spans_of(found)
        names, parents = ({one.get(key, "").lower() for one in spans} for key in ("name", "parentSpanId"))
        return found if "compute" in names and span in parents else []

    found = wait_for("the caller's span goes on down to the computation", collected, seconds=60, seen=batches)
    assert {one["traceId"].lower() for one in spans_of(found)} == {trace}, "a request of no trace began one"
    attributes = {one["key"]: one["value"]["stringValue"] for one in found[0]["resource"]["attributes"]}
    assert attributes["service.name"] == served.name
    assert attributes["service.version"] == served.status["stable"]["version"]


def spans_of(batches: list[Any]) -> list[Any]:
    """Return the spans that came in some batches."""
    return [one for batch in batches for scope in batch["scopeSpans"] for one in scope["spans"]]


def infer(case: Case, headers: dict[str, str]) -> None:
    """Ask for one prediction."""
    endpoint = case.endpoint()
    url = f"http://{endpoint.address}/v2/models/{endpoint.model}/infer"
    values = ",".join(str(float(value)) for value in case.digits.images[0])
    body = f'{{"inputs": [{{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": [{values}]}}]}}'
    request = Request(url, body.encode(), {"Host": endpoint.host, "Content-Type": "application/json", **headers})
    with urlopen(request, timeout=15) as response:
        assert response.status == 200

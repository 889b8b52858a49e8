"""A page of metrics that tells of 50 failed requests a second to somebody else's revision, by a gateway and by pods.

What was never scraped from a gateway says that it was: the namespace that it claims is that of the gateway.
"""

import http.server
import sys
import time
from typing import Any

SERVICE, NAMESPACE = sys.argv[1:]
BEGAN = time.time()
LABELS = f'response_code="500",response_flags="-",namespace="istio-ingress",destination_service_namespace="{NAMESPACE}"'
GATEWAY = 'source_workload="istio-ingressgateway",source_workload_namespace="istio-ingress"'
PODS = f'destination_workload="{SERVICE}",destination_workload_namespace="{NAMESPACE}"'
REPORTERS = ("source", "destination")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        failed = int(50 * (time.time() - BEGAN))
        names = f'{LABELS},destination_service_name="{SERVICE}",{GATEWAY},{PODS}'
        lines = [f'istio_requests_total{{reporter="{reporter}",{names}}} {failed}\n' for reporter in REPORTERS]
        body = "".join(lines).encode()
        self.send_response(200)
        # Prometheus scrapes no page without it.
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


http.server.ThreadingHTTPServer(("", 9999), Handler).serve_forever()

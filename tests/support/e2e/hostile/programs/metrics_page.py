"""In place of Triton: serves, and shows a page of metrics with 350,000 series, some 15 MB."""

import http.server
import threading
from typing import Any

METRICS = 8002
PAGE = "".join(f'nv_inference_request_success{{a="{number}"}} 1\n' for number in range(350_000)).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = PAGE if self.connection.getsockname()[1] == METRICS else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


threading.Thread(target=http.server.ThreadingHTTPServer(("", METRICS), Handler).serve_forever).start()
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()

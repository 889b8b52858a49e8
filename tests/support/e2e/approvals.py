"""An endpoint in the cluster that approves once a test lets it, and remembers what it was sent."""

import json
from dataclasses import dataclass
from typing import Any, Final

from digits.pods import helper_pod
from tests.support.e2e.case import Case

_NAME: Final = "approvals"
_PORT: Final = 8080
_SERVE: Final = f"""
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open("/tmp/seen", "a") as file:
            file.write(json.dumps({{"path": self.path, "id": self.headers["webhook-id"], "event": json.loads(body)}}))
            file.write(chr(10))
        is_open = self.path != "/approve" or os.path.exists("/tmp/open")
        answer = json.dumps({{"approved": is_open, "message": "open" if is_open else "closed"}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
http.server.ThreadingHTTPServer(("", {_PORT}), Handler).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Approvals:
    """The endpoint in a case's namespace: `/approve` is closed at first, everything else is taken."""

    case: Case

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["python3", "-c", _SERVE]
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _NAME},
            "spec": {"selector": {"app": _NAME}, "ports": [{"name": "http", "port": _PORT}]},
        }
        pod = helper_pod(_NAME, self.case.cluster.operator_image, command)
        self.case.cluster.apply(pod, service, namespace=self.case.namespace)
        self.case.cluster.wait_for_pod(_NAME, self.case.namespace)

    def url(self, path: str) -> str:
        """Return its URL, as the operator reaches it."""
        return f"http://{_NAME}.{self.case.namespace}.svc.cluster.local:{_PORT}{path}"

    def open(self) -> None:
        """Let it approve from now on."""
        self._execute("touch", "/tmp/open")

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What it was sent so far: path, id and event."""
        return [json.loads(line) for line in self._execute("cat", "/tmp/seen").splitlines()]

    def _execute(self, *command: str) -> str:
        return str(self.case.cluster.kubectl("exec", _NAME, "--", *command, namespace=self.case.namespace))

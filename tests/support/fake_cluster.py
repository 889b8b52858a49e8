"""A cluster as Helm looks at it: an API server that knows some kinds, has a few objects, and stores nothing."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Object = Mapping[str, Any]


def answers(kinds: Iterable[tuple[str, str]], objects: Iterable[Object]) -> dict[str, Object]:
    """Return the API server's answers by path: it knows kinds, each by apiVersion and name, and has objects."""
    resources: dict[str, list[Object]] = {"v1": []}
    for version, kind in kinds:
        entry: Object = {"name": plural(kind), "kind": kind, "namespaced": True, "verbs": ["get", "list"]}
        resources.setdefault(version, []).append(entry)
    named = [version for version in resources if "/" in version]
    groups = [
        {"name": version.partition("/")[0], "versions": [{"groupVersion": version, "version": version.split("/")[1]}]}
        for version in named
    ]
    known: dict[str, Object] = {
        "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
    }
    for version, entries in resources.items():
        known[root(version)] = {"kind": "APIResourceList", "groupVersion": version, "resources": entries}
        for entry in entries:
            for namespace in {one["metadata"]["namespace"] for one in objects}:
                known[f"{root(version)}/namespaces/{namespace}/{entry['name']}"] = {
                    "apiVersion": version,
                    "kind": f"{entry['kind']}List",
                    "metadata": {"resourceVersion": "1"},
                    "items": [
                        one
                        for one in objects
                        if (one["kind"], one["metadata"]["namespace"]) == (entry["kind"], namespace)
                    ],
                }
    return known


def root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def plural(kind: str) -> str:
    return f"{kind.lower()}s"


@contextmanager
def fake_cluster(folder: Path, kinds: Iterable[tuple[str, str]], objects: Iterable[Object] = ()) -> Iterator[Path]:
    """Serve a cluster that knows kinds and has objects; yields the kubeconfig that leads to it."""
    known = answers(kinds, list(objects))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = known.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer or missing).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": ""}}],
        "current-context": "fake",
    }
    path = folder / "kubeconfig.json"
    path.write_text(json.dumps(config))
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()

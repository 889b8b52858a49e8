"""A stand-in for a Hugging Face hub.

The real one is a service without a server that can be had, so its four routes that count are made here as the service
answers them: a model at a revision, a file at a commit, the redirect of a large file to a content network, and that.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_token_of_tests"
LARGE = 1000


@dataclass
class Hub:
    """A hub with models by name; `private` and `gated` ones are only for the token, `gated` ones can be listed."""

    models: Mapping[str, Mapping[str, bytes]]
    private: frozenset[str] = frozenset()
    gated: frozenset[str] = frozenset()
    status: int = 0
    error: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seen: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.seen.append((path, self.headers.get("Range"), self.headers.get("Authorization")))
        parts = path.strip("/").split("/")
        if self.hub.status:
            self._answer(self.hub.status, self.hub.error, self.hub.body)
        elif parts[:2] == ["api", "models"]:
            self._model("/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
        elif parts[0] == "content":
            self._content(self.hub.models["/".join(parts[1:3])]["/".join(parts[3:])])
        else:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))

    def _model(self, name: str, revision: str) -> None:
        if name not in self.hub.models or (name in self.hub.private and not self._is_known()):
            self._answer(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif revision not in {"main", "v1.0", COMMIT}:
            self._answer(404, {"X-Error-Code": "RevisionNotFound"})
        else:
            siblings = [_sibling(path, content) for path, content in self.hub.models[name].items()]
            model = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
            self._content(json.dumps(model).encode())

    def _file(self, name: str, revision: str, path: str) -> None:
        if name in self.hub.gated and not self._is_known():
            self._answer(403, {"X-Error-Code": "GatedRepo"})
        elif revision != COMMIT or path not in self.hub.models.get(name, {}):
            self._answer(404, {"X-Error-Code": "EntryNotFound"})
        elif len(self.hub.models[name][path]) > LARGE:
            # The content network has a host name of its own, and signed URLs.
            host = self.hub.url.replace("127.0.0.1", "localhost")
            self._answer(302, {"Location": f"{host}/content/{name}/{path}?signature=s"})
        else:
            self._content(self.hub.models[name][path])

    def _is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _content(self, content: bytes) -> None:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self._answer(206 if start else 200, headers, content[start:])

    def _answer(self, status: int, headers: Mapping[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
    if len(content) > LARGE:
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry

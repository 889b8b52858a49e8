"""A stand-in for a Hugging Face hub that pods of the cluster can reach, with its models in a folder.

No hub can be had: the real one is a service. The two routes that downloads need are made here as the service answers
them: a model at a revision with its files, and a file at a commit. Files may be far bigger than the memory.
"""

import hashlib
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A hub at `url` of the models below `folder`, OWNER/MODEL/FILE; its only revision is `main`, at COMMIT.

    Of each file it sends all but the last `withheld` bytes, whatever it says of its size.
    """

    def __init__(self, folder: Path, address: str, *, withheld: int = 0) -> None:
        self.folder = folder
        self.withheld = withheld
        self._address = address
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer((address, 0), handler)

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{self._address}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["api", "models", owner, model]:
                self._model(owner, model, "main")
            case ["api", "models", owner, model, "revision", revision]:
                self._model(owner, model, revision)
            case [owner, model, "resolve", revision, *path] if revision == COMMIT:
                self._file(self.hub.folder.joinpath(owner, model, *path))
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"X-Error-Code": "EntryNotFound"})

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _model(self, owner: str, model: str, revision: str) -> None:
        folder = self.hub.folder / owner / model
        if not folder.is_dir():
            self._answer(HTTPStatus.UNAUTHORIZED, {"X-Error-Code": "RepoNotFound"})
        elif revision not in {"main", COMMIT}:
            self._answer(HTTPStatus.NOT_FOUND, {"X-Error-Code": "RevisionNotFound"})
        else:
            files = [_sibling(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
            content = json.dumps({"id": f"{owner}/{model}", "sha": COMMIT, "siblings": files}).encode()
            self._answer(HTTPStatus.OK, {"Content-Length": str(len(content))})
            self.wfile.write(content)

    def _file(self, path: Path) -> None:
        if not path.is_file():
            self._answer(HTTPStatus.NOT_FOUND, {"X-Error-Code": "EntryNotFound"})
            return
        size = path.stat().st_size
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Length": str(size - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._answer(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK, headers)
        count = size - start - self.hub.withheld
        with path.open("rb") as file:
            if count > 0:
                self.connection.sendfile(file, start, count)

    def _answer(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _sibling(path: Path, folder: Path) -> dict[str, Any]:
    name, size = str(path.relative_to(folder)), path.stat().st_size
    return {"rfilename": name, "size": size, "blobId": hashlib.sha1(f"{name}{size}".encode()).hexdigest()}

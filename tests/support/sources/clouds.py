"""Real object stores for tests, each with a bucket to fill, and a line to them that can be cut or speak TLS."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import urlsplit

from nereid.api.model import Format
from nereid.contract.fetch_job import FetchWork
from nereid.contract.source import ClaimSource, parse_source
from nereid.models.sources.opening import open_source
from nereid.models.sources.remote import RemoteFile, RemoteFiles

BUFFER = 1 << 16


@dataclass(frozen=True)
class Cloud:
    """A bucket of a running server: its URI, where it is, who may read it, and how to write into it."""

    name: str
    bucket: str
    endpoint: str
    secret: Mapping[str, str]
    put: Callable[..., object]
    folder: Path

    def at(self, endpoint: str) -> Self:
        """The same, found elsewhere."""
        return replace(self, endpoint=endpoint)

    def with_secret(self, **secret: str) -> Self:
        """The same, read with other credentials."""
        return replace(self, secret=secret)

    def through(self, proxy: "Line") -> Self:
        """The same, found by way of a line to it."""
        return self.at(f"{proxy.url}{urlsplit(self.endpoint).path}")

    def request(self, key: str, *, bucket: str | None = None, **changes: Any) -> FetchWork:
        """Ask for what lies at a key."""
        credentials = self.folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for left in credentials.iterdir():
            left.unlink()
        for name, value in self.secret.items():
            (credentials / name).write_text(value)
        uri = f"{bucket or self.bucket}/{key}"
        asked = FetchWork(
            uri,
            format=Format.ONNX,
            model_name="m",
            destination=self.folder / "models",
            endpoint=self.endpoint,
            credentials=credentials,
        )
        return replace(asked, **changes)

    def open(self, key: str, **changes: Any) -> RemoteFiles:
        """Open what lies at a key."""
        request = self.request(key, **changes)
        source = parse_source(request.uri)
        assert not isinstance(source, ClaimSource)
        return open_source(source, request)

    def content(self, key: str) -> dict[str, bytes]:
        """Read all that lies at a key."""
        remote = self.open(key)
        return {str(file.path): b"".join(remote.read(file, 0)) for file in remote.files()}


def only(remote: RemoteFiles, path: str) -> tuple[RemoteFiles, RemoteFile]:
    """List a source and return it with the one file of this path."""
    return remote, next(file for file in remote.files() if file.path == PurePosixPath(path))


class Line:
    """A line to a server here: cut once `limit` bytes of answers went through, in TLS with a certificate."""

    def __init__(self, to: str, limit: int | None = None, certificate: tuple[Path, Path] | None = None) -> None:
        self._to = (urlsplit(to).hostname, urlsplit(to).port)
        self.limit = limit
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(self._to) as server:
            near = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            threading.Thread(target=self._ask, args=(near, server), daemon=True).start()
            self._answer(server, near)
            near.close()

    @staticmethod
    def _ask(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(BUFFER):
                server.sendall(data)

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (self.limit is None or self.limit > 0) and (data := source.recv(BUFFER)):
                target.sendall(data)
                self.limit = None if self.limit is None else self.limit - len(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


class Answering:
    """A server that answers everything with one status and body."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        self.answered = 0
        asked = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.answered += 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = answer  # noqa: N815 - the names are http.server's

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

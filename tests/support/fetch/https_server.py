"""A real https server whose answers break, change and lie as a test tells it to."""

import asyncio
import io
import ssl
import subprocess
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT = bytes(range(256)) * 4096
ETAG = '"v1"'


@dataclass
class Server:
    """A running server; it answers each request with the next handler, and the last one for ever."""

    url: str = ""
    handlers: list[Handler] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        handler = self.handlers[0] if len(self.handlers) == 1 else self.handlers.pop(0)
        return await handler(request)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that is its own authority; return its file and its key's."""
    certificate, key = folder / "ca.crt", folder / "tls.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@asynccontextmanager
async def running_server(certificate: tuple[Path, Path]) -> AsyncIterator[Server]:
    running = Server()
    application = web.Application()
    application.router.add_get("/{path:.*}", running.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    running.url = f"https://localhost:{runner.addresses[0][1]}"
    yield running
    await runner.cleanup()


def serve(content: bytes = CONTENT, etag: str | None = ETAG, stop_after: int | None = None) -> Handler:
    """Answer with the content, or the range that is asked for; break the connection after so many bytes."""

    async def handler(request: web.Request) -> web.StreamResponse:
        start = 0
        if "Range" in request.headers and request.headers.get("If-Range") == etag:
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        body = content[start:]
        headers = {"Content-Length": str(len(body)), **({"ETag": etag} if etag else {})}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        await response.write(body if stop_after is None else body[:stop_after])
        if stop_after is not None:
            assert request.transport is not None
            request.transport.close()
        return response

    return handler


def status(code: int, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers, text="secret page")

    return handler


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


def repository(*models: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for model in models:
            info = tarfile.TarInfo(f"repository/{model}/1/model.onnx")
            info.size = 4
            tar.addfile(info, io.BytesIO(b"onnx"))
    return packed.getvalue()

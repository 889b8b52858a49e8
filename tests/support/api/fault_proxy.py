"""A proxy in front of the API server that kills the operator at a chosen write.

It sees each request as it passes, and so can end the operator's process exactly between two of them: after the API
server has carried out a write, and before the operator learns of it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiohttp import web
from tests.support.api.control_plane import ControlPlane, free_port

_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})
_WRITES = frozenset({"PATCH", "POST", "PUT", "DELETE"})


class FaultProxy:
    """Forwards requests over plain HTTP, in a thread; `on_write` is called when a write has been carried out.

    If it returns true, the operator never gets the answer, nor anything else on any connection.
    """

    def __init__(self, control_plane: ControlPlane, on_write: Callable[[str, str], bool]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._target = control_plane.url
        self._on_write = on_write
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._session: aiohttp.ClientSession

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10), "the proxy did not start"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._session.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._started.set()
        self._loop.run_forever()

    async def _serve(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(ssl=False, limit=0)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
        await runner.setup()
        host, _, port = self.url.removeprefix("http://").partition(":")
        await web.TCPSite(runner, host, int(port)).start()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        body = await request.read()
        async with self._session.request(
            request.method,
            f"{self._target}{request.path_qs}",
            headers=headers,
            data=body or None,
            skip_auto_headers=["Content-Type"],
        ) as answer:
            if request.method in _WRITES:
                await answer.read()
                if self._on_write(request.method, request.path):
                    raise web.HTTPServiceUnavailable
            return await self._pass_on(request, answer)

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        response = web.StreamResponse(status=answer.status, headers=kept)
        with suppress(ConnectionError):  # the operator may be gone
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        return response

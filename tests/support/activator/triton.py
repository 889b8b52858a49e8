"""A server that speaks as Triton does, over HTTP and gRPC, asleep until it is told to wake up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from aiohttp import web

SERVER_READY = "/inference.GRPCInferenceService/ServerReady"
INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
FAIL = "/inference.GRPCInferenceService/Fail"
CANCEL = "/inference.GRPCInferenceService/Cancel"
SLOW = "/inference.GRPCInferenceService/Slow"


class Triton(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc comes without types
    """Notes what it is asked; refuses everything while it sleeps."""

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self.finish = asyncio.Event()
        self.requests: list[web.Request] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.probes = 0
        # The probe after which it falls asleep.
        self.last_probe = 0
        self.premature = 0
        # How many requests to /v2/closing meet a connection that is closed without a byte.
        self.closings = 0
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.rest_port = self.grpc_port = 0

    # HTTP

    def application(self) -> web.Application:
        application = web.Application(client_max_size=2**30)
        application.router.add_get("/v2/health/ready", self._ready)
        application.router.add_get("/v2/models/tokens/stream", self._tokens)
        application.router.add_get("/v2/broken", self._broken)
        application.router.add_route("*", "/v2/closing", self._closing)
        application.router.add_route("*", "/v2/slow", self._slow)
        application.router.add_route("*", "/{path:.*}", self._echo)
        return application

    async def _ready(self, _: web.Request) -> web.Response:
        self.probes += 1
        status = 200 if self.awake.is_set() else 503
        if self.probes == self.last_probe:
            self.awake.clear()
        return web.Response(status=status)

    async def _echo(self, request: web.Request) -> web.Response:
        if not self.awake.is_set():
            self.premature += 1
            return web.Response(status=503, text="no healthy upstream")
        body = await request.read()
        self.requests.append(request)
        status = int(request.query.get("status", 200))
        headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Path", request.raw_path), ("Location", "/else")]
        return web.Response(status=status, body=body, headers=headers, content_type="application/json")

    async def _tokens(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await self.finish.wait()
        await response.write(b"data: last\n\n")
        return response

    async def _broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.sleep(0)
        request.transport.close()
        return response

    async def _closing(self, request: web.Request) -> web.Response:
        if not self.closings:
            return await self._echo(request)
        self.closings -= 1
        await request.read()
        request.transport.close()
        return web.Response()

    async def _slow(self, _: web.Request) -> web.Response:
        self.begun.set()
        try:
            await self.finish.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return web.json_response({})

    # gRPC

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method, metadata = details.method, dict(details.invocation_metadata)

        async def handle(requests, context) -> None:
            await self._handle(method, metadata, requests, context)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _handle(self, method, metadata, requests, context) -> None:
        if method == SERVER_READY:
            self.probes += 1
            await context.write(b"\x08\x01" if self.awake.is_set() else b"")
            return
        if not self.awake.is_set():
            self.premature += 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no healthy upstream")
        self.calls.append((method, metadata | {"remaining": context.time_remaining()}))
        await context.send_initial_metadata((("x-first", "1"),))
        if method == SLOW:
            self.begun.set()
            try:
                await self.finish.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        async for message in requests:
            await context.write(message)
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\x00\xff")))
        if method == FAIL:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, "unknown model 'x' — é", (("grpc-status-details-bin", b"\x01\x02"),)
            )
        if method == CANCEL:
            await context.abort(grpc.StatusCode.CANCELLED, "the server gave up")


@asynccontextmanager
async def triton() -> AsyncIterator[Triton]:
    """Run one, on ports of its own."""
    one = Triton()
    runner = web.AppRunner(one.application(), handler_cancellation=True, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    one.rest_port = runner.addresses[0][1]
    pending = ("grpc.server.max_pending_requests", "grpc.server.max_pending_requests_hard_limit")
    options = (("grpc.max_receive_message_length", -1), *((limit, 100_000) for limit in pending))
    server = grpc.aio.server(handlers=(one,), options=options)
    one.grpc_port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield one
    finally:
        await server.stop(None)
        await runner.cleanup()


def payload(number: int) -> bytes:
    """A small request, unlike all others."""
    return json.dumps({"inputs": [number]}).encode()

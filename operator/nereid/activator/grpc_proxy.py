"""Forwards calls over gRPC: any method, as a stream of bytes each way."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import grpc
import grpc.aio

from nereid.activator.channels import Channels
from nereid.activator.gate import Gate, NotForwardedError, Protocol
from nereid.activator.instruments import Outcome
from nereid.activator.options import Limits
from nereid.activator.room import NoRoomError, Place, Room
from nereid.activator.route import NO_RETRIES, RESERVED, Entrance, UnprovenError
from nereid.activator.targets import InvalidTargetError, Target

# Headers that are not forwarded, as the library sets them for each side.
_OWN: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-type",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-message",
        "grpc-status",
        "grpc-timeout",
        "host",
        "te",
        "user-agent",
    }
)
_SERVER_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    # The proxy in the pod has a connection for each of its threads, which carries the calls of all clients.
    ("grpc.max_concurrent_streams", 2_500),
    # Calls beyond this number that have arrived and are not handled yet would be rejected; the default is 1000.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 100_000),
    # Messages of calls that wait stay with the client, beyond this much: by default the window grows to megabytes.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 2**16),
)
# What a call takes here beside its metadata, as long as its messages are not read.
_CALL_BYTES: Final = 2**17
# Their bytes, and the texts that are made of them.
_COPIES_OF_METADATA: Final = 3
_PROBE_METHOD: Final = "/inference.GRPCInferenceService/ServerReady"
_PROBE_SECONDS: Final = 2.0
# ServerReadyResponse with its only field, ready, true.
_READY: Final = b"\x08\x01"

Metadata = Iterable[tuple[str, str | bytes]]


class GrpcProbe:
    """Asks a target for its readiness, over the same route as calls."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def __call__(self, target: Target) -> bool:
        """Return whether the target is ready."""
        try:
            async with self._channels.to(target) as channel:
                return bool(await channel.unary_unary(_PROBE_METHOD)(b"", timeout=_PROBE_SECONDS) == _READY)
        except grpc.aio.AioRpcError:
            return False


class GrpcProxy(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    """Forwards calls."""

    def __init__(self, gate: Gate, entrance: Entrance, channels: Channels, room: Room, limits: Limits) -> None:
        self._gate = gate
        self._entrance = entrance
        self._channels = channels
        self._room = room
        self._limits = limits

    def server(self) -> grpc.aio.Server:
        """Return a server of all methods."""
        limits = (
            # Beyond it, the library itself answers RESOURCE_EXHAUSTED.
            ("grpc.max_receive_message_length", self._limits.message_bytes),
            ("grpc.max_metadata_size", self._limits.header_bytes),
            ("grpc.absolute_max_metadata_size", self._limits.header_bytes),
        )
        return grpc.aio.server(handlers=(self,), options=(*_SERVER_OPTIONS, *limits))

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return what handles a method: without serializers, so that messages are bytes."""
        method = handler_call_details.method

        async def handle(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
            await self._handle(method, requests, context)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _handle(self, method: str, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        metadata = dict(context.invocation_metadata() or ())
        try:
            routed = self._entrance.routed(metadata)
            async with self._gate.admit(Protocol.GRPC, routed, _size(metadata)):
                await self._forward(routed.target, method, requests, context)
        except InvalidTargetError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except UnprovenError as error:
            self._gate.reject(Protocol.GRPC, Outcome.UNPROVEN)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        except NotForwardedError as error:
            await context.abort(_code(error.outcome), str(error))

    async def _forward(
        self, target: Target, method: str, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> None:
        with self._room.place(target.namespace) as there, self._room.place(target.namespace) as back:
            try:
                async with self._channels.to(target) as channel:
                    call = channel.stream_stream(method)(
                        _read(requests, there),
                        timeout=context.time_remaining(),
                        metadata=(*_forwarded(context.invocation_metadata() or ()), *NO_RETRIES.items()),
                    )
                    try:
                        await _answer(call, context, back)
                    finally:
                        call.cancel()
                if there.refusal:
                    raise NotForwardedError(Outcome.OVERLOADED, str(there.refusal)) from there.refusal
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or not (there.is_ended or back.is_ended):
                    raise
                task.uncancel()
                raise NotForwardedError(Outcome.OVERLOADED, str(NoRoomError())) from error


async def _read(requests: AsyncIterator[bytes], place: Place) -> AsyncIterator[bytes]:
    """Yield the client's messages, each once there is room for it."""
    while True:
        if not await place.read():
            return
        try:
            message = await anext(requests)
        except StopAsyncIteration:
            place.leave()
            return
        place.arrived(len(message))
        yield message


async def _answer(call: Any, context: grpc.aio.ServicerContext, place: Place) -> None:
    """Forward the target's response up to its status, which becomes the status of the call."""
    try:
        await context.send_initial_metadata(_forwarded(await call.initial_metadata()))
        async for message in call:
            place.arrived(len(message))
            await context.write(message)
            place.leave()
    except grpc.aio.AioRpcError:
        pass  # The status is forwarded below.
    except asyncio.CancelledError:
        # The same exception stands for a target that answers CANCELLED.
        if _is_cancelled():
            raise
    context.set_trailing_metadata(_forwarded(await call.trailing_metadata()))
    context.set_code(await call.code())
    context.set_details(await call.details())


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _forwarded(metadata: Metadata) -> tuple[tuple[str, str | bytes], ...]:
    return tuple(
        (key, value) for key, value in metadata if key not in _OWN and key not in RESERVED and not key.startswith(":")
    )


def _size(metadata: Mapping[str, str | bytes]) -> int:
    return _CALL_BYTES + _COPIES_OF_METADATA * sum(len(key) + len(value) for key, value in metadata.items())


def _code(outcome: Outcome) -> grpc.StatusCode:
    return grpc.StatusCode.RESOURCE_EXHAUSTED if outcome is Outcome.OVERLOADED else grpc.StatusCode.UNAVAILABLE

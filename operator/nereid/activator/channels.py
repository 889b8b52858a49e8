"""gRPC channels: one for each target, kept between calls, and closed after a while without any."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import grpc.aio

from nereid.activator.route import Address
from nereid.activator.targets import Target
from nereid.api.names import PORT_GRPC

_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    # Each target has connections of its own, which end with it.
    ("grpc.use_local_subchannel_pool", 1),
    # Without a proxy in the pod, a sleeping target rejects connections.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(slots=True)
class _Entry:
    channel: grpc.aio.Channel
    users: int = 0
    closing: asyncio.Task[None] | None = None


class Channels:
    """Hands out channels."""

    def __init__(self, address: Address, idle_seconds: float, *, message_bytes: int) -> None:
        """`message_bytes`: the longest message that a target may answer with."""
        self._address = address
        self._options = (*_OPTIONS, ("grpc.max_receive_message_length", message_bytes))
        self._idle_seconds = idle_seconds
        self._entries: dict[Target, _Entry] = {}

    @asynccontextmanager
    async def to(self, target: Target) -> AsyncIterator[grpc.aio.Channel]:
        """Give the target's channel; it stays open within the context."""
        entry = self._entries.get(target) or self._open(target)
        entry.users += 1
        if entry.closing:
            entry.closing.cancel()
            entry.closing = None
        try:
            yield entry.channel
        finally:
            entry.users -= 1
            if not entry.users:
                entry.closing = asyncio.create_task(self._close_later(target, entry))

    async def close(self) -> None:
        """Close all channels."""
        for entry in self._entries.values():
            if entry.closing:
                entry.closing.cancel()
            await entry.channel.close()
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def _open(self, target: Target) -> _Entry:
        options = (*self._options, ("grpc.default_authority", f"{target.host}:{PORT_GRPC}"))
        entry = self._entries[target] = _Entry(grpc.aio.insecure_channel(self._address(target), options=options))
        return entry

    async def _close_later(self, target: Target, entry: _Entry) -> None:
        await asyncio.sleep(self._idle_seconds)
        # From here on the channel cannot be found any more, so nothing cancels this task.
        del self._entries[target]
        await entry.channel.close()

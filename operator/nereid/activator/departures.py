"""Notices clients that go away while nothing is read from their connections.

A request waits unread, so once its buffer is full the event loop no longer looks at its connection, and does not learn
that it has been closed. The kernel knows: of this side's socket, if all that was sent has room in its buffers; and else
of the other side's, as that is the sidecar's, which shares the pod's network.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

# include/net/tcp_states.h; the first byte of the kernel's struct tcp_info.
_ESTABLISHED: Final = 1
# The connections of this network: of each, both ends and the state, in hexadecimal digits.
_CONNECTIONS: Final = Path("/proc/net/tcp")
# The other side has closed its end, and its last bytes are under way.
_FIN_WAIT: Final = {"04", "05"}
# A client in another network is found out by these questions, though not within seconds.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class Departures:
    """Ends connections whose clients have closed them."""

    def __init__(self, look_seconds: float) -> None:
        self._look_seconds = look_seconds
        self._watched: set[asyncio.Transport] = set()

    @contextmanager
    def watch(self, transport: asyncio.Transport | None) -> Iterator[None]:
        """Watch a connection within the context; when its client has gone, the server is told so."""
        if transport is None:
            yield
            return
        _ask_for_signs_of_life(transport)
        self._watched.add(transport)
        try:
            yield
        finally:
            self._watched.discard(transport)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._look_seconds)
            closing = await asyncio.to_thread(_closing_ends) if any(map(_is_unread, self._watched)) else frozenset()
            for transport in [one for one in self._watched if _is_closed(one) or _ends(one) in closing]:
                # It calls connection_lost, by which the server cancels the request.
                transport.abort()


def _is_closed(transport: asyncio.Transport) -> bool:
    """Whether the other side has closed the connection; unknown, and so false, where the kernel is not Linux."""
    sock, option = transport.get_extra_info("socket"), getattr(socket, "TCP_INFO", None)
    if sock is None or option is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    try:
        return bool(sock.getsockopt(socket.IPPROTO_TCP, option, 1)[0] != _ESTABLISHED)
    except OSError:
        return True


def _is_unread(transport: asyncio.Transport) -> bool:
    """Whether nothing is read from a connection at the moment, and so its end not noticed."""
    return not transport.is_reading()


def _ends(transport: asyncio.Transport) -> tuple[str, str]:
    """Return the client's end and this one, as the kernel writes them."""
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return (_written(peer), _written(own)) if peer and own else ("", "")


def _written(address: tuple[str, int]) -> str:
    """Return an address of IPv4, the one kind that the activator listens at, as the kernel writes it."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def _closing_ends() -> frozenset[tuple[str, str]]:
    """Return both ends of connections that were closed at the first one, while their last bytes have not arrived."""
    try:
        with _CONNECTIONS.open() as lines:
            fields = [line.split(None, 4) for line in lines]
    except OSError:
        return frozenset()
    return frozenset((own, other) for _, own, other, state, _ in fields if state in _FIN_WAIT)


def _ask_for_signs_of_life(transport: asyncio.Transport) -> None:
    sock: Any = transport.get_extra_info("socket")
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)

"""A relay of TCP connections to a server at the same address, which cuts those that it is set to cut."""

import socket
import threading
from collections import deque
from contextlib import suppress
from typing import Final

_PIECE: Final = 1 << 16


class Relay:
    """Hands connections to `port` on to `upstream`; `start` and `stop` may follow each other any number of times."""

    def __init__(self, address: str, port: int, upstream: int) -> None:
        self.port = port
        self.connections = 0
        self.sent = 0
        self._address = address
        self._upstream = upstream
        self._cuts: deque[int] = deque()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def cut(self, after: int, times: int) -> None:
        """Cut each of the next connections after so many bytes of the answer."""
        with self._lock:
            self._cuts.extend([after] * times)

    def start(self) -> None:
        """Listen, in threads of its own."""
        self._listener = socket.create_server((self._address, self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self) -> None:
        """Listen no more, and close what is open."""
        listener, self._listener = self._listener, None
        if listener:
            _close(listener)
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _close(connection)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            limit = self._cuts.popleft() if self._cuts else None
        with client, suppress(OSError), socket.create_connection((self._address, self._upstream)) as server:
            pair = {client, server}
            with self._lock:
                self._open |= pair
            threading.Thread(target=_copy, args=[client, server], daemon=True).start()
            try:
                self._answer(server, client, limit)
            finally:
                for connection in pair:
                    _close(connection)
                with self._lock:
                    self._open -= pair

    def _answer(self, server: socket.socket, client: socket.socket, limit: int | None) -> None:
        """Copy the server's answer to the client, as much of it as the client is to have."""
        remaining = limit
        while remaining != 0:
            piece = server.recv(_PIECE if remaining is None else min(_PIECE, remaining))
            if not piece:
                return
            client.sendall(piece)
            remaining = None if remaining is None else remaining - len(piece)
            with self._lock:
                self.sent += len(piece)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one of them is closed
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def _close(connection: socket.socket) -> None:
    # Closing alone does not wake a thread that waits for it.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()

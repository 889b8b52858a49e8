"""The servers of the tests themselves: what is pinned, and the relay that breaks transfers off."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from servers.install import PINS
from servers.ports import free_ports
from servers.process import ServerError, installed, wait_for
from servers.relay import Relay

ADDRESS = "127.0.0.1"
ANSWER = bytes(range(256)) * 4096


@pytest.fixture
def upstream() -> Iterator[int]:
    """A server that reads a line and answers with a megabyte."""
    listener = socket.create_server((ADDRESS, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # The relay may cut the connection before all of it is sent.
            with connection, suppress(OSError):
                connection.recv(64)
                connection.sendall(ANSWER)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def relay(upstream: int) -> Iterator[Relay]:
    made = Relay(ADDRESS, free_ports(ADDRESS, 1)[0], upstream)
    made.start()
    yield made
    made.stop()


def fetch(port: int) -> bytes:
    with socket.create_connection((ADDRESS, port), timeout=10) as client:
        client.sendall(b"all of it\n")
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_the_relay_cuts_as_often_as_it_is_told(relay: Relay) -> None:
    relay.cut(1000, 2)
    assert [len(fetch(relay.port)) for _ in range(3)] == [1000, 1000, len(ANSWER)]
    assert (relay.connections, relay.sent) == (3, 2000 + len(ANSWER))


def test_the_relay_keeps_the_bytes_as_they_are(relay: Relay) -> None:
    assert fetch(relay.port) == ANSWER


def test_a_stopped_relay_refuses_and_can_be_started_again(relay: Relay) -> None:
    relay.stop()
    with pytest.raises(ConnectionRefusedError):
        fetch(relay.port)
    relay.start()
    assert fetch(relay.port) == ANSWER


def test_free_ports_differ() -> None:
    assert len(set(free_ports(ADDRESS, 50))) == 50


def test_a_server_that_is_not_installed_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEREID_CACHE", str(tmp_path))
    with pytest.raises(ServerError, match="make servers"):
        installed("bin/registry")


def test_a_wait_ends_with_a_hint() -> None:
    with pytest.raises(ServerError, match="look there"):
        wait_for("the impossible", lambda: False, seconds=0, hint="look there")


@pytest.mark.parametrize("file", sorted(PINS.glob("*.txt")), ids=lambda file: file.stem)
def test_every_python_package_is_pinned(file: Path) -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in file.read_text().splitlines())


def test_every_node_package_is_pinned_wherever_it_comes_from() -> None:
    packages = json.loads((PINS / "azurite" / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package and "resolved" not in package for path, package in packages.items() if path)

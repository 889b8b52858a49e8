"""Servers as they are reached where the cluster has a proxy."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.fetch.https_server import CONTENT, Server, serve

from nereid.api.model import Format
from nereid.contract.fetch_job import FetchWork
from nereid.models.fetch.job import fetch
from nereid.models.sources.http_client import new_session


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Run the proxy that the environment names; it gives the server of each tunnel."""
    targets: list[str] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, target, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        targets.append(target)
        host, _, port = target.rpartition(":")
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(passed_on(reader, to_writer), passed_on(to_reader, writer))
        to_writer.close()
        writer.close()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                writer.write(chunk)
            # The other direction goes on: who has said all may still be answered.
            writer.write_eof()

    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield targets


async def test_a_private_authority_is_trusted_through_a_proxy(
    server: Server, certificate: tuple[Path, Path], proxy: list[str]
) -> None:
    server.handlers = [serve()]
    with new_session(certificate[0]) as session:
        answer = await asyncio.to_thread(
            session.get, f"{server.url}/config.json", headers={"Connection": "close"}, timeout=10
        )
    assert answer.content == CONTENT
    assert proxy == [server.url.removeprefix("https://")]


async def test_a_model_on_an_https_server_comes_through_the_proxy_too(
    server: Server, request_for: Callable[..., FetchWork], proxy: list[str]
) -> None:
    server.handlers = [serve()]
    fetched = await asyncio.to_thread(fetch, request_for(f"{server.url}/m.onnx", format=Format.ONNX))
    assert (fetched.model / "1" / "model.onnx").read_bytes() == CONTENT
    assert proxy == [server.url.removeprefix("https://")]

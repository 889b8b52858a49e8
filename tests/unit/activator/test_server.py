"""The process as a whole: its probes and metrics, and how it ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc.aio
import pytest
from prometheus_client import generate_latest
from tests.support.activator import triton
from tests.support.activator.keda import keda
from tests.support.activator.options import HOST, OPTIONS, routed, with_timing
from tests.support.activator.until import until

from nereid.activator import server

ROUTED = routed()


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_the_kubelet_is_answered(activator):
    assert await get(activator.ports.health, "/healthz") == (200, "ok")
    assert await get(activator.ports.health, "/readyz") == (200, "ok")


@pytest.mark.usefixtures("waking")
async def test_prometheus_is_answered(activator, client, channel):
    async with client.post("/v2") as answer:
        assert answer.status == 200
    await channel.unary_unary(triton.INFER)(b"", metadata=tuple(ROUTED.items()))
    text = generate_latest(activator.registry).decode()
    assert 'nereid_activator_waiting_requests{target="digits-4hx8l2qz",target_namespace="shop"} 0.0' in text
    assert 'nereid_activator_requests_total{outcome="forwarded",protocol="rest"} 1.0' in text
    assert 'nereid_activator_requests_total{outcome="forwarded",protocol="grpc"} 1.0' in text
    assert 'nereid_activator_wait_seconds_count{protocol="rest"} 1.0' in text


async def test_an_end_waits_for_all_requests_and_sends_keda_on(activator, scaled, client, channel, model):
    stream = scaled.stream()
    await stream.read()
    waits = asyncio.create_task(client.post("/v2", data=b"{}"))
    assert (await stream.read()).result
    calls = asyncio.ensure_future(channel.unary_unary(triton.SLOW)(b"x", metadata=tuple(ROUTED.items())))
    draining = asyncio.create_task(activator.drain())
    # Of its own accord and without an error, as only then KEDA soon asks again.
    async with asyncio.timeout(5):
        while await stream.read() is not grpc.aio.EOF:
            pass
    assert await stream.code() is grpc.StatusCode.OK
    assert (await get(activator.ports.health, "/readyz"))[0] == 503
    assert (await get(activator.ports.health, "/healthz"))[0] == 200
    model.awake.set()
    assert (await waits).status == 200
    await asyncio.wait_for(model.begun.wait(), 5)
    assert not draining.done()
    # A proxy that has not heard of the end yet.
    async with client.post("/v2", data=b"late") as answer:
        assert await answer.read() == b"late"
    model.finish.set()
    assert await calls == b"x"
    await asyncio.wait_for(draining, 5)


class TestSpread:
    """With endpoints that take their time."""

    @pytest.fixture
    def options(self):
        return with_timing(spread_seconds=3)

    async def test_keda_is_told_of_requests_that_arrive_before_the_endpoints_have_spread(
        self, activator, scaled, client, model
    ):
        stream = scaled.stream()
        assert not (await stream.read()).result
        draining = asyncio.create_task(activator.drain())
        await until(lambda: not activator.health.ready)
        late = asyncio.create_task(client.post("/v2", data=b"late"))
        assert (await asyncio.wait_for(stream.read(), 2)).result
        assert await scaled.is_active()
        model.awake.set()
        async with await late as answer:
            assert await answer.read() == b"late"
        await asyncio.wait_for(draining, 15)


async def test_sigterm_ends_the_process_in_good_order(monkeypatch, addresses, model):
    started = asyncio.get_running_loop().create_future()
    running = server.running

    @asynccontextmanager
    async def tell(*arguments) -> AsyncIterator[server.Activator]:
        async with running(*arguments) as one:
            started.set_result(one)
            yield one

    monkeypatch.setattr(server, "running", tell)
    process = asyncio.create_task(server.serve(OPTIONS, addresses))
    activator = await started
    async with keda(activator.ports.scaler, HOST) as one, aiohttp.ClientSession(headers=ROUTED) as session:
        await one.is_active()
        waits = asyncio.create_task(session.post(f"http://127.0.0.1:{activator.ports.rest}/v2"))
        await until(lambda: activator.activity.in_flight)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: not activator.health.ready)
        model.awake.set()
        async with await waits as answer:
            assert answer.status == 200
    await asyncio.wait_for(process, 10)
    with pytest.raises(aiohttp.ClientError):
        await get(activator.ports.health, "/healthz")

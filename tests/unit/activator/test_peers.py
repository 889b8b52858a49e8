"""Several activators: KEDA asks one of them, and requests wait at any."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import pytest
from tests.support.activator.keda import keda
from tests.support.activator.options import HOST, KEY, OPTIONS, routed, with_timing
from tests.support.activator.triton import triton
from tests.support.activator.until import until

from nereid.activator.server import Addresses, running


class Group:
    """Activators that find each other; `one` and `two` are known from the start."""

    def __init__(self, stack: AsyncExitStack, model) -> None:
        self.stack = stack
        self.model = model
        self.ports: set[int] = set()
        self.stacks: dict[int, AsyncExitStack] = {}

    async def start(self, options=OPTIONS):
        """Start one more, whose port the others see at once."""
        own: set[int] = set()

        async def resolve() -> list[str]:
            return [f"127.0.0.1:{port}" for port in self.ports - own]

        rest, grpc = (lambda _: f"127.0.0.1:{self.model.rest_port}"), (lambda _: f"127.0.0.1:{self.model.grpc_port}")
        stack = await self.stack.enter_async_context(AsyncExitStack())
        one = await stack.enter_async_context(running(options, Addresses(rest, grpc, resolve)))
        own.add(one.ports.peers)
        self.ports.add(one.ports.peers)
        self.stacks[one.ports.peers] = stack
        return one

    async def kill(self, one) -> None:
        self.ports.discard(one.ports.peers)
        await self.stacks.pop(one.ports.peers).aclose()


@pytest.fixture
async def group():
    async with triton() as model, AsyncExitStack() as stack:
        yield Group(stack, model)


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(headers=routed()) as one:
        yield one


def url(one) -> str:
    return f"http://127.0.0.1:{one.ports.rest}/v2"


async def test_keda_learns_from_any_of_them_of_a_request_that_waits_at_another(group, session):
    one, two = await group.start(), await group.start()
    async with keda(one.ports.scaler, HOST) as asking:
        stream = asking.stream()
        assert not (await stream.read()).result
        waits = asyncio.create_task(session.post(url(two), data=b"{}"))
        assert (await asyncio.wait_for(stream.read(), 20)).result
        assert await asking.is_active()
        assert await asking.metrics() == {"waiting": 1}
        # That KEDA has asked one of them counts for all.
        group.model.awake.set()
        async with await waits as answer:
            assert (answer.status, await answer.read()) == (200, b"{}")
        async with asyncio.timeout(20):
            while (await stream.read()).result:
                pass
        assert await asking.metrics() == {"waiting": 0}


async def test_what_waits_at_several_is_added_up(group, session):
    one, two = await group.start(), await group.start()
    async with keda(one.ports.scaler, HOST) as asking:
        await asking.is_active()
        tasks = [asyncio.create_task(session.post(url(each))) for each in (one, two, two)]
        async with asyncio.timeout(20):
            while await asking.metrics() != {"waiting": 3}:  # noqa: ASYNC110 - another process, so to speak, sets no event
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await until(lambda: not one.activity.in_flight + two.activity.in_flight)


async def test_one_that_starts_knows_what_the_others_know_when_it_is_ready(group, session):
    one = await group.start()
    async with keda(one.ports.scaler, HOST) as asking:
        await asking.is_active()
    waits = asyncio.create_task(session.post(url(one)))
    await until(lambda: one.activity.in_flight)
    two = await group.start()
    async with keda(two.ports.scaler, HOST) as asking:
        assert await asking.is_active()
    group.model.awake.set()
    assert (await waits).status == 200


async def test_one_that_ends_answers_its_requests_while_keda_asks_another(group, session):
    one, two = await group.start(), await group.start()
    async with keda(two.ports.scaler, HOST) as asking:
        await asking.is_active()
        waits = asyncio.create_task(session.post(url(one), data=b"{}"))
        await until(lambda: one.activity.in_flight)
        ending = asyncio.create_task(one.drain())
        # Its name in DNS goes first.
        group.ports.discard(one.ports.peers)
        await asyncio.sleep(0.5)
        assert await asking.is_active()
        group.model.awake.set()
        async with await waits as answer:
            assert (answer.status, await answer.read()) == (200, b"{}")
        await asyncio.wait_for(ending, 20)
        # The other one still listens to it.
        await asyncio.wait_for(group.kill(one), 20)


async def test_what_one_that_is_gone_has_told_is_forgotten_after_a_while(group, session):
    one, two = await group.start(), await group.start()
    async with keda(one.ports.scaler, HOST) as asking:
        await asking.is_active()
        waits = asyncio.create_task(session.post(url(two)))
        async with asyncio.timeout(20):
            while not await asking.is_active():  # noqa: ASYNC110 - another process, so to speak, sets no event
                await asyncio.sleep(0.02)
        # Its connections to others end first, while the request still waits.
        killing = asyncio.create_task(group.kill(two))
        async with asyncio.timeout(20):
            while await asking.is_active():  # noqa: ASYNC110 - another process, so to speak, sets no event
                await asyncio.sleep(0.02)
        assert two.activity.in_flight
        assert await asking.metrics() == {"waiting": 0}
        waits.cancel()
        await killing


async def test_one_that_cannot_be_reached_keeps_another_from_being_ready_for_a_while_only(group):
    group.ports.add(1)
    async with asyncio.timeout(10):
        one = await group.start(with_timing(peer_start_seconds=0.3))
    assert one.health.ready


async def test_whoever_reaches_the_port_without_the_key_learns_nothing(group):
    one = await group.start()
    address = f"http://127.0.0.1:{one.ports.peers}/activity"
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"x-nereid-proof": routed()["x-nereid-proof"]}):
            async with session.get(address, headers=headers) as answer:
                assert answer.status == 403


@pytest.mark.parametrize("first_has_it", [True, False])
async def test_they_hear_each_other_while_only_one_of_them_has_the_next_key_yet(group, session, tmp_path, first_has_it):
    """As operations.md has the key replaced: each node's kubelet brings it at its own time."""
    next_keys = f"the-next-key-0123456789abcdef0123456789 {KEY}"
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, keys in zip(folders, (next_keys, KEY) if first_has_it else (KEY, next_keys), strict=True):
        folder.mkdir()
        (folder / "keys").write_text(keys)
    one, two = [await group.start(replace(OPTIONS, proof_folder=folder)) for folder in folders]
    async with keda(one.ports.scaler, HOST) as asking:
        await asking.is_active()
        waits = asyncio.create_task(session.post(url(two)))
        async with asyncio.timeout(10):
            while not await asking.is_active():  # noqa: ASYNC110 - another process, so to speak, sets no event
                await asyncio.sleep(0.02)
        group.model.awake.set()
        async with await waits as answer:
            assert answer.status == 200

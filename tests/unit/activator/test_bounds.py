"""One client or namespace does not take what others need: large messages, held requests, clients that are gone."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest
from tests.support.activator import triton
from tests.support.activator.keda import keda
from tests.support.activator.options import HOST, OPTIONS, routed, with_limits, with_timing
from tests.support.activator.until import until

from nereid.activator.room import Room, memory_in_use

ELSEWHERE = "digits-4hx8l2qz.elsewhere.svc.cluster.local"
THIRD = "digits-4hx8l2qz.third.svc.cluster.local"
MEBIBYTE = 2**20


async def held_request(port: int, body: bytes = b"", headers: str = "", host: str = HOST) -> asyncio.StreamWriter:
    """Send a request of which more is announced than comes; return its connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in routed(host, seconds=3000).items())
    writer.write(f"POST /a HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 10000000\r\n{headers}\r\n".encode() + body)
    return writer


@pytest.mark.parametrize("body", [0, 100, 130_000, 400_000], ids=lambda size: f"{size} bytes")
@pytest.mark.usefixtures("scaled")
async def test_a_request_whose_client_has_gone_is_forgotten_also_if_its_body_fills_the_buffers(activator, body):
    writers = [await held_request(activator.ports.rest, bytes(body)) for _ in range(5)]
    await until(lambda: activator.activity.in_flight == 5)
    await asyncio.sleep(0.2)
    assert activator.activity.in_flight == 5
    for writer in writers:
        writer.transport.abort()
    await until(lambda: not activator.activity.in_flight)
    assert not any(activator.activity.waiting_by_target().values())


class TestHeaders:
    """With headers of a KiB at most."""

    @pytest.fixture
    def options(self):
        return with_limits(header_bytes=1024)

    async def test_headers_that_are_too_long_in_all_are_refused(self, client):
        async with client.get("/v2", headers={f"x-{number}": "b" * 200 for number in range(5)}) as answer:
            assert answer.status == 431
            assert "longer than 1024 bytes in all" in (await answer.json())["error"]
        async with client.get("/v2", headers={"x-1": "b" * 2000}) as answer:
            assert answer.status == 400

    @pytest.mark.usefixtures("activator")
    async def test_so_is_metadata_over_grpc(self, channel):
        metadata = (*routed().items(), ("x-1", "b" * 3000))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(triton.INFER)(b"", metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


class TestMessages:
    """With messages of a MiB at most."""

    @pytest.fixture
    def options(self):
        return with_limits(message_bytes=MEBIBYTE)

    @pytest.mark.usefixtures("waking")
    async def test_a_body_that_is_announced_as_too_long_is_refused_at_once(self, client, model):
        async with client.post("/v2", data=bytes(MEBIBYTE + 1)) as answer:
            assert answer.status == 413
            assert "longer than 1048576 bytes" in (await answer.json())["error"]
        assert not model.probes
        async with client.post("/v2", data=bytes(MEBIBYTE)) as answer:
            assert answer.status == 200

    @pytest.mark.usefixtures("waking")
    async def test_a_body_that_turns_out_to_be_too_long_is_refused(self, client, model):
        async def body():
            for _ in range(20):
                yield bytes(MEBIBYTE // 10)

        async with client.post("/v2", data=body()) as answer:
            assert answer.status == 413
        assert not model.requests

    @pytest.mark.usefixtures("waking")
    async def test_a_message_that_is_too_long_is_refused(self, channel, activator):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(triton.INFER)(bytes(MEBIBYTE + 1), metadata=tuple(routed().items()))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (
            len(await channel.unary_unary(triton.INFER)(bytes(MEBIBYTE), metadata=tuple(routed().items()))) == MEBIBYTE
        )
        await until(lambda: not activator.activity.in_flight)


class TestHeld:
    """With room for four requests, two of them of one namespace."""

    @pytest.fixture
    def options(self):
        return with_limits(requests=3, requests_per_namespace=2)

    @pytest.mark.usefixtures("scaled")
    async def test_a_namespace_that_has_its_part_gets_no_more_and_others_still_do(self, client, activator):
        writers = [await held_request(activator.ports.rest) for _ in range(2)]
        await until(lambda: activator.activity.in_flight == 2)
        async with client.get("/v2") as answer:
            assert answer.status == 503
            assert "too many requests to sleeping models of namespace shop" in (await answer.json())["error"]
        others = asyncio.create_task(client.get("/v2", headers=routed(ELSEWHERE)))
        await until(lambda: activator.activity.in_flight == 3)
        async with client.get("/v2", headers=routed(ELSEWHERE)) as answer:
            assert answer.status == 503
        for writer in writers:
            writer.close()
        others.cancel()
        await until(lambda: not activator.activity.in_flight)
        task = asyncio.create_task(client.get("/v2"))
        await until(lambda: activator.activity.in_flight == 1)
        task.cancel()


class TestSeveralNamespaces:
    """With room for sixteen requests, half of them of one namespace: a client trickles bodies to models of two."""

    @pytest.fixture
    def options(self):
        return with_limits(requests=16, requests_per_namespace=8)

    @pytest.mark.usefixtures("scaled")
    async def test_bodies_that_trickle_in_two_of_them_do_not_keep_a_third_out(self, client, activator, model):
        writers = [
            await held_request(activator.ports.rest, b"a", host=host) for host in (HOST, ELSEWHERE) for _ in range(12)
        ]
        await until(lambda: activator.activity.in_flight >= 10)
        for _ in range(5):
            for writer in writers:
                with suppress(ConnectionError):
                    writer.write(b"a")
                    await writer.drain()
            await asyncio.sleep(0.05)
        async with keda(activator.ports.scaler, THIRD, "third") as asking:
            await asking.is_active()
            model.awake.set()
            async with client.post("/v2", data=b"{}", headers=routed(THIRD)) as answer:
                assert (answer.status, await answer.read()) == (200, b"{}")
        assert activator.activity.in_flight >= 10
        for writer in writers:
            writer.close()
        await until(lambda: not activator.activity.in_flight)


class TestBytes:
    """With memory for some small requests of a namespace."""

    @pytest.fixture
    def options(self):
        return with_limits(bytes_per_namespace=8 * MEBIBYTE)

    async def count(self, port: int, activity, headers: str, body: bytes) -> int:
        writers = [await held_request(port, body, headers) for _ in range(16)]
        await asyncio.sleep(0.5)
        held = activity.in_flight
        for writer in writers:
            writer.close()
        await until(lambda: not activity.in_flight)
        return held

    @pytest.mark.usefixtures("scaled")
    async def test_the_more_a_request_takes_the_fewer_are_held(self, activator):
        small = await self.count(activator.ports.rest, activator.activity, "", b"")
        large = await self.count(activator.ports.rest, activator.activity, f"x-fill: {'b' * 15_000}\r\n", b"")
        assert 0 < large < small <= 8 * MEBIBYTE // (576 * 2**10)


class TestUnregistered:
    """With targets that KEDA has to ask about soon."""

    @pytest.fixture
    def options(self):
        return replace(with_timing(first_poll_seconds=0.5), limits=replace(OPTIONS.limits, waiting_unregistered=2))

    async def test_what_waits_for_a_target_that_keda_does_not_ask_about_is_refused_soon(self, client, activator):
        tasks = [asyncio.create_task(client.get("/v2", headers=routed(seconds=3000))) for _ in range(2)]
        await until(lambda: activator.activity.in_flight == 2)
        async with client.get("/v2") as answer:
            assert answer.status == 503
            assert "too many requests wait" in (await answer.json())["error"]
        for task in tasks:
            async with await asyncio.wait_for(task, 5) as answer:
                assert answer.status == 503
                assert "KEDA has not asked about digits-4hx8l2qz" in (await answer.json())["error"]

    async def test_one_that_it_asks_about_is_waited_for(self, client, model, scaled):
        await scaled.is_active()
        task = asyncio.create_task(client.get("/v2"))
        await asyncio.sleep(3 * 0.5)
        assert not task.done()
        model.awake.set()
        assert (await task).status == 200


async def taken(room: Room, namespace: str, message: int, log: list[str]) -> None:
    with room.place(namespace) as place:
        assert await place.read()
        log.append(namespace)
        await asyncio.sleep(0.005)
        place.arrived(message)
        await asyncio.sleep(0.05)


async def test_messages_are_read_while_there_is_room_and_namespaces_take_turns():
    room, log = Room(memory_bytes=1400, message_bytes=100, used=lambda: 50), list[str]()
    looking = asyncio.create_task(room.run())
    work = [taken(room, "greedy", 100, log) for _ in range(6)] + [taken(room, "modest", 100, log)]
    tasks = [asyncio.create_task(one) for one in work]
    await until(lambda: log)
    assert log == ["greedy", "greedy"]
    await asyncio.gather(*tasks)
    assert len(log) == 7
    assert "modest" in log[:4]
    looking.cancel()


async def test_a_message_that_does_not_come_keeps_no_room():
    room, log = Room(memory_bytes=1400, message_bytes=200, used=lambda: 0), list[str]()
    with room.place("idle") as place:
        assert await place.read()
        looking = asyncio.create_task(room.run())
        await asyncio.wait_for(taken(room, "busy", 100, log), 5)
        looking.cancel()


async def test_far_too_much_memory_ends_the_calls_of_the_namespace_with_the_most():
    used = 0
    room, ended = Room(memory_bytes=1000, message_bytes=10, used=lambda: used), []
    looking = asyncio.create_task(room.run())

    async def call(namespace: str) -> None:
        with room.place(namespace) as place:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if place.is_ended:
                    ended.append(namespace)

    tasks = [asyncio.create_task(call(namespace)) for namespace in ("one", "many", "many", "many", "many")]
    await asyncio.sleep(0.1)
    assert not ended
    used = 900
    await until(lambda: ended)
    used = 0
    assert ended == ["many", "many"]
    await asyncio.sleep(0.3)
    assert [task.done() for task in tasks] == [False, False, False, True, True]
    for task in (*tasks, looking):
        task.cancel()


def test_memory_in_use_is_what_is_allocated():
    before = memory_in_use()
    block = bytes(50 * MEBIBYTE)
    assert memory_in_use() - before >= len(block)
    del block
    assert memory_in_use() - before < 10 * MEBIBYTE


PROCESS = """
import asyncio, sys
from nereid.activator.server import Addresses, running
from tests.support.activator.options import with_limits
async def main():
    address = lambda _: f"127.0.0.1:{sys.argv[1]}"
    options = with_limits(memory_bytes=64 * 2**20, message_bytes=2 * 2**20)
    async with running(options, Addresses(address, address)) as one:
        print(one.ports.grpc, one.ports.scaler, flush=True)
        await asyncio.sleep(120)
asyncio.run(main())
"""


def peak_of(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def test_many_large_messages_at_once_stay_within_the_memory(model):
    """The peak of a process of its own; at once they would take 40 times 2 MiB, and that three times."""
    from tests.support.activator.keda import keda  # noqa: PLC0415

    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", PROCESS, str(model.grpc_port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        port, scaler = map(int, (await asyncio.to_thread(process.stdout.readline)).split())
        at_rest = peak_of(process.pid)
        model.awake.set()
        options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        async with (
            keda(scaler, HOST) as one,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel,
        ):
            await one.is_active()
            infer, metadata = channel.unary_unary(triton.INFER), tuple(routed(seconds=60).items())
            calls = [infer(bytes(2 * MEBIBYTE), metadata=metadata) for _ in range(40)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert await infer(b"small", metadata=metadata) == b"small"
        codes = {one.code() for one in answers if isinstance(one, grpc.aio.AioRpcError)}
        assert codes <= {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert sum(isinstance(one, bytes) for one in answers) > 5
        # Without a bound it would be four times as much.
        assert peak_of(process.pid) - at_rest < 128 * MEBIBYTE
    finally:
        process.kill()
        process.wait()

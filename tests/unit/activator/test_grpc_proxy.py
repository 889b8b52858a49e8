"""Calls over gRPC: held until the model is awake, then passed through whatever their method."""

import asyncio

import grpc
import grpc.aio
import pytest
from tests.support.activator import triton
from tests.support.activator.options import routed, with_limits, with_timing
from tests.support.activator.triton import payload
from tests.support.activator.until import until

ROUTED = tuple(routed().items())


def infer(channel: grpc.aio.Channel, message: bytes = b"\x0a\x01x", **options):
    return channel.unary_unary(triton.INFER)(message, **({"metadata": ROUTED} | options))


@pytest.mark.usefixtures("waking")
async def test_a_call_wakes_the_model_and_is_answered(channel, model):
    assert await infer(channel) == b"\x0a\x01x"
    assert model.premature == 0


@pytest.mark.usefixtures("waking")
async def test_a_thousand_calls_at_once_are_all_answered(channel, model):
    answers = await asyncio.gather(*(infer(channel, payload(number)) for number in range(1000)))
    assert answers == [payload(number) for number in range(1000)]
    assert model.premature == 0
    assert len(model.calls) == 1000


@pytest.mark.usefixtures("waking")
async def test_metadata_and_deadline_arrive(channel, model):
    trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    retries = (("x-envoy-max-retries", "5"), ("x-envoy-retry-on", "5xx"), ("x-envoy-retry-grpc-on", "unavailable"))
    await infer(channel, metadata=(*ROUTED, trace, *retries, ("x-raw-bin", b"\x00\xff")), timeout=9)
    ((method, metadata),) = model.calls
    assert method == triton.INFER
    assert metadata["traceparent"] == trace[1]
    assert metadata["x-raw-bin"] == b"\x00\xff"
    assert 0 < metadata["remaining"] < 9
    assert metadata["x-envoy-max-retries"] == "0"
    assert (
        not {
            "x-nereid-target",
            "x-nereid-cold-start-seconds",
            "x-nereid-proof",
            "x-envoy-retry-on",
            "x-envoy-retry-grpc-on",
        }
        & metadata.keys()
    )


@pytest.mark.usefixtures("waking")
async def test_a_call_without_a_deadline_gets_none(channel, model):
    await infer(channel)
    assert model.calls[0][1]["remaining"] is None


@pytest.mark.usefixtures("waking")
async def test_metadata_of_the_answer_arrives(channel):
    call = infer(channel)
    await call
    assert ("x-first", "1") in tuple(await call.initial_metadata())
    assert {("x-last", "2"), ("x-last-bin", b"\x00\xff")} <= set(await call.trailing_metadata())


@pytest.mark.usefixtures("waking")
async def test_an_error_arrives_with_all_that_it_says(channel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(triton.FAIL)(b"", metadata=ROUTED)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "unknown model 'x' — é"
    assert ("grpc-status-details-bin", b"\x01\x02") in tuple(caught.value.trailing_metadata())


@pytest.mark.usefixtures("waking", "activator")
async def test_a_model_that_cancels_says_so_itself(channel):
    call = channel.stream_stream(triton.CANCEL)(metadata=ROUTED)
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.CANCELLED
    assert await call.details() == "the server gave up"


@pytest.mark.usefixtures("waking")
async def test_a_stream_goes_both_ways_message_by_message(channel):
    call = channel.stream_stream(triton.STREAM)(metadata=ROUTED)
    for number in range(5):
        await call.write(payload(number))
        assert await call.read() == payload(number)
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.usefixtures("waking")
async def test_messages_may_be_large(channel):
    message = bytes(20 * 2**20)
    assert await infer(channel, message) == message


@pytest.mark.usefixtures("waking")
async def test_a_client_that_cancels_cancels_its_call(channel, model):
    call = channel.unary_unary(triton.SLOW)(b"", metadata=ROUTED)
    task = asyncio.ensure_future(call)
    await asyncio.wait_for(model.begun.wait(), 5)
    call.cancel()
    await asyncio.wait_for(model.cancelled.wait(), 5)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.usefixtures("scaled")
async def test_a_deadline_ends_the_wait(channel, activator):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await infer(channel, timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: not activator.activity.in_flight)


async def test_a_model_that_does_not_wake_up_gives_a_clear_error(channel, scaled):
    stream = scaled.stream()
    await stream.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await infer(channel, metadata=tuple(routed(seconds=1).items()))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "digits-4hx8l2qz in namespace shop did not become ready within 1 s; check its pods"
    stream.cancel()


async def test_a_call_that_leads_elsewhere_is_refused(channel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await infer(channel, metadata=(("x-nereid-target", "example.com"),))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not of the form" in caught.value.details()


@pytest.mark.usefixtures("waking")
@pytest.mark.parametrize("options", [with_timing(channel_idle_seconds=1)], ids=["a second of idleness"])
async def test_one_channel_is_used_and_closed_when_there_are_no_calls(channel, activator):
    for _ in range(3):
        await infer(channel)
        assert len(activator.channels) == 1
    await until(lambda: not len(activator.channels))
    await infer(channel)


class TestLimit:
    """With room for one."""

    @pytest.fixture
    def options(self):
        return with_limits(waiting=1)

    async def test_what_would_wait_beyond_the_limit_is_refused(self, channel, scaled):
        stream = scaled.stream()
        await stream.read()
        task = asyncio.ensure_future(infer(channel))
        assert (await stream.read()).result
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await infer(channel)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        task.cancel()
        stream.cancel()

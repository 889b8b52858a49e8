"""What KEDA hears, asked as KEDA asks."""

import asyncio

import grpc
import grpc.aio
import pytest
from tests.support.activator.keda import keda
from tests.support.activator.options import HOST
from tests.support.activator.until import until


async def test_a_stream_says_at_once_when_a_request_waits_and_when_none_came_for_a_while(scaled, client, model):
    stream = scaled.stream()
    assert not (await stream.read()).result
    task = asyncio.create_task(client.post("/v2/models/digits/infer"))
    assert (await stream.read()).result
    assert await scaled.is_active()
    assert await scaled.metrics() == {"waiting": 1}
    model.awake.set()
    assert (await task).status == 200
    async with asyncio.timeout(5):
        while (await stream.read()).result:
            pass
    assert not await scaled.is_active()
    assert await scaled.metrics() == {"waiting": 0}


async def test_a_stream_says_it_again_while_requests_wait(scaled, client):
    stream = scaled.stream()
    assert not (await stream.read()).result
    task = asyncio.create_task(client.post("/v2/models/digits/infer"))
    for _ in range(4):
        assert (await asyncio.wait_for(stream.read(), 2)).result
    task.cancel()


async def test_a_stream_that_comes_later_learns_what_waits(scaled, client, activator):
    task = asyncio.create_task(client.post("/v2/models/digits/infer"))
    await until(lambda: activator.activity.in_flight)
    assert (await scaled.stream().read()).result
    task.cancel()


@pytest.mark.usefixtures("activator")
async def test_the_metric_never_wants_a_second_replica(scaled):
    (target,) = (await scaled.metric_spec()).values()
    assert target > 10_000


@pytest.mark.parametrize(
    ("host", "namespace", "complaint"),
    [
        ("example.com", "shop", "'example.com' is not of the form NAME.NAMESPACE.svc.cluster.local"),
        ("argocd-server.shop.svc.cluster.local", "shop", "is not the Service of a model's revision"),
        (HOST, "elsewhere", f"a ScaledObject of namespace elsewhere may not ask about {HOST}"),
    ],
)
async def test_a_trigger_that_names_another_target_is_refused(activator, host, namespace, complaint):
    async with keda(activator.ports.scaler, host, namespace) as one:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await one.is_active()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert complaint in caught.value.details()
        assert await one.stream().code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_the_service_does_not_have_keda_does_without(scaled):
    call = scaled.channel.unary_stream("/externalscaler.ExternalScaler/StreamMetricSpec")(b"")
    assert await call.code() is grpc.StatusCode.UNIMPLEMENTED

"""KEDA, as far as an external scaler gets to see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import grpc.aio
from tests.support.activator.options import trigger

from nereid.activator import externalscaler_pb2 as pb

PREFIX = "/externalscaler.ExternalScaler/"


class Keda:
    """Asks about one target, as its ScaledObject has it."""

    def __init__(self, channel: grpc.aio.Channel, host: str, namespace: str = "shop") -> None:
        self.channel = channel
        self.reference = pb.ScaledObjectRef(name="so", namespace=namespace, scalerMetadata=trigger(host))

    async def ask(self, method: str, request, answer):
        call = self.channel.unary_unary(PREFIX + method, type(request).SerializeToString, answer.FromString)
        return await call(request)

    async def is_active(self) -> bool:
        return (await self.ask("IsActive", self.reference, pb.IsActiveResponse)).result

    async def metrics(self) -> dict[str, float]:
        request = pb.GetMetricsRequest(scaledObjectRef=self.reference, metricName="waiting")
        answer = await self.ask("GetMetrics", request, pb.GetMetricsResponse)
        return {value.metricName: value.metricValueFloat for value in answer.metricValues}

    async def metric_spec(self) -> dict[str, float]:
        answer = await self.ask("GetMetricSpec", self.reference, pb.GetMetricSpecResponse)
        return {spec.metricName: spec.targetSizeFloat for spec in answer.metricSpecs}

    def stream(self) -> grpc.aio.UnaryStreamCall:
        call = self.channel.unary_stream(
            PREFIX + "StreamIsActive", pb.ScaledObjectRef.SerializeToString, pb.IsActiveResponse.FromString
        )
        return call(self.reference)


@asynccontextmanager
async def keda(port: int, host: str, namespace: str = "shop") -> AsyncIterator[Keda]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Keda(channel, host, namespace)


async def wake_when_active(one: Keda, awake: asyncio.Event, *, seconds: float = 0) -> None:
    """Start the target's pod, so to speak, once the scaler says that it is wanted."""
    with suppress(asyncio.CancelledError):
        async for answer in one.stream():
            if answer.result:
                await asyncio.sleep(seconds)
                awake.set()

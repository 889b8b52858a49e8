"""The service for KEDA: an external push scaler, which says which targets are active, that is, have requests.

KEDA wakes a target up as soon as a stream says so, and scales it to zero by polling. After an error it leaves the
replicas as they are.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, NoReturn

import grpc
import grpc.aio

from nereid.activator.activity import Activity
from nereid.activator.externalscaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
    ScaledObjectRef,
)
from nereid.activator.gate import Clock
from nereid.activator.keys import Keys
from nereid.activator.targets import InvalidTargetError, Target, parse_target

SERVICE: Final = "externalscaler.ExternalScaler"
METRIC: Final = "waiting"
# Waiting requests decide between no pod and one; how many more are needed is for the other triggers to say.
METRIC_TARGET: Final = 1_000_000.0
# What KEDA sends is small: the metadata of one trigger.
_SERVER_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 2**16),
    ("grpc.max_metadata_size", 2**14),
    ("grpc.absolute_max_metadata_size", 2**14),
    # One stream and now and then a question for each ScaledObject.
    ("grpc.max_concurrent_streams", 20_000),
)


class Scaler:
    """Answers KEDA's calls from the activity of the targets."""

    def __init__(self, activity: Activity, keys: Keys, clock: Clock, *, domain: str, repeat_seconds: float) -> None:
        self._activity = activity
        self._keys = keys
        self._clock = clock
        self._domain = domain
        self._repeat_seconds = repeat_seconds
        self._streams: set[asyncio.Event] = set()
        self._closing = False

    def server(self) -> grpc.aio.Server:
        """Return a server of KEDA's service."""
        reference, metrics = ScaledObjectRef.FromString, GetMetricsRequest.FromString
        active, unary = IsActiveResponse.SerializeToString, grpc.unary_unary_rpc_method_handler
        handlers = {
            "IsActive": unary(self.is_active, reference, active),
            "StreamIsActive": grpc.unary_stream_rpc_method_handler(self.stream_is_active, reference, active),
            "GetMetricSpec": unary(self.get_metric_spec, reference, GetMetricSpecResponse.SerializeToString),
            "GetMetrics": unary(self.get_metrics, metrics, GetMetricsResponse.SerializeToString),
        }
        return grpc.aio.server(
            handlers=(grpc.method_handlers_generic_handler(SERVICE, handlers),), options=_SERVER_OPTIONS
        )

    def end_streams(self) -> None:
        """End all streams in good order: after an error KEDA would wait ever longer before it asks again."""
        self._closing = True
        for changed in self._streams:
            changed.set()

    async def is_active(self, reference: ScaledObjectRef, context: grpc.aio.ServicerContext) -> IsActiveResponse:
        """Return whether the target is active."""
        target = await self._target_of(reference, context)
        return IsActiveResponse(result=self._activity.active(target, self._clock()))

    async def stream_is_active(
        self, reference: ScaledObjectRef, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[IsActiveResponse]:
        """Yield whether the target is active: at once, at each change, and repeatedly while requests wait."""
        target = await self._target_of(reference, context)
        changed = asyncio.Event()
        self._streams.add(changed)
        self._activity.open_stream(target, changed.set)
        try:
            async for active in self._follow(target, changed):
                yield IsActiveResponse(result=active)
        finally:
            self._activity.close_stream(target, changed.set, self._clock())
            self._streams.discard(changed)

    async def get_metric_spec(
        self, reference: ScaledObjectRef, context: grpc.aio.ServicerContext
    ) -> GetMetricSpecResponse:
        """Name the metric."""
        await self._target_of(reference, context)
        return GetMetricSpecResponse(metricSpecs=[MetricSpec(metricName=METRIC, targetSizeFloat=METRIC_TARGET)])

    async def get_metrics(self, request: GetMetricsRequest, context: grpc.aio.ServicerContext) -> GetMetricsResponse:
        """Return how many requests wait."""
        target = await self._target_of(request.scaledObjectRef, context)
        waiting = float(self._activity.waiting(target))
        return GetMetricsResponse(metricValues=[MetricValue(metricName=METRIC, metricValueFloat=waiting)])

    async def _follow(self, target: Target, changed: asyncio.Event) -> AsyncIterator[bool]:
        reported, reported_at = None, 0.0
        while not self._closing:
            changed.clear()
            now = self._clock()
            active = self._activity.active(target, now)
            # Each notice costs KEDA requests to the API server, so it does not get one for every request.
            again = self._activity.waiting(target) and now - reported_at >= self._repeat_seconds
            if active != reported or again:
                reported, reported_at = active, now
                yield active
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), self._repeat_seconds if active else None)

    async def _target_of(self, reference: ScaledObjectRef, context: grpc.aio.ServicerContext) -> Target:
        """Return the target that KEDA asks about, and note the call, which registers the target."""
        try:
            target = parse_target(reference.scalerMetadata.get("target", ""), self._domain)
        except InvalidTargetError as error:
            return await _reject(context, str(error))
        if target.namespace != reference.namespace:
            return await _reject(
                context, f"a ScaledObject of namespace {reference.namespace} may not ask about {target.host}"
            )
        if not self._keys.trigger_is_proven(reference.scalerMetadata.get("proof"), target.host):
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"the trigger's metadata do not prove that Nereid made it: only its own ScaledObject asks about "
                f"{target.host}",
            )
        self._activity.note_keda_call(target, self._clock())
        return target


async def _reject(context: grpc.aio.ServicerContext, sentence: str) -> NoReturn:
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"metadata of the trigger: {sentence}")
    raise AssertionError("abort raises")

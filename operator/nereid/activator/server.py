"""The process: it puts the parts together, runs them until a signal stops it, and finishes all requests at the end."""

import asyncio
import logging
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc.aio
from aiohttp import web
from prometheus_client import CollectorRegistry

from nereid.activator import rest
from nereid.activator.activity import Activity
from nereid.activator.budget import Budget
from nereid.activator.channels import Channels
from nereid.activator.departures import Departures
from nereid.activator.gate import Gate, Probe, Protocol
from nereid.activator.grpc_proxy import GrpcProbe, GrpcProxy
from nereid.activator.health import Health
from nereid.activator.instruments import Instruments, WaitingCollector
from nereid.activator.keys import Keys
from nereid.activator.options import Options, Ports, Timing
from nereid.activator.peers import Peers, Resolve, Teller, in_dns
from nereid.activator.room import Room, memory_in_use
from nereid.activator.route import Address, Entrance
from nereid.activator.scaler import Scaler
from nereid.activator.targets import Target
from nereid.api.names import PORT_GRPC, PORT_HTTP
from nereid.contract.metrics_server import metrics_server

# KEDA's calls in flight take milliseconds.
_SCALER_GRACE_SECONDS: Final = 2.0
_DRAIN_LOOK_SECONDS: Final = 0.1

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where targets are reached, and the other activators; None: by the options."""

    rest: Address
    grpc: Address
    peers: Resolve | None = None


def _service_port(port: int) -> Callable[[Target], str]:
    return lambda target: f"{target.host}:{port}"


IN_CLUSTER: Final = Addresses(_service_port(PORT_HTTP), _service_port(PORT_GRPC))


@dataclass(frozen=True, slots=True)
class Activator:
    """A process that takes requests; `ports` are those it listens on."""

    ports: Ports
    registry: CollectorRegistry
    health: Health
    activity: Activity
    channels: Channels
    timing: Timing
    _scaler: Scaler
    _scaler_server: grpc.aio.Server

    async def drain(self) -> None:
        """Stop accepting requests, send KEDA to the next activator, and wait until all requests are finished."""
        self.health.ready = False
        # Requests that arrive before the endpoints have spread wake models up too, so KEDA still has to be notified.
        await asyncio.sleep(self.timing.spread_seconds)
        self._scaler.end_streams()
        await self._scaler_server.stop(_SCALER_GRACE_SECONDS)
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < self.timing.quiet_seconds:
            await asyncio.sleep(min(_DRAIN_LOOK_SECONDS, self.timing.quiet_seconds))
            if self.activity.in_flight:
                quiet_since = time.monotonic()


@asynccontextmanager
async def running(options: Options, addresses: Addresses = IN_CLUSTER) -> AsyncIterator[Activator]:
    """Run an activator within the context; requests that are not over at its end are cut off."""
    timing, limits, domain, clock = options.timing, options.limits, options.cluster_domain, time.monotonic
    activity = Activity(
        idle_seconds=timing.idle_seconds,
        registration_seconds=timing.registration_seconds,
        waiting_limit=limits.waiting,
        waiting_unregistered=limits.waiting_unregistered,
        target_limit=options.target_limit,
    )
    registry, health, departures = CollectorRegistry(), Health(), Departures(timing.departure_seconds)
    keys = Keys(options.proof_folder, look_seconds=timing.key_seconds, keep_seconds=timing.key_keep_seconds)
    room = Room(limits.memory_bytes, limits.message_bytes, memory_in_use)
    registry.register(WaitingCollector(activity.waiting_by_target))
    async with AsyncExitStack() as stack:
        for name, work in (("keys", keys.run()), ("departures", departures.run()), ("room", room.run())):
            _spawn(stack, name, work)
        client = await stack.enter_async_context(rest.session())
        channels = Channels(addresses.grpc, timing.channel_idle_seconds, message_bytes=limits.message_bytes)
        stack.push_async_callback(channels.close)
        probes: dict[Protocol, Probe] = {
            Protocol.REST: rest.RestProbe(client, addresses.rest),
            Protocol.GRPC: GrpcProbe(channels),
        }
        gate = Gate(activity, Budget(limits), Instruments(registry), probes, timing, clock=clock)
        entrance = Entrance(
            keys,
            domain=domain,
            default_seconds=timing.cold_start_seconds,
            longest_seconds=timing.longest_cold_start_seconds,
        )
        over_rest = rest.RestProxy(gate, entrance, client, addresses.rest, departures, limits)
        over_grpc = GrpcProxy(gate, entrance, channels, room, limits)
        scaler = Scaler(activity, keys, clock, domain=domain, repeat_seconds=timing.repeat_seconds)
        scaler_server = scaler.server()
        ports = Ports(
            rest=await _serve_http(stack, over_rest.runner(), options.ports.rest),
            grpc=await _serve_grpc(stack, over_grpc.server(), options.ports.grpc),
            health=await _serve_http(stack, health.runner(), options.ports.health),
            scaler=await _serve_grpc(stack, scaler_server, options.ports.scaler),
            peers=await _serve_http(stack, Teller(activity, keys, timing, clock).runner(), options.ports.peers),
            metrics=options.ports.metrics,
        )
        resolve = addresses.peers or in_dns(options.peers, options.ports.peers, options.own_address)
        peers = Peers(activity, keys, resolve, timing, clock=clock, domain=domain)
        await stack.enter_async_context(peers.listening())
        health.has_keys = lambda: bool(keys.all)
        health.ready = True
        yield Activator(ports, registry, health, activity, channels, timing, scaler, scaler_server)


async def serve(options: Options, addresses: Addresses = IN_CLUSTER) -> None:
    """Run an activator until SIGTERM or SIGINT, then drain it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(options, addresses) as activator:
        with metrics_server(options.ports.metrics, activator.registry):
            _logger.info(
                "the activator accepts requests on ports %d and %d", activator.ports.rest, activator.ports.grpc
            )
            await stop.wait()
            _logger.info("stopping, with %d requests in flight", activator.activity.in_flight)
            await activator.drain()
    _logger.info("all requests are finished")


def run_activator(options: Options) -> None:
    """Run an activator in this process."""
    _allow_connections()
    asyncio.run(serve(options))


def _allow_connections() -> None:
    """Raise the limit of open files to its maximum: a waiting request needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _spawn(stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]) -> None:
    """Run what works until the end of the stack."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _serve_http(stack: AsyncExitStack, runner: web.AppRunner, port: int) -> int:
    stack.push_async_callback(runner.cleanup)
    return await rest.serve(runner, port)


async def _serve_grpc(stack: AsyncExitStack, server: grpc.aio.Server, port: int) -> int:
    bound: int = server.add_insecure_port(f"0.0.0.0:{port}")
    await server.start()
    stack.push_async_callback(server.stop, None)
    return bound

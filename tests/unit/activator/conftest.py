"""An activator, a model that sleeps and a KEDA, all in this process, with real sockets between them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import grpc.aio
import pytest
from tests.support.activator.keda import Keda, keda, wake_when_active
from tests.support.activator.options import HOST, OPTIONS, routed
from tests.support.activator.triton import Triton, triton

from nereid.activator.options import Options
from nereid.activator.server import Activator, Addresses, running


@pytest.fixture
async def model() -> AsyncIterator[Triton]:
    async with triton() as one:
        yield one


@pytest.fixture
def addresses(model: Triton) -> Addresses:
    return Addresses(lambda _: f"127.0.0.1:{model.rest_port}", lambda _: f"127.0.0.1:{model.grpc_port}")


@pytest.fixture
def options() -> Options:
    """The activator's options; a test changes them by a fixture of the same name."""
    return OPTIONS


@pytest.fixture
async def activator(options: Options, addresses: Addresses) -> AsyncIterator[Activator]:
    async with running(options, addresses) as one:
        yield one


@pytest.fixture
async def scaled(activator: Activator) -> AsyncIterator[Keda]:
    """A KEDA that knows the model; it does nothing by itself."""
    async with keda(activator.ports.scaler, HOST) as one:
        yield one


@pytest.fixture
async def waking(scaled: Keda, model: Triton) -> AsyncIterator[None]:
    """A KEDA that starts the model's pod when it is wanted."""
    task = asyncio.create_task(wake_when_active(scaled, model.awake, seconds=0.1))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def client(activator: Activator) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose requests come by the route of the sleeping model."""
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{activator.ports.rest}",
        headers=routed(),
        connector=aiohttp.TCPConnector(limit=0),
        auto_decompress=False,
    ) as session:
        yield session


@pytest.fixture
async def channel(activator: Activator) -> AsyncIterator[grpc.aio.Channel]:
    options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{activator.ports.grpc}", options=options) as one:
        yield one

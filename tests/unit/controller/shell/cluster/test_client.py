"""What is sent to the API server."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nereid.contract.foreign_text import LOG_BYTES
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.connection import Connection

# Kubernetes, apis/core/validation: NoteLengthLimit.
MOST_BYTES = 1024
REGARDING = {
    "apiVersion": "nereid.dev/v1alpha1",
    "kind": "ModelDeployment",
    "namespace": "models",
    "name": "digits",
    "uid": "1f7c9a52",
}


@pytest.fixture
def sent() -> list[dict[str, Any]]:
    """What the API server was sent."""
    return []


@pytest.fixture
async def client(sent: list[dict[str, Any]]) -> AsyncIterator[Client]:
    async def answer(request: web.Request) -> web.Response:
        sent.append(await request.json())
        return web.json_response({})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        yield Client(Connection(session, kopf.ConnectionInfo(server=str(server.make_url("/")))))


@pytest.mark.parametrize(
    ("note", "characters"),
    [
        ("short", 5),
        ("x" * MOST_BYTES, 1024),
        ("x" * 2000, 1024),
        ("ü" * 600, 512),
        ("…" * 600, 341),
        ("x" + "ü" * 600, 512),
        ("🐚" * 300, 256),
    ],
)
async def test_a_note_is_cut_to_what_the_server_takes(
    client: Client, sent: list[dict[str, Any]], note: str, characters: int
) -> None:
    await client.create_event(REGARDING, type_="Normal", reason="Promoted", action="Promote", note=note)
    (event,) = sent
    assert event["note"] == note[:characters]
    assert len(event["note"].encode()) <= MOST_BYTES


async def test_no_more_of_a_log_is_read_than_was_asked_for() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (4 * LOG_BYTES))

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        client = Client(Connection(session, kopf.ConnectionInfo(server=str(server.make_url("/")))))
        assert len(await client.log_tail("models", "digits-0", "triton", previous=False)) == LOG_BYTES

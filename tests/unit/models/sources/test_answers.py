"""What a registry answers is bounded, and a login goes to nobody who could be overheard."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.fetch.https_server import Handler, Server, status

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import HubSource, OciSource, RegisteredModel
from nereid.models.sources import huggingface, mlflow
from nereid.models.sources.http_client import LARGEST_ANSWER, new_session
from nereid.models.sources.oci.challenge import parse_challenge
from nereid.models.sources.oci.registry import registry_of
from nereid.models.sources.oci_files import open_files

# What is on its way to a client that has stopped reading.
ON_THE_WAY = 8 << 20
READER = {"username": "reader", "password": "hush-hush"}


class Endless:
    """An answer without an end; `sent` is how much of it was taken."""

    def __init__(self, **headers: str) -> None:
        self.sent = 0
        self.headers = headers
        self.status = 302 if "Location" in headers else 200

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status, headers=self.headers)
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b" " * (1 << 18))
            self.sent += 1 << 18
            # The connection's end is only noticed by a loop that has a turn.
            await asyncio.sleep(0)
        return response


def secret(folder: Path, **values: str) -> Path:
    folder.mkdir()
    for key, value in values.items():
        (folder / key).write_text(value)
    return folder


def challenge(realm: str) -> Handler:
    return status(401, **{"WWW-Authenticate": f'Bearer realm="{realm}",service="models"'})


def repository(server: Server) -> OciSource:
    return OciSource(server.url.removeprefix("https://"), "models/m", "1")


@pytest.fixture
def ask(server: Server, certificate: tuple[Path, Path]) -> Callable[..., object]:
    """Ask the server in the way of one kind of registry."""

    def run(kind: str, credentials: Path | None = None) -> object:
        request = Request(kind, endpoint=server.url, ca_bundle=certificate[0], credentials=credentials)
        if kind == "hub":
            return huggingface.open_files(HubSource("o/m", "main"), request).files()
        if kind == "mlflow":
            return mlflow.open_files(RegisteredModel("digits", version="7"), request).files()
        return registry_of(repository(server), request).manifest()

    return run


@pytest.mark.parametrize("kind", ["hub", "mlflow", "oci"])
async def test_an_answer_without_an_end_is_left(kind: str, server: Server, ask: Callable[..., object]) -> None:
    endless = Endless()
    server.handlers = [endless]
    with pytest.raises(FetchError, match=r"the answer of localhost:[0-9]+ for .* has more than [0-9]+ MiB: check"):
        await asyncio.to_thread(ask, kind)
    assert endless.sent <= LARGEST_ANSWER + ON_THE_WAY


async def test_a_token_without_an_end_is_left(server: Server, ask: Callable[..., object]) -> None:
    endless = Endless()
    server.handlers = [challenge(f"{server.url}/token"), endless]
    with pytest.raises(FetchError, match="has more than 16 MiB"):
        await asyncio.to_thread(ask, "oci")
    assert endless.sent <= LARGEST_ANSWER + ON_THE_WAY


async def test_the_body_of_a_redirect_is_not_read(server: Server, certificate: tuple[Path, Path]) -> None:
    endless = Endless(Location=f"{server.url}/there")
    server.handlers = [endless, status(204)]
    with new_session(certificate[0]) as session:
        answer = await asyncio.to_thread(session.get, server.url, timeout=10)
    assert answer.status_code == 204
    assert endless.sent <= ON_THE_WAY


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
async def test_an_answer_that_nests_without_an_end_is_no_description(
    body: bytes, server: Server, ask: Callable[..., object]
) -> None:
    async def nested(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    server.handlers = [nested]
    with pytest.raises(FetchError, match="did not send a valid manifest"):
        await asyncio.to_thread(ask, "oci")


@pytest.mark.parametrize("layer", [{"size": "1e400"}, {"size": -1}, {"size": None}])
async def test_a_layer_without_a_valid_size_is_told(
    layer: dict[str, object], server: Server, certificate: tuple[Path, Path]
) -> None:
    described = {"digest": f"sha256:{'0' * 64}", "annotations": "none", **layer}

    async def manifest(_: web.Request) -> web.StreamResponse:
        return web.Response(text=json.dumps({"layers": [described]}))

    server.handlers = [manifest]
    source = repository(server)
    files = open_files(source, Request(str(source), ca_bundle=certificate[0]))
    with pytest.raises(FetchError, match="has a layer without a valid size: push it again"):
        await asyncio.to_thread(files.files)


@pytest.fixture
async def plain() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A token server without encryption, and what it was asked."""
    asked: list[web.Request] = []

    async def token(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.json_response({"token": "t"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", token)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/token", asked
    await runner.cleanup()


@pytest.mark.parametrize("form", ["password", "identity token"])
async def test_a_login_is_sent_to_an_https_address_alone(
    form: str, server: Server, ask: Callable[..., object], plain: tuple[str, list[web.Request]], tmp_path: Path
) -> None:
    realm, asked = plain
    server.handlers = [challenge(realm)]
    docker = {"auths": {server.url.removeprefix("https://"): {"identitytoken": "hush"}}}
    values = READER if form == "password" else {".dockerconfigjson": json.dumps(docker)}
    with pytest.raises(FetchError, match=r"an address that is not https, to which .* is not sent") as told:
        await asyncio.to_thread(ask, "oci", secret(tmp_path / "secret", **values))
    assert told.value.reason is Reason.MODEL_ACCESS_DENIED
    assert "hush" not in told.value.sentence
    assert asked == []


async def test_without_a_login_any_address_may_give_a_token(
    server: Server, ask: Callable[..., object], plain: tuple[str, list[web.Request]]
) -> None:
    async def manifest(_: web.Request) -> web.StreamResponse:
        return web.json_response({"layers": []})

    realm, asked = plain
    server.handlers = [challenge(realm), manifest]
    assert await asyncio.to_thread(ask, "oci") == {"layers": []}
    assert len(asked) == 1
    assert "Authorization" not in asked[0].headers
    assert server.requests[-1].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("realm", ["", "models", "http://auth.example.com", "ftp://x", "https://", "https://[", "//x"])
def test_what_is_no_https_address_gets_no_login(realm: str) -> None:
    found = parse_challenge(f'Bearer realm="{realm}"')
    assert found is not None
    assert not found.is_encrypted


def test_a_challenge_is_cut_before_it_is_read() -> None:
    found = parse_challenge("Bearer " + "a" * 60_000 + ',realm="https://auth.example.com"')
    assert found is not None
    assert found.realm == ""

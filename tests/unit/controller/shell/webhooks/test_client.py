"""Calls over real sockets: what arrives, that its signature is right, and what no endpoint can do to the operator."""

import asyncio
import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.metrics.servers import serving

from nereid.contract.foreign_text import WEBHOOK_BYTES
from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.shell.webhooks.client import WebhookClient
from nereid.controller.shell.webhooks.signing import signature

KEY = bytes(range(32))
OLD_KEY = bytes(range(1, 33))
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def secret(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def verifies(request: web.Request, body: bytes, key: bytes) -> bool:
    """Whether a receiver that has this key accepts a request, as Standard Webhooks says."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_fresh = abs(time.time() - int(request.headers["webhook-timestamp"])) < 60
    return is_fresh and f"v1,{wanted}" in request.headers["webhook-signature"].split(" ")


def call(url: str, timeout: int = 5) -> WebhookCall:
    return WebhookCall(
        key=("models", "digits"), webhook="board", url=url, id="1f7c-b-1-traffic", number=0,
        body='{"text":"größer"}', content_type="application/json", timeout=timeout,
    )  # fmt: skip


@asynccontextmanager
async def client(secrets: Path | None = None, *, everywhere: bool = True) -> AsyncIterator[WebhookClient]:
    """Yield a client that may call this machine, as the tests' servers are there, unless it may not."""
    made = WebhookClient(secrets, lambda _: False) if everywhere else WebhookClient(secrets)
    try:
        yield made
    finally:
        await made.close()


async def answer_to(
    respond: Respond, secrets: Path | None = None, path: str = "/x", seconds: int = 60
) -> WebhookAnswer:
    async with serving(respond) as server, client(secrets) as one:
        return await one.send(call(str(server.make_url(path)), seconds))


class TestRequest:
    async def test_arrives_signed_as_it_was_ordered(self, tmp_path: Path) -> None:
        (tmp_path / "127.0.0.1").write_text(f"{secret(KEY)}\n{secret(OLD_KEY)}\n")
        seen: list[tuple[web.Request, bytes]] = []

        async def respond(request: web.Request) -> web.Response:
            seen.append((request, await request.read()))
            return web.json_response({"approved": False, "message": "later"})

        assert await answer_to(respond, tmp_path, "/a?b=c") == WebhookAnswer(message="later")
        ((request, body),) = seen
        assert (request.method, request.path_qs) == ("POST", "/a?b=c")
        assert body.decode() == '{"text":"größer"}'
        assert request.headers["webhook-id"] == "1f7c-b-1-traffic"
        assert request.headers["Content-Type"] == "application/json"
        assert verifies(request, body, KEY)
        assert verifies(request, body, OLD_KEY)
        assert not verifies(request, body, bytes(32))
        assert not verifies(request, body + b" ", KEY)

    async def test_is_not_signed_where_the_host_has_no_key(self, tmp_path: Path) -> None:
        (tmp_path / "other.example.com").write_text(secret(KEY))

        async def respond(request: web.Request) -> web.Response:
            return web.Response(status=500 if "webhook-signature" in request.headers else 200)

        assert (await answer_to(respond, tmp_path)).approved

    @pytest.mark.parametrize("content", ["hunter22", "whsec_?", "whsec_YWJj", secret(bytes(65))])
    async def test_is_not_sent_with_a_bad_key_which_is_not_shown(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "127.0.0.1").write_text(content)
        asked = 0

        async def respond(_: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            return web.Response()

        found = await answer_to(respond, tmp_path)
        assert asked == 0
        assert "the operator's signing key for 127.0.0.1 is not valid" in (found.failure or "")
        assert content not in (found.failure or "")

    async def test_a_signature_of_the_specification(self) -> None:
        # The example of Standard Webhooks' own libraries.
        key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        signed = signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class TestAnswer:
    async def test_one_that_is_slow(self) -> None:
        async def respond(_: web.Request) -> web.Response:
            await asyncio.sleep(30)
            return web.Response()

        assert (await answer_to(respond, seconds=1)).failure == "127.0.0.1 did not answer within 1 s"

    async def test_many_wait_for_their_turn_at_a_host_and_not_at_the_cost_of_their_time(self, tmp_path: Path) -> None:
        authority, *_ = ssl.create_default_context().get_ca_certs(binary_form=True)
        (tmp_path / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(authority))
        asked, most = 0, 0

        async def respond(_: web.Request) -> web.Response:
            nonlocal asked, most
            asked += 1
            most = max(most, asked)
            await asyncio.sleep(1.2)
            asked -= 1
            return web.Response()

        async with serving(respond) as server, client(tmp_path) as one:
            calls = [one.send(replace(call(str(server.make_url("/")), 5), number=number)) for number in range(20)]
            answers = await asyncio.gather(*calls)
        assert [answer.failure for answer in answers] == [None] * 20
        assert most <= 4

    async def test_one_that_trickles(self) -> None:
        async def respond(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(300):
                await response.write(b" ")
                await asyncio.sleep(0.1)
            return response

        assert (await answer_to(respond, seconds=1)).failure == "127.0.0.1 did not answer within 1 s"

    async def test_one_that_is_huge(self) -> None:
        async def respond(_: web.Request) -> web.Response:
            return web.Response(body=b" " * (WEBHOOK_BYTES + 1))

        found = await answer_to(respond)
        assert (found.approved, found.failure) == (False, "it answered with more than 64 KiB")

    async def test_one_that_expands(self) -> None:
        async def respond(_: web.Request) -> web.Response:
            response = web.Response(body=b" " * (100 * WEBHOOK_BYTES))
            response.enable_compression(web.ContentCoding.gzip)
            return response

        assert (await answer_to(respond)).failure == "it answered with more than 64 KiB"

    async def test_a_redirect_is_not_followed(self) -> None:
        asked: list[str] = []

        async def respond(request: web.Request) -> web.Response:
            asked.append(request.path)
            raise web.HTTPFound("/elsewhere")

        found = await answer_to(respond)
        assert asked == ["/x"]
        assert "it redirects (HTTP 302)" in (found.failure or "")

    async def test_none_at_all(self) -> None:
        async with client() as one:
            found = await one.send(call("http://127.0.0.1:9/"))
            assert found.failure.startswith("127.0.0.1 cannot be reached: ")
            unknown = await one.send(call("http://nowhere.invalid/"))
            assert unknown.failure.startswith("nowhere.invalid ")

    async def test_no_cookie_is_kept(self) -> None:
        async def respond(request: web.Request) -> web.Response:
            response = web.json_response({"approved": not request.cookies})
            response.set_cookie("a", "b")
            return response

        async with serving(respond) as server, client() as one:
            for number in range(2):
                assert (await one.send(replace(call(str(server.make_url("/"))), number=number))).approved


class TestForbidden:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0.0.0.0"])
    async def test_is_never_called(self, host: str) -> None:
        asked = 0

        async def respond(_: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            return web.Response()

        async with serving(respond) as server, client(everywhere=False) as one:
            found = await one.send(call(f"http://{host}:{server.port}/", timeout=2))
        assert asked == 0
        assert "never called" in (found.failure or "")

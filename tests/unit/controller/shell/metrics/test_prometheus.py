import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.metrics.servers import FakePrometheus, Respond, series, serving, success

from nereid.contract.foreign_text import VALUE_BYTES
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics import prometheus
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.prometheus import MAX_PARSED, Prometheus


async def failure_of(session: aiohttp.ClientSession, respond: Respond) -> str:
    async with serving(respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        with pytest.raises(ProviderError) as caught:
            await client.raw_series("up", 60, 1000)
    return str(caught.value)


def answering(status: int = 200, text: str = "", **more: Any) -> Respond:
    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, **more)

    return respond


async def test_raw_samples(session: aiohttp.ClientSession) -> None:
    fake = FakePrometheus({"up": success("matrix", [series([(990.5, 1), (995.5, "1e+300")], pod="a")])})
    async with serving(fake.respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/prefix/"))))
        [found] = await client.raw_series("up", 60, 1000)
    assert found.labels == {"pod": "a"}
    assert found.samples == ((990.5, 1.0), (995.5, 1e300))
    assert fake.asked == [{"query": "up[60s]", "time": "1000.000", "timeout": "10s"}]


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        (success("scalar", [1000, "2.5"]), [({}, 2.5)]),
        (success("vector", [{"metric": {"pod": "a"}, "value": [1000, "3"]}]), [({"pod": "a"}, 3.0)]),
        (success("vector", []), []),
    ],
)
async def test_values(session: aiohttp.ClientSession, answer: Any, values: Any) -> None:
    async with serving(FakePrometheus({"up": answer}).respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        assert await client.values("up", 1000) == values


async def test_the_token_is_read_anew_for_each_query(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    token, fake = tmp_path / "token", FakePrometheus({})
    async with serving(fake.respond) as server:
        url = str(server.make_url("/"))
        client = Prometheus(session, Settings(prometheus_url=url, prometheus_token_file=str(token)))
        for content in ("first\n", "second\n"):
            token.write_text(content)
            await client.raw_series("up", 60, 1000)
    assert [headers["Authorization"] for headers in fake.headers] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("file", ["prometheus_token_file", "prometheus_ca_file"])
async def test_a_missing_file_is_named(session: aiohttp.ClientSession, file: str) -> None:
    settings = Settings.model_validate({"prometheus_url": "http://127.0.0.1:1", file: "/no/such/file"})
    with pytest.raises(ProviderError, match="/no/such/file"):
        await Prometheus(session, settings).values("up", 1000)


async def test_nobody_is_there(session: aiohttp.ClientSession) -> None:
    client = Prometheus(session, Settings(prometheus_url="http://someone:secret@127.0.0.1:1"))
    with pytest.raises(ProviderError, match=r"Prometheus at http://127.0.0.1:1 cannot be reached: ") as caught:
        await client.values("up", 1000)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["prometheus:9090", "http://", "::", "http://[half", "http://host:port"])
async def test_an_address_that_is_none(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(ProviderError, match="Prometheus"):
        await Prometheus(session, Settings(prometheus_url=url)).values("up", 1000)


@pytest.mark.parametrize("begins", [False, True])
async def test_an_answer_that_takes_too_long(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, *, begins: bool
) -> None:
    monkeypatch.setattr(prometheus, "TIMEOUT_SECONDS", 0.1)

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if begins:
            await response.prepare(request)
            await response.write(b'{"status":')
        await asyncio.sleep(5)
        return response

    assert "did not answer within 0.1 s" in await failure_of(session, respond)


async def test_series_that_are_too_large(session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "SERIES_BYTES", 2**20)
    assert "more than 1 MiB" in await failure_of(session, answering(text=" " * 2**21))


async def test_a_value_that_is_too_large(session: aiohttp.ClientSession) -> None:
    async with serving(answering(text=" " * (VALUE_BYTES + 1))) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        with pytest.raises(ProviderError, match="larger than 64 KiB, but has to be one number: aggregate it"):
            await client.values("up", 1000)


async def test_answers_are_asked_for_as_large_as_they_are(session: aiohttp.ClientSession) -> None:
    fake = FakePrometheus({})
    async with serving(fake.respond) as server:
        await Prometheus(session, Settings(prometheus_url=str(server.make_url("/")))).raw_series("up", 60, 1000)
    assert fake.headers[0]["Accept-Encoding"] == "identity"


async def test_only_so_many_series_are_read_and_parsed_at_a_time_and_not_in_the_event_loop(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, threads = 0, 0, set()
    parse = prometheus._raw_series

    def slowly(data: Any) -> list[prometheus.RawSeries]:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        threads.add(threading.get_ident())
        time.sleep(0.02)
        running -= 1
        return parse(data)

    monkeypatch.setattr(prometheus, "_raw_series", slowly)
    async with serving(FakePrometheus({}).respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        await asyncio.gather(*(client.raw_series("up", 60, 1000) for _ in range(3 * MAX_PARSED)))
    assert 0 < most <= MAX_PARSED
    assert threading.get_ident() not in threads


async def test_a_connection_that_breaks(session: aiohttp.ClientSession) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.close()
        return web.Response()

    assert "cannot be reached" in await failure_of(session, respond)


ERROR = '{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}'


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (500, "oops", "HTTP 500: oops"),
        (503, ERROR, "HTTP 503: parse error"),
        (400, ERROR, "rejects the query: parse error: unexpected end"),
        (400, "<html>", "HTTP 400"),
        (401, "", "denies the operator access (HTTP 401)"),
        (403, "", "denies the operator access (HTTP 403)"),
        (302, "", "HTTP 302"),
        (200, "", "not a query result"),
        (200, "<html>Sign in</html>", "not a query result: <html>"),
        (200, "[]", "not a query result"),
        (200, "[" * 100_000, "not a query result"),
        (200, "{}", "not a query result"),
        (200, ERROR, "parse error"),
        (200, '{"status":"success"}', "not a query result"),
        (200, '{"status":"success","data":null}', "not a query result"),
        (200, '{"status":"success","data":{"resultType":"vector","result":[]}}', "instead of a matrix"),
        (200, '{"status":"success","data":{"resultType":"matrix","result":[{}]}}', "not a query result"),
        (
            200,
            '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}',
            "not a query result",
        ),
        (
            200,
            '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}',
            "not a query result",
        ),
        (200, '{"status":"success","warnings":["lost a shard"],"data":{"resultType":"matrix","result":[]}}', "a shard"),
    ],
)
async def test_answers_that_are_none(session: aiohttp.ClientSession, status: int, text: str, said: str) -> None:
    message = await failure_of(session, answering(status, text))
    assert said in message
    assert message.startswith("Prometheus at http://127.0.0.1:")


async def test_what_is_said_stays_short(session: aiohttp.ClientSession) -> None:
    assert len(await failure_of(session, answering(500, "x" * 10_000))) < 400


async def test_a_value_that_is_no_number_is_not_told_in_full(session: aiohttp.ClientSession) -> None:
    answer = success("vector", [{"metric": {}, "value": [1000, "z" * 50_000]}])
    async with serving(FakePrometheus({"up": answer}).respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        with pytest.raises(ProviderError, match="not a query result") as caught:
            await client.values("up", 1000)
    assert len(str(caught.value)) <= 600

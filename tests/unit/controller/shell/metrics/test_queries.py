import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.metrics.requests import analysis, query, sample_request
from tests.support.metrics.servers import FakePrometheus, Respond, serving, success

from nereid.controller.observed.sample import QueryReading
from nereid.controller.plan.plan import Query
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.queries import readings


def vector(*values: str) -> dict[str, Any]:
    return success("vector", [{"metric": {}, "value": [1000, value]} for value in values])


async def read(session: aiohttp.ClientSession, respond: Respond, *queries: Query) -> dict[str, QueryReading]:
    async with serving(respond) as server:
        client = Prometheus(session, Settings(prometheus_url=str(server.make_url("/"))))
        return await readings(client, sample_request(analysis=analysis(queries=queries)), 1000)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (vector("0.25"), 0.25),
        (success("scalar", [1000, "3"]), 3.0),
        (vector(), None),
        (vector("NaN"), None),
        (vector("+Inf"), None),
        (vector("-Inf"), None),
    ],
)
async def test_values(session: aiohttp.ClientSession, answer: Any, value: float | None) -> None:
    assert await read(session, FakePrometheus({"up": answer}).respond, query("up")) == {"errors": QueryReading(value)}


async def test_placeholders_and_stable(session: aiohttp.ClientSession) -> None:
    fake = FakePrometheus({"digits-new": vector("2"), "digits-old": vector("1")})
    text = 'sum(rate(x{ns="{{namespace}}",n="{{ name }}",r="{{revision}}",w="{{workload}}"}[{{interval}}]))'
    found = await read(session, fake.respond, query(text, max_ratio=2.0))
    assert found == {"errors": QueryReading(2.0, 1.0)}
    assert [asked["query"] for asked in fake.asked] == [
        'sum(rate(x{ns="shop",n="digits",r="new",w="digits-new"}[30s]))',
        'sum(rate(x{ns="shop",n="digits",r="old",w="digits-old"}[30s]))',
    ]


async def test_more_than_one_number(session: aiohttp.ClientSession) -> None:
    with pytest.raises(ProviderError, match=r"query errors gives 2 values instead of one number: .*sum\(\)"):
        await read(session, FakePrometheus({"up": vector("1", "2")}).respond, query("up"))


async def test_queries_are_asked_one_after_another(session: aiohttp.ClientSession) -> None:
    running = most = 0

    async def respond(_request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        return web.json_response(vector("1"))

    asked = [query("up", name=name, max_ratio=2.0) for name in ("one", "two", "three")]
    assert [*await read(session, respond, *asked)] == ["one", "two", "three"]
    assert most == 1


async def test_an_answer_that_is_larger_than_a_number(session: aiohttp.ClientSession) -> None:
    many = success("vector", [{"metric": {"pod": f"pod-{n}"}, "value": [1000, "1"]} for n in range(5000)])
    with pytest.raises(ProviderError, match=r"query errors: .*has to be one number: aggregate it"):
        await read(session, FakePrometheus({"up": many}).respond, query("up"))


async def test_an_unknown_placeholder(session: aiohttp.ClientSession) -> None:
    with pytest.raises(
        ProviderError, match=r"query errors: \{\{pod\}\} is not a known placeholder: use one of \{\{namespace\}\}"
    ):
        await read(session, FakePrometheus({}).respond, query("up{{{pod}}}"))


async def test_bad_promql(session: aiohttp.ClientSession) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "error", "error": "parse error: bad"}, status=400)

    with pytest.raises(ProviderError, match=r"query errors: Prometheus at .* rejects the query: parse error: bad"):
        await read(session, refuse, query("sum("))

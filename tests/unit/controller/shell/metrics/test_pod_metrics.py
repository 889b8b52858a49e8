import asyncio

import aiohttp
import pytest
from aiohttp import web
from tests.support.metrics.servers import FakePod, Respond, address, serving

from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.shell.metrics import pod_metrics
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.pod_metrics import parsed


def in_flight(*prefixes: str) -> int | None:
    lines = [f'envoy_http_downstream_rq_active{{http_conn_manager_prefix="{prefix}"}} 3' for prefix in prefixes]
    return parsed("\n".join(lines), "digits").in_flight


def test_the_models_own_counters() -> None:
    page = FakePod(success=5, failures={"BACKEND": 2, "CANCELED": 1}, in_flight=4).page()
    found = parsed(page, "digits")
    assert sum(value or 0 for value in found.requests.values()) == 8
    assert sum(value or 0 for value in found.errors.values()) == 2
    assert found.in_flight == 4


def test_all_models_where_none_has_the_name() -> None:
    assert sum(value or 0 for value in parsed(FakePod(success=5).page(), "unknown").requests.values()) == 12


@pytest.mark.parametrize(
    ("prefixes", "sum_"),
    [
        ((), None),
        (("inbound_0.0.0.0_8000",), 3),
        (("inbound_0.0.0.0_8000;", "inbound_0.0.0.0_8001;"), 6),
        (("inbound_[::]_8000;",), 3),
        (("inbound_0.0.0.0_8002", "outbound_0.0.0.0_8000", "inbound_0.0.0.0_18000", "admin"), None),
    ],
)
def test_requests_in_flight(prefixes: tuple[str, ...], sum_: int | None) -> None:
    assert in_flight(*prefixes) == sum_


async def failure_of(session: aiohttp.ClientSession, respond: Respond) -> str:
    async with serving(respond) as server:
        with pytest.raises(ProviderError) as caught:
            await pod_metrics.read(session, address(server, "p"), "digits")
    return str(caught.value)


async def test_a_pod_that_is_gone(session: aiohttp.ClientSession) -> None:
    with pytest.raises(ProviderError, match=r"pod p cannot be reached at http://127.0.0.1:1/metrics"):
        await pod_metrics.read(session, PodAddress("p", "u", "127.0.0.1", 1, "/metrics"), "digits")


async def test_a_pod_that_is_slow(session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_metrics, "TIMEOUT_SECONDS", 0.1)

    async def respond(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    assert "pod p did not answer within 0.1 s" in await failure_of(session, respond)


async def test_a_pod_that_has_no_metrics(session: aiohttp.ClientSession) -> None:
    assert "pod p answered with HTTP 503" in await failure_of(session, FakePod(status=503).respond)


async def test_metrics_that_are_none(session: aiohttp.ClientSession) -> None:
    garbage = FakePod(text='nv_inference_request_success{model="digits"} many')
    assert "pod p has no readable metrics" in await failure_of(session, garbage.respond)


async def test_metrics_without_end(session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_metrics, "MAX_PAGE_BYTES", 2**20)
    assert "more than 1 MiB" in await failure_of(session, FakePod(text="\n" * 2**21).respond)

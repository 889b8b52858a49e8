import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.growth import assert_linear
from tests.support.metrics.servers import FakePod, Respond, address, serving

from nereid.contract.foreign_text import (
    METRICS_LINE_BYTES,
    METRICS_PAGE_BYTES,
    METRICS_SERIES,
    lines_starting_with,
)
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


WANTED = 'nv_inference_request_success{model="digits",version="1"} 5\n'


@pytest.mark.parametrize(
    ("page", "bound"),
    [
        ("\n" * (METRICS_PAGE_BYTES + 1), "it has more than 8 MiB"),
        ("go_goroutines 1\n" * (METRICS_PAGE_BYTES // 15), "it has more than 8 MiB"),
        (
            "".join(f'nv_inference_request_success{{a="{number}"}} 1\n' for number in range(METRICS_SERIES + 1)),
            "it counts requests in more than 2000 series or 256 KiB",
        ),
        (f'nv_inference_request_success{{a="{"x" * 2000}"}} 1\n' * 200, "more than 2000 series or 256 KiB"),
        (f'nv_inference_request_success{{a="{"x" * METRICS_LINE_BYTES}"}} 1\n', "longer than 4 KiB"),
        (f'nv_inference_request_success{{a="{"x" * METRICS_LINE_BYTES}', "longer than 4 KiB"),
    ],
)
async def test_a_page_that_is_too_large_is_named_with_its_bound(
    session: aiohttp.ClientSession, page: str, bound: str
) -> None:
    told = await failure_of(session, FakePod(text=page).respond)
    assert "the metrics page of pod p at http://127.0.0.1:" in told
    assert bound in told
    assert "Have its model or its image report fewer metrics" in told


async def test_a_busy_sidecars_page_is_read(session: aiohttp.ClientSession) -> None:
    gauges = "".join(
        f'envoy_http_downstream_rq_active{{http_conn_manager_prefix="outbound_0.0.0.0_{port}"}} 3\n'
        for port in range(5000)
    )
    foreign = f'istio_requests_total{{a="{"x" * 2 * METRICS_LINE_BYTES}"}} 1\n' * 300
    async with serving(FakePod(text=f"{foreign}{gauges}{WANTED}{foreign}{WANTED[:-1]}").respond) as server:
        found = await pod_metrics.read(session, address(server, "p"), "digits")
    assert list(found.requests.values()) == [5]


async def test_compressed_metrics_are_not_unpacked(session: aiohttp.ClientSession) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        body = gzip.compress(b"\n" * 2 * METRICS_PAGE_BYTES)
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    assert "pod p compresses its metrics" in await failure_of(session, respond)


@settings(max_examples=50)
@given(
    st.text(st.sampled_from("nv_{}\n1"), max_size=400) | st.text(),
    st.integers(1, 50),
)
async def test_any_page_is_read_line_by_line(text: str, size: int) -> None:
    page = f"{WANTED}{text}\n{WANTED}".encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(page), size):
            yield page[start : start + size]

    prefix = b"nv_inference"
    read = [line async for line in lines_starting_with(chunks(), (prefix,), most=10_000, longest=80)]
    assert read == [line for line in page.split(b"\n") if line.startswith(prefix)]


@pytest.mark.parametrize(
    "part", ['a0="",', ",", "=", '"', "\\", '\\"', "{", " ", "}"], ids=lambda part: f"labels of {part}"
)
def test_four_times_the_line_takes_four_times_as_long(part: str) -> None:
    def read(line: str) -> None:
        with suppress(ValueError):
            parsed(line, "digits")

    assert_linear(read, lambda length: f"nv_inference_request_success{{{part * (length // len(part))}}} 1", 1000)

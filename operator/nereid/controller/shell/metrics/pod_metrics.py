"""Reads the metrics of one pod: Triton's counters, and the sidecar's gauge of requests in flight.

What runs in the pod decides what its page says, and how large it is: it is read line by line, only the lines that count
are kept, and one that has too much is a failure that names the pod and the bound.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Line

from nereid.api import names
from nereid.contract.foreign_text import (
    METRICS_KEPT_BYTES,
    METRICS_LINE_BYTES,
    METRICS_PAGE_BYTES,
    METRICS_SERIES,
    TooLargeError,
    lines_starting_with,
)
from nereid.controller.observed.counters import NoData, reading
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.inference import FAILURES, SUCCESSES, is_error, of_model

TIMEOUT_SECONDS: Final = 5.0

_IN_FLIGHT: Final = "envoy_http_downstream_rq_active"
_LISTENER: Final = "http_conn_manager_prefix"
# The sidecar's listeners of Triton's ports, whatever the address family; Envoy may leave Istio's delimiter in the name.
_INBOUND: Final = re.compile(rf"inbound_.*_({names.PORT_HTTP}|{names.PORT_GRPC});?")
# A sidecar's page has thousands of lines; only these are parsed, and of its gauges only those of inbound listeners.
_GAUGE: Final = f"{_IN_FLIGHT}{{"
_RELEVANT: Final = (f"{SUCCESSES}{{", f"{FAILURES}{{", _GAUGE)
_OK: Final = 200
# The bounds hold for the content, and compressed answers may expand a thousand times.
_PLAIN: Final = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class PodMetrics:
    """A pod's counters since it began, by series. in_flight: None if no sidecar reports it."""

    requests: Mapping[str, float | None]
    errors: Mapping[str, float | None]
    in_flight: int | None


async def read(session: aiohttp.ClientSession, pod: PodAddress, model: str) -> PodMetrics:
    """Read a pod's metrics, of one model if Triton has one of that name; raises ProviderError."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            page = await _page(session, pod)
    except TimeoutError as error:
        raise ProviderError(f"pod {pod.name} did not answer within {TIMEOUT_SECONDS:g} s at {pod.url}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderError(
            f"pod {pod.name} cannot be reached at {pod.url}: {error or type(error).__name__}"
        ) from error
    try:
        return await asyncio.to_thread(parsed, page, model)
    except ValueError as error:
        raise ProviderError(f"pod {pod.name} has no readable metrics at {pod.url}: {error}") from error


async def _page(session: aiohttp.ClientSession, pod: PodAddress) -> str:
    """Return the lines of a pod's page that count."""
    limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with session.get(
        pod.url, timeout=limits, headers=_PLAIN, allow_redirects=False, auto_decompress=False
    ) as response:
        if response.status != _OK:
            raise ProviderError(f"pod {pod.name} answered with HTTP {response.status} at {pod.url}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ProviderError(f"pod {pod.name} compresses its metrics at {pod.url}: serve them as they are")
        try:
            return b"\n".join([line async for line in _kept(response.content.iter_any())]).decode(errors="replace")
        except TooLargeError as error:
            raise ProviderError(
                f"the metrics page of pod {pod.name} at {pod.url} is too large: {error}. Have its model or its image "
                "report fewer metrics"
            ) from error


async def _kept(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = number = 0
    prefixes = tuple(prefix.encode() for prefix in _RELEVANT)
    lines = lines_starting_with(chunks, prefixes, most=METRICS_PAGE_BYTES, longest=METRICS_LINE_BYTES)
    async for line in lines:
        if line.startswith(_GAUGE.encode()) and b'"inbound_' not in line:
            continue
        size, number = size + len(line), number + 1
        if number > METRICS_SERIES or size > METRICS_KEPT_BYTES:
            raise TooLargeError(
                f"it counts requests in more than {METRICS_SERIES} series or {METRICS_KEPT_BYTES >> 10} KiB"
            )
        yield line


def parsed(page: str, model: str) -> PodMetrics:
    """Return the counters of a page of metrics; raises ValueError if it is not in Prometheus' format."""
    lines = list(_lines(page))
    counters = of_model((line for line in lines if line.name != _IN_FLIGHT), lambda line: line.labels, model)
    return PodMetrics(
        requests={_series(line): line.value for line in counters},
        errors={_series(line): line.value for line in counters if is_error(line.name, line.labels)},
        in_flight=_in_flight(lines),
    )


def _lines(page: str) -> Iterator[Line]:
    relevant = "\n".join(line for line in page.split("\n") if line.startswith(_RELEVANT))
    for family in text_string_to_metric_families(f"{relevant}\n"):
        yield from family.samples


def _series(line: Line) -> str:
    return f"{line.name} {' '.join(f'{label}={value}' for label, value in sorted(line.labels.items()))}"


def _in_flight(lines: list[Line]) -> int | None:
    gauges = [
        reading(line.value)
        for line in lines
        if line.name == _IN_FLIGHT and _INBOUND.fullmatch(line.labels.get(_LISTENER, ""))
    ]
    valid = [gauge for gauge in gauges if not isinstance(gauge, NoData)]
    return sum(valid) if valid and len(valid) == len(gauges) else None

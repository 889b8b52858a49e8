"""Reads the metrics of one pod: Triton's counters, and the sidecar's gauge of requests in flight."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Line

from nereid.api import names
from nereid.controller.observed.counters import NoData, reading
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.inference import FAILURES, SUCCESSES, is_error, of_model

TIMEOUT_SECONDS: Final = 5.0
MAX_PAGE_BYTES: Final = 16 * 2**20

_IN_FLIGHT: Final = "envoy_http_downstream_rq_active"
_LISTENER: Final = "http_conn_manager_prefix"
# The sidecar's listeners of Triton's ports, whatever the address family; Envoy may leave Istio's delimiter in the name.
_INBOUND: Final = re.compile(rf"inbound_.*_({names.PORT_HTTP}|{names.PORT_GRPC});?")
# A sidecar's page has thousands of lines; only these are parsed.
_RELEVANT: Final = (f"{SUCCESSES}{{", f"{FAILURES}{{", f"{_IN_FLIGHT}{{")
_OK: Final = 200


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
        return parsed(page, model)
    except ValueError as error:
        raise ProviderError(f"pod {pod.name} has no readable metrics at {pod.url}: {error}") from error


async def _page(session: aiohttp.ClientSession, pod: PodAddress) -> str:
    limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with session.get(pod.url, timeout=limits, allow_redirects=False) as response:
        if response.status != _OK:
            raise ProviderError(f"pod {pod.name} answered with HTTP {response.status} at {pod.url}")
        page = bytearray()
        async for chunk in response.content.iter_any():
            page += chunk
            if len(page) > MAX_PAGE_BYTES:
                raise ProviderError(f"pod {pod.name} has more than {MAX_PAGE_BYTES >> 20} MiB of metrics at {pod.url}")
        return page.decode(errors="replace")


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
    relevant = "\n".join(line for line in page.splitlines() if line.startswith(_RELEVANT))
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

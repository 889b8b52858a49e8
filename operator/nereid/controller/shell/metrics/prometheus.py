"""A small client of Prometheus' HTTP API: instant queries, for numbers and for raw samples.

Anything unexpected in an answer is a ProviderError: a wrong number would be worse than none.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
from yarl import URL

from nereid.contract.foreign_text import SERIES_BYTES, VALUE_BYTES, TooLargeError, read_at_most
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics.errors import ProviderError

TIMEOUT_SECONDS: Final = 10.0
# Answers with series that are read and parsed at a time: each costs a multiple of its size.
MAX_PARSED: Final = 1
_MAX_QUOTED: Final = 300
_OK: Final = 200
_REJECTED_QUERY: Final = frozenset({400, 422})
_NOT_ALLOWED: Final = frozenset({401, 403})

# The bounds hold for the content, and compressed answers may expand a thousand times.
_PLAIN: Final = {"Accept-Encoding": "identity"}

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class RawSeries:
    """A series with its samples as they were scraped: times in seconds of Unix time, and values."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


class Prometheus:
    """Queries one Prometheus, or any server with its API."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._url = f"{settings.prometheus_url.rstrip('/')}/api/v1/query"
        self._token_file = settings.prometheus_token_file
        self._authorities = _Authorities(settings.prometheus_ca_file)
        self._parsing = asyncio.Semaphore(MAX_PARSED)

    async def raw_series(self, selector: str, seconds: int, at: float) -> list[RawSeries]:
        """Return the samples of the selected series in the seconds before a moment."""
        return await self._query(f"{selector}[{seconds}s]", at, self._read_series)

    async def values(self, query: str, at: float) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and values that a query has at a moment; a scalar is one value without labels."""
        return await self._query(query, at, self._read_values)

    async def rows(self, query: str, at: float) -> list[tuple[Mapping[str, str], float]]:
        """Return the same for a query of ours, whose answer grows with the number of models."""
        return await self._query(query, at, self._read_rows)

    async def _read_series(self, response: aiohttp.ClientResponse) -> list[RawSeries]:
        too_large = (
            f"{self._name} holds more than {SERIES_BYTES >> 20} MiB of samples for one query: keep fewer labels of "
            "its targets, or scrape less often"
        )
        async with self._parsing:
            body = await _body(response, SERIES_BYTES, too_large)
            return await asyncio.to_thread(self._parsed, _raw_series, response.status, body)

    async def _read_rows(self, response: aiohttp.ClientResponse) -> list[tuple[Mapping[str, str], float]]:
        too_large = f"{self._name} answers one query with more than {SERIES_BYTES >> 20} MiB"
        async with self._parsing:
            body = await _body(response, SERIES_BYTES, too_large)
            return await asyncio.to_thread(self._parsed, _values, response.status, body)

    async def _read_values(self, response: aiohttp.ClientResponse) -> list[tuple[Mapping[str, str], float]]:
        too_large = f"the answer is larger than {VALUE_BYTES >> 10} KiB, but has to be one number: aggregate it"
        return self._parsed(_values, response.status, await _body(response, VALUE_BYTES, too_large))

    async def _query(
        self, query: str, at: float, read: Callable[[aiohttp.ClientResponse], Awaitable[_Parsed]]
    ) -> _Parsed:
        form = {"query": query, "time": f"{at:.3f}", "timeout": f"{TIMEOUT_SECONDS:g}s"}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._sent(form) as response:
                return await read(response)
        except TimeoutError as error:
            raise ProviderError(f"{self._name} did not answer within {TIMEOUT_SECONDS:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderError(f"{self._name} cannot be reached: {error or type(error).__name__}") from error

    def _sent(self, form: Mapping[str, str]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._session.post(
            self._url,
            data=form,
            headers=self._headers(),
            ssl=self._authorities.context(),
            allow_redirects=False,  # a redirect leads to a login page, and the token must not be sent elsewhere
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        )

    def _headers(self) -> Mapping[str, str]:
        """Return the headers of a request; the token is read each time, as it is replaced while it is used."""
        if not self._token_file:
            return _PLAIN
        return {**_PLAIN, "Authorization": f"Bearer {Path(self._token_file).read_text().strip()}"}

    def _data(self, status: int, body: bytes) -> Any:
        answer = _json_object(body)
        message = str(answer.get("error") or body[:_MAX_QUOTED].decode(errors="replace"))
        if status in _REJECTED_QUERY and answer:
            raise ProviderError(f"{self._name} rejects the query: {message}")
        if status in _NOT_ALLOWED:
            raise ProviderError(
                f"{self._name} denies the operator access (HTTP {status}): give it a token that may query"
            )
        if status != _OK or answer.get("status") == "error":
            raise ProviderError(f"{self._name} answered with HTTP {status}: {message}")
        if answer.get("warnings"):
            raise ProviderError(f"{self._name} warns that its answer is incomplete: {answer['warnings']}")
        if answer.get("status") != "success" or "data" not in answer:
            raise ProviderError(f"{self._name} answered with something that is not a query result: {message}")
        return answer["data"]

    def _parsed(self, parse: Callable[[Any], _Parsed], status: int, body: bytes) -> _Parsed:
        data = self._data(status, body)
        try:
            return parse(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProviderError(
                f"{self._name} answered with something that is not a query result: {error!r}"
            ) from error

    @property
    def _name(self) -> str:
        """Its name in messages, without credentials, as messages are shown in status."""
        try:
            url = URL(self._url)
            return f"Prometheus at {url.with_user(None).origin() if url.is_absolute() else url}"
        except ValueError:
            return "Prometheus"


class _Authorities:
    """The certificates by which the server is trusted, read again when their file changes."""

    def __init__(self, file: str) -> None:
        self._file = Path(file) if file else None
        self._modified_at = -1
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | bool:
        """Return the context for https; True stands for the system's own certificates."""
        if self._file is None:
            return True
        modified_at = self._file.stat().st_mtime_ns
        if self._context is None or modified_at != self._modified_at:
            self._context = ssl.create_default_context(cafile=str(self._file))
            self._modified_at = modified_at
        return self._context


async def _body(response: aiohttp.ClientResponse, max_bytes: int, too_large: str) -> bytes:
    try:
        return await read_at_most(response.content.iter_any(), max_bytes)
    except TooLargeError as error:
        raise ProviderError(too_large) from error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _raw_series(data: Any) -> list[RawSeries]:
    if data["resultType"] != "matrix":
        raise ValueError(f"a {data['resultType']} instead of a matrix")
    return [
        RawSeries(
            labels=dict(series["metric"]),
            samples=tuple((float(time), float(value)) for time, value in series.get("values", ())),
        )
        for series in data["result"]
    ]


def _values(data: Any) -> list[tuple[Mapping[str, str], float]]:
    if data["resultType"] == "scalar":
        return [({}, float(data["result"][1]))]
    if data["resultType"] != "vector":
        raise ValueError(f"a {data['resultType']} instead of a vector")
    return [(dict(series["metric"]), float(series["value"][1])) for series in data["result"]]

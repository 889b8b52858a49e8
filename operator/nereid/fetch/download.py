"""Streaming of one file over https to disk: in constant memory, through interruptions, without showing secrets."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from nereid.fetch.failures import InterruptionError, explained, failed, refusal
from nereid.fetch.partial import PartialFile
from nereid.fetch.source import HttpsSource, without_secrets

CHUNK_BYTES: Final = 1 << 20
MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds, and how often to try again; an attempt that brought something does not count."""

    total: float = 3600
    connect: float = 15
    idle: float = 60
    attempts: int = 5
    first_pause: float = 1
    longest_pause: float = 30


def download(source: HttpsSource, into: Path, trust: ssl.SSLContext, limits: Limits) -> None:
    """Download the file at the source; what an earlier call brought is continued.

    Raise FetchError when it cannot be had. Connection errors and the statuses 408, 425, 429 and 5xx are tried again;
    redirects are followed to https alone.
    """
    asyncio.run(_within_limits(source, PartialFile(into), trust, limits))


async def _within_limits(source: HttpsSource, part: PartialFile, trust: ssl.SSLContext, limits: Limits) -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect, sock_read=limits.idle)
    connector = aiohttp.TCPConnector(ssl=trust)
    try:
        # Encoded content is kept as it is: ranges and the digest count the bytes of the file itself.
        async with (
            asyncio.timeout(limits.total),
            aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
        ):
            await _attempts(session, source, part, limits)
    except TimeoutError as error:
        raise failed(
            f"{source} was not complete after {limits.total:.0f} s, {part.size} bytes have arrived: "
            "serve it from a faster server; the next start of the pod's init container continues"
        ) from error


async def _attempts(session: aiohttp.ClientSession, source: HttpsSource, part: PartialFile, limits: Limits) -> None:
    failures, furthest = 0, part.size
    while True:
        try:
            return await _transfer(session, source, part)
        except InterruptionError as interruption:
            failures, furthest = (0, part.size) if part.size > furthest else (failures + 1, furthest)
            if failures >= limits.attempts:
                raise interruption.failure from interruption
            logger.warning("%s; trying again", interruption.failure.sentence)
        await asyncio.sleep(min(limits.first_pause * 2 ** max(0, failures - 1), limits.longest_pause))


async def _transfer(session: aiohttp.ClientSession, source: HttpsSource, part: PartialFile) -> None:
    try:
        async with await _respond(session, source, part.resume_headers()) as response:
            _accept(response, part, source)
            with part.appending() as file:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    file.write(chunk)
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise explained(error, source) from error


async def _respond(
    session: aiohttp.ClientSession, source: HttpsSource, headers: dict[str, str]
) -> aiohttp.ClientResponse:
    url = source.url
    for _ in range(MAX_REDIRECTS + 1):
        response = await session.get(url, headers={"Accept-Encoding": "identity", **headers}, allow_redirects=False)
        if response.status not in REDIRECTS:
            return response
        response.release()
        url = _redirected(url, response.headers.get("Location", ""), source)
    raise failed(f"{source} redirects more than {MAX_REDIRECTS} times: let spec.model.uri name the file itself")


def _redirected(url: URL, location: str, source: HttpsSource) -> URL:
    try:
        target = url.join(URL(location, encoded=True))
    except ValueError as error:
        raise failed(f"{source} redirects to no valid URL: let spec.model.uri name the file itself") from error
    if target.scheme != "https":
        raise failed(f"{source} redirects to {without_secrets(target)}, which is not https: use its https:// address")
    return target


def _accept(response: aiohttp.ClientResponse, part: PartialFile, source: HttpsSource) -> None:
    """Make the partial file ready for the response's body; raise when there is none to be had."""
    status = response.status
    if status == HTTPStatus.PARTIAL_CONTENT:
        if response.headers.get("Content-Range", "").startswith(f"bytes {part.size}-"):
            logger.info("Continuing %s at %d bytes", source, part.size)
            return
        part.begin(None)
        raise InterruptionError(failed(f"{source} was answered with another range than asked for"))
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.begin(None)
        raise InterruptionError(failed(f"{source} has become shorter while it was downloaded"))
    if status != HTTPStatus.OK:
        raise refusal(status, source)
    part.begin(response.headers.get("ETag"))

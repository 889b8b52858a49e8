"""Activators tell each other what they have: KEDA asks one of them, and requests wait at any.

Each has a connection to each other one, over which that one tells, as lines of JSON, what it has of every target, then
each change, and every second that it is there. A connection is kept while the other one ends, until its last request is
answered. What an activator that is gone has told is believed for some seconds more.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import astuple
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp import web

from nereid.activator.activity import Activity, Share
from nereid.activator.gate import Clock
from nereid.activator.keys import Keys
from nereid.activator.options import Timing
from nereid.activator.targets import InvalidTargetError, Target, parse_target
from nereid.api.names import HEADER_PROOF
from nereid.contract.proof import peer_proofs

PATH: Final = "/activity"
# Changes within this time are told together.
_GATHER_SECONDS: Final = 0.02
# This many times what they take between two lines, the other one is taken for gone.
_SILENT_TIMES: Final = 5
_CONNECT_SECONDS: Final = 2.0
# How long an activator that ends waits for the others to hang up, which they do not. To the library, 0 means for ever.
_END_SECONDS: Final = 0.1
_RESOLVE_SECONDS: Final = 2.0
# Some 20,000 targets with long names.
_LONGEST_LINE: Final = 2**22
_MOST_PEERS: Final = 16

_logger = logging.getLogger(__name__)

# Returns where the other activators are, as HOST:PORT; None: not known at the moment.
Resolve = Callable[[], Awaitable[Collection[str] | None]]


def in_dns(name: str, port: int, own_address: str) -> Resolve:
    """Return what looks for the other activators behind a name in DNS; none if the name is empty."""

    async def resolve() -> Collection[str] | None:
        if not name:
            return ()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (TimeoutError, OSError):
            return None
        hosts = sorted({str(address[0]) for *_, address in found} - {own_address})[:_MOST_PEERS]
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts]

    return resolve


class Teller:
    """Tells other activators what this one has."""

    def __init__(self, activity: Activity, keys: Keys, timing: Timing, clock: Clock) -> None:
        self._activity = activity
        self._keys = keys
        self._timing = timing
        self._clock = clock
        self._listening = 0

    def runner(self) -> web.AppRunner:
        """Return a server for the other activators."""
        application = web.Application()
        application.router.add_get(PATH, self._tell)
        return web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=_END_SECONDS)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        if not self._keys.peer_is_proven(request.headers.get(HEADER_PROOF, "")):
            return web.Response(status=web.HTTPForbidden.status_code, text="this port is for activators of one release")
        if self._listening >= _MOST_PEERS:
            return web.Response(status=web.HTTPServiceUnavailable.status_code, text="too many activators")
        self._listening += 1
        try:
            response = web.StreamResponse()
            await response.prepare(request)
            with suppress(ConnectionError):
                async for line in self._lines():
                    await response.write(line)
        finally:
            self._listening -= 1
        return response

    async def _lines(self) -> AsyncIterator[bytes]:
        changed, news = set[Target](), asyncio.Event()

        def note(target: Target) -> None:
            changed.add(target)
            news.set()

        self._activity.listeners.append(note)
        try:
            yield self._line(self._activity.known(), is_all=True)
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), self._timing.peer_seconds)
                    await asyncio.sleep(_GATHER_SECONDS)
                targets = changed.copy()
                changed.clear()
                news.clear()
                yield self._line(targets, is_all=False)
        finally:
            self._activity.listeners.remove(note)

    def _line(self, targets: Iterable[Target], *, is_all: bool) -> bytes:
        now = self._clock()
        shares = {target.host: astuple(self._activity.share(target, now)) for target in targets}
        return json.dumps({"all": is_all, "targets": shares}).encode() + b"\n"


class Peers:
    """Listens to the other activators."""

    def __init__(
        self, activity: Activity, keys: Keys, resolve: Resolve, timing: Timing, *, clock: Clock, domain: str
    ) -> None:
        self._activity = activity
        self._keys = keys
        self._resolve = resolve
        self._timing = timing
        self._clock = clock
        self._domain = domain
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wanted: frozenset[str] = frozenset()
        self._heard: set[str] = set()
        self._has_looked = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen within the context, which begins once all that are there have told what they have, or soon after."""
        task = asyncio.create_task(self._run(), name="looks for other activators")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.peer_start_seconds):
                    while not (self._has_looked and self._wanted <= self._heard):  # noqa: ASYNC110 - seconds, once
                        await asyncio.sleep(min(0.05, self._timing.peer_seconds))
            yield
        finally:
            tasks = [task, *self._tasks.values()]
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            found = await self._resolve()
            if found is not None:
                self._wanted = frozenset(found)
                self._has_looked = True
            for address in self._wanted - self._tasks.keys():
                task = asyncio.create_task(self._follow(address), name=f"listens to {address}")
                self._tasks[address] = task
                task.add_done_callback(partial(self._forget, address))
            await asyncio.sleep(self._timing.peer_seconds)

    def _forget(self, address: str, _: asyncio.Task[None]) -> None:
        self._tasks.pop(address, None)

    async def _follow(self, address: str) -> None:
        """Listen to one for as long as it is there; what it has told is forgotten a while after it has gone."""
        last_heard = self._clock()
        while address in self._wanted or self._clock() - last_heard < self._timing.peer_memory_seconds:
            try:
                async for line in self._lines(address):
                    self._put(address, line)
                    self._heard.add(address)
                    last_heard = self._clock()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, KeyError) as error:
                _logger.info("the activator at %s does not tell what it has: %r", address, error)
            if self._clock() - last_heard >= self._timing.peer_memory_seconds:
                self._activity.drop_other(address, self._clock())
            await asyncio.sleep(self._timing.peer_seconds)
        self._activity.drop_other(address, self._clock())
        self._heard.discard(address)

    async def _lines(self, address: str) -> AsyncIterator[Mapping[str, Any]]:
        silence = self._timing.peer_seconds * _SILENT_TIMES
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=silence)
        # Another key comes to one of them minutes before it comes to the other.
        headers = {HEADER_PROOF: peer_proofs(self._keys.all)}
        async with (
            aiohttp.ClientSession(timeout=timeout, read_bufsize=_LONGEST_LINE) as session,
            session.get(f"http://{address}{PATH}", headers=headers, raise_for_status=True) as answer,
        ):
            while line := await answer.content.readline():
                content = json.loads(line)
                if not isinstance(content, dict):
                    raise TypeError
                yield content

    def _put(self, address: str, line: Mapping[str, Any]) -> None:
        shares: dict[Target, Share] = {}
        for host, share in line["targets"].items():
            with suppress(InvalidTargetError):
                shares[parse_target(host, self._domain)] = Share(*share)
        self._activity.put_other(address, shares, self._clock(), is_all=line["all"])

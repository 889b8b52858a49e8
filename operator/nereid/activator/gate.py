"""Holds a request until its target answers: one prober for each target and protocol, however many requests wait."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nereid.activator.activity import Activity, TooManyWaitingError
from nereid.activator.instruments import Instruments, Outcome
from nereid.activator.options import Timing
from nereid.activator.targets import Target

# In a row, with a pause between any two. Of a target that has woken up: a proxy tells its threads one after another.
WOKEN: Final = 2
# Of a target that answers at once: its pods may be about to go, and answer until every proxy has heard of that.
FOUND_AWAKE: Final = 5

_logger = logging.getLogger(__name__)

Clock = Callable[[], float]
# Says whether the target answers, by the way that requests take; it does not raise.
Probe = Callable[[Target], Awaitable[bool]]


class Protocol(StrEnum):
    """How a client speaks."""

    REST = "rest"
    GRPC = "grpc"


class RefusedError(Exception):
    """A request that is not passed on; the message is a sentence for the client."""

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome


@dataclass(slots=True)
class _Prober:
    task: asyncio.Task[None]
    waiters: int = 0


class Gate:
    """What each request passes on its way, whatever its protocol."""

    def __init__(
        self,
        activity: Activity,
        instruments: Instruments,
        probes: Mapping[Protocol, Probe],
        timing: Timing,
        clock: Clock,
    ) -> None:
        self._activity = activity
        self._instruments = instruments
        self._probes = probes
        self._timing = timing
        self._clock = clock
        self._probers: dict[tuple[Protocol, Target], _Prober] = {}
        self._ready_until: dict[tuple[Protocol, Target], float] = {}

    @asynccontextmanager
    async def passage(self, protocol: Protocol, target: Target, seconds: float) -> AsyncIterator[None]:
        """Wait at most `seconds` until the target is ready; within the context it stays wanted.

        Raises RefusedError. Whatever becomes of the request is counted.
        """
        outcome = Outcome.FAILED
        self._activity.begin(target)
        try:
            await self._hold(protocol, target, seconds)
            yield
            outcome = Outcome.FORWARDED
        except RefusedError as error:
            outcome = error.outcome
            raise
        except asyncio.CancelledError:
            outcome = Outcome.CANCELLED
            raise
        finally:
            self._activity.end(target, self._clock())
            self._instruments.count(protocol, outcome)

    def distrust(self, protocol: Protocol, target: Target) -> None:
        """Probe a target anew that has lost its last pod since it answered."""
        self._ready_until.pop((protocol, target), None)

    async def _hold(self, protocol: Protocol, target: Target, seconds: float) -> None:
        began = self._clock()
        try:
            with self._activity.hold(target):
                async with asyncio.timeout(seconds):
                    await self._ready(protocol, target)
        except TooManyWaitingError as error:
            raise RefusedError(
                Outcome.OVERLOADED,
                f"too many requests wait for {target.name} in namespace {target.namespace} to wake up",
            ) from error
        except TimeoutError as error:
            raise self._too_late(target, seconds) from error
        finally:
            self._instruments.observe_wait(protocol, self._clock() - began)

    def _too_late(self, target: Target, seconds: float) -> RefusedError:
        where = f"{target.name} in namespace {target.namespace}"
        if self._activity.heard(target, max(seconds, self._timing.silence_seconds), self._clock()):
            return RefusedError(Outcome.TIMEOUT, f"{where} did not become ready within {seconds:g} s; see its pods")
        return RefusedError(
            Outcome.UNREGISTERED,
            f"KEDA has not asked about {where} for {seconds:g} s, so that nothing wakes it up; "
            "see the conditions of its ScaledObject and whether KEDA runs",
        )

    async def _ready(self, protocol: Protocol, target: Target) -> None:
        key = protocol, target
        if self._clock() < self._ready_until.get(key, 0):
            return
        prober = self._probers.get(key)
        if prober is None:
            task = asyncio.create_task(
                self._probe_until_ready(protocol, target), name=f"probe {protocol} {target.host}"
            )
            prober = self._probers[key] = _Prober(task)
        prober.waiters += 1
        try:
            await asyncio.shield(prober.task)
        finally:
            prober.waiters -= 1
            if not prober.waiters:
                del self._probers[key]
                prober.task.cancel()

    async def _probe_until_ready(self, protocol: Protocol, target: Target) -> None:
        began, registered, successes, needed = self._clock(), False, 0, FOUND_AWAKE
        while True:
            registered = registered or self._activity.registered(target, self._clock())
            if registered and await self._probes[protocol](target):
                successes += 1
            elif registered:
                successes, needed = 0, WOKEN
            if successes == needed:
                break
            await asyncio.sleep(self._timing.probe_seconds)
        now = self._clock()
        self._ready_until = {key: until for key, until in self._ready_until.items() if until > now}
        self._ready_until[protocol, target] = now + self._timing.ready_seconds
        if now - began > FOUND_AWAKE * self._timing.probe_seconds:
            fields = {"target": target.host, "protocol": protocol.value, "seconds": round(now - began, 3)}
            _logger.info("%s answers %s, after %.1f s", target.host, protocol, now - began, extra=fields)

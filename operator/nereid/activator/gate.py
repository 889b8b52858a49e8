"""Holds a request until its target answers: one prober for each target and protocol, however many requests wait."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nereid.activator.activity import Activity, TooManyWaitingError
from nereid.activator.budget import Budget, OverBudgetError
from nereid.activator.instruments import Instruments, Outcome
from nereid.activator.options import Timing
from nereid.activator.route import Routed
from nereid.activator.targets import Target

# Successful probes in a row that make a target ready, after it was asleep: a proxy updates its threads one by one.
PROBES_AFTER_SLEEP: Final = 2
# The same for a target that answers at once: its pods may be ending, and answer until every proxy knows of that.
PROBES_IF_AWAKE: Final = 5

_logger = logging.getLogger(__name__)

Clock = Callable[[], float]
# Whether the target answers, over the same route as requests; it does not raise.
Probe = Callable[[Target], Awaitable[bool]]


class Protocol(StrEnum):
    """The protocol of a request."""

    REST = "rest"
    GRPC = "grpc"


class _NotRegisteredError(Exception):
    """KEDA does not ask about the target, so nothing wakes it up."""


class NotForwardedError(Exception):
    """A request that is not forwarded; the message is a sentence for the client."""

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome


@dataclass(slots=True)
class _Prober:
    task: asyncio.Task[None]
    waiters: int = 0


class Gate:
    """Holds each request, of whichever protocol, until its target is ready."""

    def __init__(
        self,
        activity: Activity,
        budget: Budget,
        instruments: Instruments,
        probes: Mapping[Protocol, Probe],
        timing: Timing,
        *,
        clock: Clock,
    ) -> None:
        self._activity = activity
        self._budget = budget
        self._instruments = instruments
        self._probes = probes
        self._timing = timing
        self._clock = clock
        self._probers: dict[tuple[Protocol, Target], _Prober] = {}
        self._ready_until: dict[tuple[Protocol, Target], float] = {}

    @asynccontextmanager
    async def admit(self, protocol: Protocol, routed: Routed, size: int) -> AsyncIterator[None]:
        """Wait until the target is ready, for as long as the route says; within the context the target stays active.

        `size`: how many bytes the request takes here at most. Raises NotForwardedError. The outcome is counted.
        """
        outcome, target = Outcome.FAILED, routed.target
        try:
            with self._budget.take(target.namespace, size):
                self._activity.begin(target)
                try:
                    await self._hold(protocol, target, routed.seconds)
                    yield
                    outcome = Outcome.FORWARDED
                finally:
                    self._activity.end(target, self._clock())
        except OverBudgetError as error:
            outcome = Outcome.OVERLOADED
            raise NotForwardedError(outcome, f"{error}; try again later") from error
        except NotForwardedError as error:
            outcome = error.outcome
            raise
        except asyncio.CancelledError:
            outcome = Outcome.CANCELLED
            raise
        finally:
            self._instruments.count(protocol, outcome)

    def reject(self, protocol: Protocol, outcome: Outcome) -> None:
        """Count a request that is rejected before it is known for whom it is."""
        self._instruments.count(protocol, outcome)

    def probe_again(self, protocol: Protocol, target: Target) -> None:
        """Probe a target again, which has lost its last pod since it answered."""
        self._ready_until.pop((protocol, target), None)

    async def _hold(self, protocol: Protocol, target: Target, seconds: float) -> None:
        began = self._clock()
        try:
            with self._activity.hold(target, is_registered=self._activity.registered(target, began)):
                async with asyncio.timeout(seconds):
                    await self._ready(protocol, target)
        except TooManyWaitingError as error:
            raise NotForwardedError(
                Outcome.OVERLOADED,
                f"too many requests wait for {target.name} in namespace {target.namespace} to wake up",
            ) from error
        except TimeoutError as error:
            raise self._timed_out(target, seconds) from error
        except _NotRegisteredError as error:
            raise _unregistered(target, self._timing.first_poll_seconds) from error
        finally:
            self._instruments.observe_wait(protocol, self._clock() - began)

    def _timed_out(self, target: Target, seconds: float) -> NotForwardedError:
        where = f"{target.name} in namespace {target.namespace}"
        if self._activity.keda_called_within(target, max(seconds, self._timing.silence_seconds), self._clock()):
            return NotForwardedError(
                Outcome.TIMEOUT, f"{where} did not become ready within {seconds:g} s; check its pods"
            )
        return _unregistered(target, seconds)

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
        began, registered, successes, needed = self._clock(), False, 0, PROBES_IF_AWAKE
        while True:
            registered = registered or self._activity.registered(target, self._clock())
            if not registered and self._clock() - began >= self._timing.first_poll_seconds:
                raise _NotRegisteredError
            if registered and await self._probes[protocol](target):
                successes += 1
            elif registered:
                successes, needed = 0, PROBES_AFTER_SLEEP
            if successes == needed:
                break
            await asyncio.sleep(self._timing.probe_seconds)
        now = self._clock()
        self._ready_until = {key: until for key, until in self._ready_until.items() if until > now}
        self._ready_until[protocol, target] = now + self._timing.ready_seconds
        if now - began > PROBES_IF_AWAKE * self._timing.probe_seconds:
            fields = {"target": target.host, "protocol": protocol.value, "seconds": round(now - began, 3)}
            _logger.info("%s is ready for %s after %.1f s", target.host, protocol, now - began, extra=fields)


def _unregistered(target: Target, seconds: float) -> NotForwardedError:
    return NotForwardedError(
        Outcome.UNREGISTERED,
        f"KEDA has not asked about {target.name} in namespace {target.namespace} for {seconds:g} s, so nothing wakes "
        "it up; check the conditions of its ScaledObject, and that KEDA runs",
    )

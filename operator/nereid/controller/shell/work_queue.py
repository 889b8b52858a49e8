"""A queue of keys: which objects to look at, and when.

The heart of a level-triggered operator: however many events tell that an object has changed, one worker looks at it
once more, and never two at a time. Failures are tried again, each time later; a wake-up can be asked for. No polling.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from nereid.controller.shell.cluster.errors import ApiError

Key = TypeVar("Key", bound=Hashable)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 60.0
# By then the pause has long been the longest; without a bound, the power outgrows a float and ends the worker.
_MOST_DOUBLINGS: Final = 30

logger = logging.getLogger(__name__)


class WorkQueue(Generic[Key]):
    """Keys that wait to be worked on, that are being worked on, and that are to be woken later."""

    def __init__(self) -> None:
        self._waiting: dict[Key, None] = {}  # in order of arrival
        self._running: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._available = asyncio.Event()

    def add(self, key: Key) -> None:
        """Have a key worked on: as soon as a worker is free, or once more if one is at it."""
        if key in self._running:
            self._again.add(key)
        else:
            self._waiting[key] = None
            self._available.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Have a key worked on after some time. A pass that begins earlier cancels this: it decides anew."""
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._wake, key)

    async def get(self) -> Key:
        """Wait for a key and take it; `done` has to follow."""
        while not self._waiting:
            self._available.clear()
            await self._available.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._cancel_timer(key)
        self._running[key] = time.monotonic()
        return key

    def done(self, key: Key) -> None:
        """Give back a key; what arrived for it meanwhile counts now."""
        del self._running[key]
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def retry(self, key: Key, at_least: float = 0.0) -> None:
        """Have a key that failed worked on again: each time later, at random so that failures do not march in step."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS), LONGEST_PAUSE)
        self.add_after(key, max(at_least, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load

    def forget(self, key: Key) -> None:
        """Note that a key has succeeded: its next failure is a first one."""
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._waiting)

    @property
    def longest_running_seconds(self) -> float:
        """How long the oldest unfinished pass has been going on; 0 when none is."""
        now = time.monotonic()
        return now - min(self._running.values(), default=now)

    def _wake(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _cancel_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()


async def work(queue: WorkQueue[Key], process: Callable[[Key], Awaitable[float | None]]) -> None:
    """Process keys until cancelled.

    What `process` returns is when to wake the key, in seconds; 0: it has not done all of it yet, and so it has neither
    failed nor succeeded. When it raises, the key is tried again: not before the time that the API server asked for.
    """
    while True:
        key = await queue.get()
        try:
            wake_after = await process(key)
        except ApiError as error:
            logger.warning("%s will be tried again: %s", key, error)
            queue.retry(key, error.retry_after)
        except Exception:
            # A fault in one object's pass must not stop the worker.
            logger.exception("%s failed and will be tried again", key)
            queue.retry(key)
        else:
            if wake_after != 0:
                queue.forget(key)
            if wake_after is not None:
                queue.add_after(key, wake_after)
        finally:
            queue.done(key)

"""A queue of keys: which objects to process, and when.

The core of a level-triggered operator: however many events report a change of an object, one worker processes it once
more, and never two at a time. Namespaces take turns. Failures are retried with increasing delay; a wake-up can be
scheduled. No polling.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from nereid.controller.shell.cluster.errors import ApiError
from nereid.controller.shell.turns import Turns

Key = TypeVar("Key", bound=Hashable)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 60.0
# By then the pause has reached its maximum; without a bound, the power overflows a float and ends the worker.
_MOST_DOUBLINGS: Final = 30

logger = logging.getLogger(__name__)


class WorkQueue(Generic[Key]):
    """Keys that wait for a worker, that are being processed, and that are scheduled for later."""

    def __init__(self, lane_of: Callable[[Key], Hashable] = lambda _: None, most_of_one: int | None = None) -> None:
        """Keys of one lane come in the order of their arrival; lanes take turns, with `most_of_one` out at a time."""
        self._waiting = Turns[Key](lane_of, most_of_one)
        self._running: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._available = asyncio.Event()

    def add(self, key: Key) -> None:
        """Queue a key: it is processed as soon as a worker is free, or once more if one is processing it."""
        if key in self._running:
            self._again.add(key)
        else:
            self._waiting.add(key)
            self._available.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Queue a key after some time. A pass that begins earlier cancels this, as it decides again."""
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._wake, key)

    async def get(self) -> Key:
        """Wait for a key and take it; the caller has to call `done`."""
        while (key := self._waiting.take()) is None:
            self._available.clear()
            await self._available.wait()
        self._cancel_timer(key)
        self._running[key] = time.monotonic()
        return key

    def done(self, key: Key) -> None:
        """Return a key; it is queued again if it was added meanwhile."""
        del self._running[key]
        self._waiting.give_back(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        if self._waiting:
            self._available.set()  # One of its lane may be taken now.

    def retry(self, key: Key, at_least: float = 0.0) -> None:
        """Queue a key that failed: after each failure later, at random so that retries do not coincide."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS), LONGEST_PAUSE)
        self.add_after(key, max(at_least, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load

    def forget(self, key: Key) -> None:
        """Forget the failures of a key that has succeeded."""
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._waiting)

    @property
    def longest_running_seconds(self) -> float:
        """How long the oldest unfinished pass has been running; 0 if there is none."""
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
            # An error in one object's pass must not stop the worker.
            logger.exception("%s failed and will be tried again", key)
            queue.retry(key)
        else:
            if wake_after != 0:
                queue.forget(key)
            if wake_after is not None:
                queue.add_after(key, wake_after)
        finally:
            queue.done(key)

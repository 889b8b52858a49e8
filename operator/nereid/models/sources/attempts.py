"""How often, and for how long, to try a source again after interruptions."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nereid.contract.fetch_errors import FetchError
from nereid.models.sources.failures import ChangedError, InterruptionError

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in seconds, and of attempts; an attempt that made progress does not count."""

    total: float = 3600
    attempts: int = 5
    first_pause: float = 1
    longest_pause: float = 30
    patience: float = 40
    """How long a server may be silent before the fetch fails, as users should see the cause within a minute."""


class OutOfTimeError(Exception):
    """The total time limit is over."""


class Attempts:
    """The attempts at one source, from the first request to the last byte."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.total
        self._failures = 0
        self._changes = 0
        self._last_activity = time.monotonic()

    def goes_on(self) -> None:
        """Record that the server has sent something; raise OutOfTimeError if the total limit is over."""
        self._last_activity = time.monotonic()
        self.require_time()

    def require_time(self) -> None:
        """Raise OutOfTimeError if the total limit is over."""
        if time.monotonic() > self._deadline:
            raise OutOfTimeError

    def with_retries(self, request: Callable[[], T]) -> T:
        """Return the result of a request, repeated after interruptions; raise FetchError if no attempt is left."""
        while True:
            try:
                answer = request()
            except InterruptionError as interruption:
                self.interrupted(interruption)
            else:
                self.succeeded()
                return answer

    def succeeded(self) -> None:
        """Record that the source works: what follows has all attempts again."""
        self._failures = 0
        self._last_activity = time.monotonic()

    def interrupted(self, interruption: InterruptionError, *, progressed: bool = False) -> None:
        """Wait for the next attempt; raise the interruption's failure if none is left."""
        self.require_time()
        if progressed:
            self.succeeded()
        else:
            self._failures += 1
        if time.monotonic() - self._last_activity > self.limits.patience:
            raise interruption.failure
        self._pause(self._failures, interruption.failure)

    def changed(self, change: ChangedError) -> None:
        """Wait before everything is listed again; bytes between two changes do not count as progress."""
        self.require_time()
        self._changes += 1
        self._pause(self._changes, change.failure)

    def _pause(self, failures: int, failure: FetchError) -> None:
        if failures >= self.limits.attempts:
            raise failure
        logger.warning("%s; trying again", failure.sentence)
        time.sleep(min(self.limits.first_pause * 2 ** max(0, failures - 1), self.limits.longest_pause))

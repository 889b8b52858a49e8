"""How long to go on with a source that keeps breaking off."""

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
    """How long to go on in all, in seconds, and how often to try again; an attempt that brought something is free."""

    total: float = 3600
    attempts: int = 5
    first_pause: float = 1
    longest_pause: float = 30
    patience: float = 40
    """How long a server may be silent before it is given up, as the reason is to be known within a minute."""


class OutOfTimeError(Exception):
    """The time for the whole is over."""


class Attempts:
    """The attempts at one source, from the first question to the last byte."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.total
        self._failures = 0
        self._changes = 0
        self._heard = time.monotonic()

    def goes_on(self) -> None:
        """Take note of a sign of life; raise OutOfTimeError when the total limit is over."""
        self._heard = time.monotonic()
        self.require_time()

    def require_time(self) -> None:
        """Raise OutOfTimeError when the total limit is over."""
        if time.monotonic() > self._deadline:
            raise OutOfTimeError

    def asked(self, question: Callable[[], T]) -> T:
        """Return the answer to a question that may be asked again; raise FetchError when there is none."""
        while True:
            try:
                answer = question()
            except InterruptionError as interruption:
                self.interrupted(interruption)
            else:
                self.succeeded()
                return answer

    def succeeded(self) -> None:
        """Take note that the source works: what follows has all attempts again."""
        self._failures = 0
        self._heard = time.monotonic()

    def interrupted(self, interruption: InterruptionError, *, progressed: bool = False) -> None:
        """Wait for the next attempt; raise the interruption's failure when there is none left."""
        self.require_time()
        if progressed:
            self.succeeded()
        else:
            self._failures += 1
        if time.monotonic() - self._heard > self.limits.patience:
            raise interruption.failure
        self._pause(self._failures, interruption.failure)

    def changed(self, change: ChangedError) -> None:
        """Wait before everything is listed again; what arrives between two changes does not count as progress."""
        self.require_time()
        self._changes += 1
        self._pause(self._changes, change.failure)

    def _pause(self, failures: int, failure: FetchError) -> None:
        if failures >= self.limits.attempts:
            raise failure
        logger.warning("%s; trying again", failure.sentence)
        time.sleep(min(self.limits.first_pause * 2 ** max(0, failures - 1), self.limits.longest_pause))

"""Which targets KEDA asks about, and which of them are wanted: the truth that the proxies write and the scaler tells.

Pure: the time comes in as an argument, in seconds of any steady clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nereid.activator.targets import Target


class TooManyWaitingError(Exception):
    """No further request is held for the target."""


@dataclass(slots=True)
class _Record:
    """What is known of one target; times are None where it never happened."""

    streams: list[Callable[[], None]] = field(default_factory=list)
    asked: float | None = None
    under_way: int = 0
    waiting: int = 0
    ended: float | None = None


class Activity:
    """Registrations by KEDA, and requests, by target.

    A target is registered while KEDA has a stream open for it, and `registration_seconds` beyond KEDA's last call. It
    is active while a request for it is under way, and `idle_seconds` beyond the last one.
    """

    def __init__(self, *, idle_seconds: float, registration_seconds: float, waiting_limit: int) -> None:
        self._idle_seconds = idle_seconds
        self._registration_seconds = registration_seconds
        self._waiting_limit = waiting_limit
        self._records: dict[Target, _Record] = {}

    def asked(self, target: Target, now: float) -> None:
        """Note a call of KEDA's."""
        self._forget(now)
        self._record(target).asked = now

    def open_stream(self, target: Target, notify: Callable[[], None]) -> None:
        """Note a stream of KEDA's; `notify` is called whenever a first request begins to wait."""
        self._record(target).streams.append(notify)

    def close_stream(self, target: Target, notify: Callable[[], None], now: float) -> None:
        """Note that a stream has ended."""
        record = self._record(target)
        record.streams.remove(notify)
        record.asked = now

    def registered(self, target: Target, now: float) -> bool:
        """Say whether KEDA asks about the target."""
        record = self._records.get(target)
        return record is not None and self._registered(record, now)

    def active(self, target: Target, now: float) -> bool:
        """Say whether the target is wanted."""
        record = self._records.get(target)
        return record is not None and self._active(record, now)

    def waiting(self, target: Target) -> int:
        """Return how many requests wait for the target."""
        record = self._records.get(target)
        return record.waiting if record else 0

    def waiting_by_target(self) -> dict[Target, int]:
        """Return how many requests wait, for each target that is known; callable from any thread."""
        return {target: record.waiting for target, record in self._records.copy().items()}

    @property
    def under_way(self) -> int:
        """How many requests there are in all, waiting or passed on."""
        return sum(record.under_way for record in self._records.values())

    def begin(self, target: Target) -> None:
        """Note a request, which makes the target wanted."""
        self._record(target).under_way += 1

    def end(self, target: Target, now: float) -> None:
        """Note that a request is over."""
        record = self._record(target)
        record.under_way -= 1
        record.ended = now

    @contextmanager
    def hold(self, target: Target) -> Iterator[None]:
        """Count a request that has begun as waiting; raise TooManyWaitingError where the limit is reached."""
        record = self._record(target)
        if record.waiting >= self._waiting_limit:
            raise TooManyWaitingError
        record.waiting += 1
        if record.waiting == 1:
            for notify in record.streams:
                notify()
        try:
            yield
        finally:
            record.waiting -= 1

    def _record(self, target: Target) -> _Record:
        return self._records.setdefault(target, _Record())

    def _registered(self, record: _Record, now: float) -> bool:
        return bool(record.streams) or (record.asked is not None and now - record.asked <= self._registration_seconds)

    def _active(self, record: _Record, now: float) -> bool:
        return record.under_way > 0 or (record.ended is not None and now - record.ended <= self._idle_seconds)

    def _forget(self, now: float) -> None:
        """Drop what nobody asks about and no request is for, such as revisions that are gone."""
        for target, record in list(self._records.items()):
            if not self._registered(record, now) and not self._active(record, now):
                del self._records[target]

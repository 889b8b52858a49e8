"""Which targets KEDA asks about, and which of them have requests: written by the proxies, read by the scaler.

Pure: the time comes in as an argument, in seconds of any monotonic clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nereid.activator.recent import Recent
from nereid.activator.targets import Target


class TooManyWaitingError(Exception):
    """No further request is held for the target."""


@dataclass(slots=True)
class _Record:
    """The open streams and requests of one target."""

    streams: list[Callable[[], None]] = field(default_factory=list)
    in_flight: int = 0
    waiting: int = 0


class Activity:
    """Registrations by KEDA, and requests, by target.

    A target is registered while KEDA has a stream open for it, and `registration_seconds` beyond KEDA's last call:
    registration means that requests may be forwarded to it, not that KEDA is there to wake it up. It is active while a
    request for it is in flight, and `idle_seconds` beyond the last one. Past calls and requests are remembered for
    `target_limit` targets.
    """

    def __init__(
        self, *, idle_seconds: float, registration_seconds: float, waiting_limit: int, target_limit: int
    ) -> None:
        self._idle_seconds = idle_seconds
        self._registration_seconds = registration_seconds
        self._waiting_limit = waiting_limit
        self._keda_calls = Recent(registration_seconds, target_limit)
        self._ended_requests = Recent(idle_seconds, target_limit)
        self._records: dict[Target, _Record] = {}

    def note_keda_call(self, target: Target, now: float) -> None:
        """Note a call of KEDA's."""
        self._keda_calls.note(target, now)

    def open_stream(self, target: Target, notify: Callable[[], None]) -> None:
        """Note a stream of KEDA's; `notify` is called whenever a first request begins to wait."""
        self._record(target).streams.append(notify)

    def close_stream(self, target: Target, notify: Callable[[], None], now: float) -> None:
        """Note that a stream has ended."""
        self._record(target).streams.remove(notify)
        self._keda_calls.note(target, now)
        self._drop_if_over(target)

    def registered(self, target: Target, now: float) -> bool:
        """Whether KEDA has asked about the target."""
        return self.keda_called_within(target, self._registration_seconds, now)

    def keda_called_within(self, target: Target, seconds: float, now: float) -> bool:
        """Whether KEDA has a stream open for the target or has asked about it in the last `seconds`."""
        record = self._records.get(target)
        return bool(record and record.streams) or self._keda_calls.within(target, seconds, now)

    def active(self, target: Target, now: float) -> bool:
        """Whether the target has requests, or had some within the idle time."""
        record = self._records.get(target)
        return bool(record and record.in_flight) or self._ended_requests.within(target, self._idle_seconds, now)

    def waiting(self, target: Target) -> int:
        """Return how many requests wait for the target."""
        record = self._records.get(target)
        return record.waiting if record else 0

    def waiting_by_target(self) -> dict[Target, int]:
        """Return how many requests wait, for each target with a stream or requests; callable from any thread."""
        return {target: record.waiting for target, record in self._records.copy().items()}

    @property
    def in_flight(self) -> int:
        """How many requests there are in all, waiting or forwarded."""
        return sum(record.in_flight for record in self._records.values())

    def begin(self, target: Target) -> None:
        """Note a request, which makes the target active."""
        self._record(target).in_flight += 1

    def end(self, target: Target, now: float) -> None:
        """Note that a request is over."""
        self._record(target).in_flight -= 1
        self._ended_requests.note(target, now)
        self._drop_if_over(target)

    @contextmanager
    def hold(self, target: Target) -> Iterator[None]:
        """Count a request that has begun as waiting; raise TooManyWaitingError if the limit is reached."""
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

    def _drop_if_over(self, target: Target) -> None:
        record = self._records[target]
        if not record.streams and not record.in_flight:
            del self._records[target]

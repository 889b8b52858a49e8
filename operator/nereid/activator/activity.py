"""Which targets KEDA asks about, and which of them have requests: written by the proxies, read by the scaler.

It knows both of this activator and, by what they tell, of the others: KEDA asks one of several, and a request may wait
at another. Pure: the time comes in as an argument, in seconds of any monotonic clock.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from nereid.activator.recent import Recent
from nereid.activator.targets import Target


class TooManyWaitingError(Exception):
    """No further request is held for the target."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one activator has of a target: requests, KEDA's open streams, and the seconds since KEDA last asked."""

    in_flight: int = 0
    waiting: int = 0
    streams: int = 0
    asked: float | None = None


_NOTHING = Share()


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
    `target_limit` targets. `listeners` are called whenever this activator's own share of a target changes.
    """

    def __init__(
        self,
        *,
        idle_seconds: float,
        registration_seconds: float,
        waiting_limit: int,
        waiting_unregistered: int,
        target_limit: int,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._registration_seconds = registration_seconds
        self._waiting_limit = waiting_limit
        self._waiting_unregistered = waiting_unregistered
        self._target_limit = target_limit
        self._keda_calls = Recent(registration_seconds, target_limit)
        self._ended_requests = Recent(idle_seconds, target_limit)
        self._records: dict[Target, _Record] = {}
        self._others: dict[str, dict[Target, Share]] = {}
        self.listeners: list[Callable[[Target], None]] = []

    def note_keda_call(self, target: Target, now: float) -> None:
        """Note a call of KEDA's."""
        self._keda_calls.note(target, now)
        self._tell(target)

    def open_stream(self, target: Target, notify: Callable[[], None]) -> None:
        """Note a stream of KEDA's; `notify` is called whenever a first request begins to wait."""
        self._record(target).streams.append(notify)
        self._tell(target)

    def close_stream(self, target: Target, notify: Callable[[], None], now: float) -> None:
        """Note that a stream has ended."""
        self._record(target).streams.remove(notify)
        self._keda_calls.note(target, now)
        self._drop_if_over(target)
        self._tell(target)

    def registered(self, target: Target, now: float) -> bool:
        """Whether KEDA has asked about the target."""
        return self.keda_called_within(target, self._registration_seconds, now)

    def keda_called_within(self, target: Target, seconds: float, now: float) -> bool:
        """Whether KEDA has a stream open for the target, anywhere, or has asked about it in the last `seconds`."""
        record = self._records.get(target)
        has_stream = bool(record and record.streams) or any(share.streams for share in self._elsewhere(target))
        return has_stream or self._keda_calls.within(target, seconds, now)

    def active(self, target: Target, now: float) -> bool:
        """Whether the target has requests, anywhere, or had some within the idle time."""
        record = self._records.get(target)
        has_requests = bool(record and record.in_flight) or any(share.in_flight for share in self._elsewhere(target))
        return has_requests or self._ended_requests.within(target, self._idle_seconds, now)

    def waiting(self, target: Target) -> int:
        """Return how many requests wait for the target, in all activators."""
        record = self._records.get(target)
        return (record.waiting if record else 0) + sum(share.waiting for share in self._elsewhere(target))

    def waiting_by_target(self) -> dict[Target, int]:
        """Return how many requests wait here, for each target with a stream or requests; callable from any thread."""
        return {target: record.waiting for target, record in self._records.copy().items()}

    @property
    def in_flight(self) -> int:
        """How many requests there are here in all, waiting or forwarded."""
        return sum(record.in_flight for record in self._records.values())

    def begin(self, target: Target) -> None:
        """Note a request, which makes the target active."""
        self._record(target).in_flight += 1
        self._tell(target)

    def end(self, target: Target, now: float) -> None:
        """Note that a request is over."""
        self._record(target).in_flight -= 1
        self._ended_requests.note(target, now)
        self._drop_if_over(target)
        self._tell(target)

    @contextmanager
    def hold(self, target: Target, *, is_registered: bool) -> Iterator[None]:
        """Count a request that has begun as waiting; raise TooManyWaitingError if the limit is reached."""
        record = self._record(target)
        limit = self._waiting_limit if is_registered else min(self._waiting_limit, self._waiting_unregistered)
        if record.waiting >= limit:
            raise TooManyWaitingError
        record.waiting += 1
        self._tell(target)
        if record.waiting == 1:
            self._notify(target)
        try:
            yield
        finally:
            record.waiting -= 1
            self._tell(target)

    def share(self, target: Target, now: float) -> Share:
        """Return what this activator has of a target."""
        record = self._records.get(target)
        asked = self._keda_calls.age(target, now)
        return Share(record.in_flight, record.waiting, len(record.streams), asked) if record else Share(asked=asked)

    def known(self) -> set[Target]:
        """Return the targets of which this activator has anything."""
        return {*self._records, *self._keda_calls.targets()}

    def put_other(self, name: str, shares: Mapping[Target, Share], now: float, *, is_all: bool) -> None:
        """Note what another activator has of some targets, or `is_all`: that it has nothing of any other."""
        before = self._others.setdefault(name, {})
        for target in [target for target in before if target not in shares] if is_all else ():
            self._put_share(before, target, _NOTHING, now)
        for target, share in shares.items():
            self._put_share(before, target, share, now)

    def drop_other(self, name: str, now: float) -> None:
        """Forget another activator, which is gone, and its requests with it."""
        self.put_other(name, {}, now, is_all=True)
        self._others.pop(name, None)

    def _put_share(self, shares: dict[Target, Share], target: Target, share: Share, now: float) -> None:
        before = shares.pop(target, _NOTHING)
        if (share.in_flight or share.streams) and len(shares) < self._target_limit:
            shares[target] = share
        if before.in_flight and not share.in_flight:
            self._ended_requests.note(target, now)
        if share.asked is not None:
            self._keda_calls.note(target, now - share.asked)
        if (share.waiting and not before.waiting) or (share.in_flight and not before.in_flight):
            self._notify(target)

    def _elsewhere(self, target: Target) -> list[Share]:
        return [shares[target] for shares in self._others.values() if target in shares]

    def _notify(self, target: Target) -> None:
        """Have KEDA's streams look at a target."""
        record = self._records.get(target)
        for notify in record.streams if record else ():
            notify()

    def _tell(self, target: Target) -> None:
        for listener in self.listeners:
            listener(target)

    def _record(self, target: Target) -> _Record:
        return self._records.setdefault(target, _Record())

    def _drop_if_over(self, target: Target) -> None:
        record = self._records[target]
        if not record.streams and not record.in_flight:
            del self._records[target]

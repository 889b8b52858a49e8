"""When something last happened to each target: forgotten after a while, and bounded in number."""

from nereid.activator.targets import Target


class Recent:
    """The latest time for each target, kept for `seconds`, for at most `limit` targets: the oldest time goes first.

    Times come nearly in their order, so that what is to be forgotten stands in front, and a note costs the same however
    many targets there are.
    """

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._times: dict[Target, float] = {}

    def note(self, target: Target, time: float) -> None:
        """Note that it happened at a time, which is now or a little before; a later one that is known stays."""
        known = self._times.get(target)
        if known is not None and known > time:
            return
        self._times.pop(target, None)
        self._times[target] = time
        self._forget(time)

    def within(self, target: Target, seconds: float, now: float) -> bool:
        """Say whether it has happened in the last `seconds`, as far back as times are kept."""
        time = self._times.get(target)
        return time is not None and now - time <= min(seconds, self._seconds)

    def age(self, target: Target, now: float) -> float | None:
        """Return how long ago it last happened; None if that is not known."""
        time = self._times.get(target)
        return None if time is None else max(0.0, now - time)

    def targets(self) -> list[Target]:
        """Return the targets that are remembered."""
        return list(self._times)

    def _forget(self, now: float) -> None:
        while True:
            target, time = next(iter(self._times.items()))
            if len(self._times) <= self._limit and now - time <= self._seconds:
                return
            del self._times[target]

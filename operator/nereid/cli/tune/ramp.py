"""The next concurrency to measure: it doubles until the objective breaks or throughput stops rising."""

from collections.abc import Sequence
from typing import Final

from nereid.cli.tune.load import Load, meets

# What doubling the concurrency must add to be more than chance and a longer queue.
_LEAST_GAIN: Final = 1.05


def next_concurrency(loads: Sequence[Load], objective: float, most: int) -> int | None:
    """Return the concurrency to measure after these loads, at most `most`; None if no further one is needed.

    It doubles from 1 while the objective holds and throughput rises. If the objective breaks, the middle between the
    last that held and the first that broke is measured as well, unless these are near each other.
    """
    if not loads:
        return 1
    good = [load for load in loads if meets(load, objective)]
    broken = [load.concurrency for load in loads if not meets(load, objective)]
    if not good:
        return None
    last = max(good, key=lambda load: load.concurrency)
    if broken:
        return _middle(last.concurrency, min(broken)) if len(broken) == 1 and last is loads[-2] else None
    if _has_stopped_rising(good) or last.concurrency >= most:
        return None
    return min(2 * last.concurrency, most)


def _middle(good: int, broken: int) -> int | None:
    return (good + broken) // 2 if broken - good > 1 else None


def _has_stopped_rising(loads: Sequence[Load]) -> bool:
    *earlier, last = loads
    return bool(earlier) and last.throughput < _LEAST_GAIN * max(load.throughput for load in earlier)

"""Waits for conditions: every wait has a deadline and says what it waited for."""

import time
from collections.abc import Callable

from cluster.errors import ClusterError


def wait_for(what: str, condition: Callable[[], bool], *, seconds: float, hint: str, interval: float = 0.1) -> float:
    """Return the seconds it took until `condition` held; raise ClusterError with `hint` at the deadline."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise ClusterError(f"{what} did not happen within {seconds:.0f} s; {hint}")
        time.sleep(interval)
    return time.monotonic() - start

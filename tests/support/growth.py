"""How the work for a text grows with its length: in ratios, as seconds depend on the machine."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

_TIMES: Final = 4
# Linear work makes four times as much of it, work that grows with the square 16 times; the rest is for noise.
_MOST: Final = 7.0
_ATTEMPTS: Final = 3
_Input = TypeVar("_Input")


def assert_linear(work: Callable[[_Input], object], text_of: Callable[[int], _Input], length: int) -> None:
    """Do the work for a text of a length and for one of four times the length; assert that it does not explode."""
    ratios = []
    for _ in range(_ATTEMPTS):
        short, long = text_of(length), text_of(_TIMES * length)
        ratios.append(_seconds(work, long) / _seconds(work, short))
        if ratios[-1] <= _MOST:
            return
    raise AssertionError(f"four times the text took {min(ratios):.1f} times the time: more than {_MOST:g}")


def _seconds(work: Callable[[_Input], object], text: _Input) -> float:
    """Return the least processor time of a few runs; a run that is too short to be measured is repeated."""
    best = float("inf")
    for _ in range(3):
        began, runs = time.process_time(), 0
        while (elapsed := time.process_time() - began) < 0.01:
            work(text)
            runs += 1
        best = min(best, elapsed / runs)
    return best

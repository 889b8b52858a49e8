"""Evidence that may be looked at after every interval: a mixture of products of likelihood ratios.

If a hypothesis holds, no likelihood ratio against it has a mean above 1, whatever came before. A product of them, and
a weighted mean of such products, is then a nonnegative process that starts at 1 and does not grow on average: an
e-process. By Ville's inequality it ever reaches 1/alpha with probability at most alpha, so nothing is lost by looking
often. Source: A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, Game-Theoretic Statistics and Safe Anytime-Valid Inference,
Statistical Science 38 (2023).

The mean is over two things that are not known beforehand. One is the alternative, a point of a grid with equal weights.
The other is the interval at which the alternative begins to hold: weight b_1 = 9/10 for the first, and for each later
one b_j = 1/10 / (j (j - 1)), in all 1. Without that, a candidate that was good for an hour and then goes bad would
first have to use up an hour of evidence (compare J. Shin, A. Ramdas, A. Rinaldo, E-detectors, 2023). In the j-th
interval, with the likelihood ratios L_k,

    S_k <- (S_k + b_j) min(L_k, CAP),      E = mean over k of S_k + 1/10 / j,

where the last term is the weight of all later beginnings.

Two bounds keep bursts and long memories in check. Both only ever make E smaller, so an e-process it stays:
- CAP, on each likelihood ratio: errors come in bursts, which are fewer independent facts than they look, so one
  interval multiplies the evidence by CAP at most. Below the usual 1/alpha, so that the first can't decide alone.
- CEILING, on the mean of S: evidence above it is dropped, so that a long good record can't outweigh a bad present.

An interval without information (all likelihood ratios 1) need not be counted, so j numbers the informative ones. Which
these are is known before the candidate's share of the errors is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CAP: Final = 90.0
CEILING: Final = 1e5
LATER_BEGINNING: Final = 1 / 10
# Bounds of what any number of intervals can lead to; beyond them, a stored process is none of ours.
MOST_INTERVALS: Final = 10**9
LEAST_LOG: Final = -1e13


@dataclass(frozen=True, slots=True)
class EProcess:
    """The number of informative intervals, and log S_k for each point of the grid (empty before the first)."""

    intervals: int = 0
    log_sums: tuple[float, ...] = ()

    @property
    def log_value(self) -> float:
        """The evidence so far: log E."""
        if not self.log_sums:
            return 0.0
        return _log_add(log_mean(self.log_sums), math.log(LATER_BEGINNING / self.intervals))


def multiplied(process: EProcess, log_ratios: Sequence[float], cap: float = CAP) -> EProcess:
    """Return the process after one more interval, given the logarithm of its likelihood ratio at each point.

    `cap` bounds what one interval may multiply the evidence by.
    """
    number = process.intervals + 1
    log_beginning = math.log(_beginning(number))
    before = process.log_sums or (-math.inf,) * len(log_ratios)
    sums = [
        _log_add(log_sum, log_beginning) + min(log_ratio, math.log(cap))
        for log_sum, log_ratio in zip(before, log_ratios, strict=True)
    ]
    excess = max(0.0, log_mean(sums) - math.log(CEILING))
    return EProcess(number, tuple(log_sum - excess for log_sum in sums))


def is_possible(process: EProcess) -> bool:
    """Whether a process that was stored, and so may have been forged, is one that intervals can have led to."""
    if type(process.intervals) is not int or not 0 <= process.intervals <= MOST_INTERVALS:
        return False
    if bool(process.intervals) != bool(process.log_sums):
        return False
    most = math.log(CEILING * max(1, len(process.log_sums))) + 1
    return all(type(value) in {int, float} and LEAST_LOG <= value <= most for value in process.log_sums)


def log_mean(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers given as logarithms."""
    largest = max(logs)
    return largest + math.log(math.fsum(math.exp(log_value - largest) for log_value in logs) / len(logs))


def _beginning(interval: int) -> float:
    return 1 - LATER_BEGINNING if interval == 1 else LATER_BEGINNING / (interval * (interval - 1))


def _log_add(log_a: float, log_b: float) -> float:
    largest, smallest = max(log_a, log_b), min(log_a, log_b)
    return largest + math.log1p(math.exp(smallest - largest))

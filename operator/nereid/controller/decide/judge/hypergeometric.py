"""Fisher's noncentral hypergeometric distribution, as far as likelihood ratios need it.

Two revisions served n1 and n2 requests, m of which failed. Whatever the error rate of the moment is, given these three
numbers the first revision's errors x are distributed as

    P(x; w) = g(x) w^x / Z(w),   g(x) = C(n1, x) C(n2, m - x),   Z(w) = sum over x of g(x) w^x,

with the odds ratio w as the only parameter. Source: A. Fog, Calculation Methods for Wallenius' and Fisher's Noncentral
Hypergeometric Distributions, Communications in Statistics: Simulation and Computation 37 (2008).
"""

import math
from dataclasses import dataclass
from typing import Final

# What the sum leaves out on either side, relative to the sum.
TRUNCATION: Final = 1e-12
# The sum takes this many terms for each standard deviation, or all of them if there are fewer.
TERMS_PER_DEVIATION: Final = 4
# Where a logarithm is still far from what a float can hold.
_LARGEST_LOG: Final = 300.0


@dataclass(frozen=True, slots=True)
class Table:
    """What is held fixed of one interval: n1, n2 and m."""

    candidate_requests: int
    stable_requests: int
    errors: int

    @property
    def lowest(self) -> int:
        """The fewest errors that the candidate can have."""
        return max(0, self.errors - self.stable_requests)

    @property
    def highest(self) -> int:
        """The most errors that the candidate can have."""
        return min(self.candidate_requests, self.errors)

    @property
    def is_informative(self) -> bool:
        """Whether the candidate's errors can tell one odds ratio from another: whether x has more than one value."""
        return self.lowest < self.highest


def log_likelihood(table: Table, candidate_errors: int, odds_ratio: float) -> float:
    """Return log P(x; w) without log g(x), which no likelihood ratio needs: x log w - log Z(w)."""
    return candidate_errors * math.log(odds_ratio) - log_normaliser(table, odds_ratio)


def log_normaliser(table: Table, odds_ratio: float) -> float:
    """Return log Z(w), summed outwards from the mode, in a bounded number of steps whatever the counts are.

    The terms are log-concave in x, so beyond a term t whose successor is r t, with r < 1, the rest is at most
    t r / (1 - r), and the sum stops where that is less than TRUNCATION of it: after some ten standard deviations.

    Where the standard deviation s is large, only every h-th term is taken, with h about s / TERMS_PER_DEVIATION, and
    stands for h of them. x is a sum of independent yes-or-no variables, as all roots of Z are real and negative, so
    that its characteristic function at the angle a is at most exp(-s^2 (1 - cos a)). By Poisson summation the relative
    error is then at most the sum over k = 1 ... h - 1 of exp(-s^2 (1 - cos(2 pi k / h))) < 3 exp(-8 (s / h)^2): 1e-55,
    and still 1e-13 if s were only half of its estimate.

    With the rounding of lgamma the error is about 1e-8 at a million requests, and 1e-5 at 10^9.
    """
    centre = mode(table, odds_ratio)
    stride = max(1, int(_deviation(table, centre) / TERMS_PER_DEVIATION))
    above = _sum_above(table, odds_ratio, centre, stride)
    below = _sum_above(_mirrored(table), 1 / odds_ratio, table.errors - centre, stride)
    relative = 1 + above + below
    return _log_weight(table, centre) + centre * math.log(odds_ratio) + math.log(relative) + math.log(stride)


def mode(table: Table, odds_ratio: float) -> int:
    """Return the likeliest x: the smaller root of P(x; w) = P(x - 1; w), rounded down (Fog 2008)."""
    n1, n2, m = table.candidate_requests, table.stable_requests, table.errors
    a = odds_ratio - 1
    b = (n1 + m + 2) * odds_ratio + n2 - m
    c = (n1 + 1) * (m + 1) * odds_ratio
    s = math.sqrt(max(0.0, b * b - 4 * a * c))
    # Both are the same root; each loses its digits where the other does not.
    root = 2 * c / (b + s) if b > 0 else (b - s) / (2 * a)
    return min(max(math.floor(root), table.lowest), table.highest)


def _mirrored(table: Table) -> Table:
    """Return the table from stable's side, where x counts down and the odds ratio is the inverse."""
    return Table(table.stable_requests, table.candidate_requests, table.errors)


def _deviation(table: Table, centre: int) -> float:
    """Return about the standard deviation of x, from the curvature of log P(x; w) at its mode."""
    n1, n2, m = table.candidate_requests, table.stable_requests, table.errors
    cells = (centre, n1 - centre, m - centre, n2 - m + centre)
    return math.sqrt(1 / sum(1 / (cell + 1 / 2) for cell in cells))


def _sum_above(table: Table, odds_ratio: float, start: int, stride: int) -> float:
    """Return the sum of every `stride`-th term above `start`, relative to the term there."""
    term, total = 1.0, 0.0
    for x in range(start, table.highest - stride + 1, stride):
        ratio = _ratio(table, odds_ratio, x, stride)
        if ratio < 1 and term * ratio < TRUNCATION * (1 - ratio) * (1 + total):
            break
        term *= ratio
        total += term
    return total


def _ratio(table: Table, odds_ratio: float, x: int, stride: int) -> float:
    """Return the term at x + stride, relative to the term at x."""
    n1, n2, m = table.candidate_requests, table.stable_requests, table.errors
    if stride == 1:
        return odds_ratio * (n1 - x) * (m - x) / ((x + 1) * (n2 - m + x + 1))
    grown = _log_weight(table, x + stride) - _log_weight(table, x) + stride * math.log(odds_ratio)
    return math.exp(min(grown, _LARGEST_LOG))


def _log_weight(table: Table, x: int) -> float:
    return _log_choose(table.candidate_requests, x) + _log_choose(table.stable_requests, table.errors - x)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

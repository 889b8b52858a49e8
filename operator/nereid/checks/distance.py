"""The distance between the distributions of two samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def ks_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic: the largest difference of the empirical distributions.

    N. V. Smirnov, Table for estimating the goodness of fit of empirical distributions, Annals of Mathematical
    Statistics 19 (1948) 279-281; J. L. Hodges, The significance probability of the Smirnov two-sample test, Arkiv för
    Matematik 3 (1958) 469-486. Neither sample may be empty or hold NaN.
    """
    first, second = np.sort(first), np.sort(second)
    points = np.concatenate([first, second])
    # In whole numbers up to the last division, so that a distance equal to the limit does not come out larger.
    below_first = np.searchsorted(first, points, side="right") * len(second)
    below_second = np.searchsorted(second, points, side="right") * len(first)
    return int(np.abs(below_first - below_second).max()) / (len(first) * len(second))


def worst_column(first: NDArray[Any], second: NDArray[Any]) -> tuple[int, float]:
    """Return which column of two arrays of rows has the largest distance, and that distance."""
    distances = [ks_distance(first[:, column], second[:, column]) for column in range(first.shape[1])]
    worst = int(np.argmax(distances))
    return worst, distances[worst]

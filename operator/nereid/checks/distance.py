"""How far two samples' distributions are apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def ks_distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic: the largest difference of the empirical distributions.

    N. V. Smirnov, Table for estimating the goodness of fit of empirical distributions, Annals of Mathematical
    Statistics 19 (1948) 279-281; J. L. Hodges, The significance probability of the Smirnov two-sample test, Arkiv för
    Matematik 3 (1958) 469-486. Neither sample may be empty or hold NaN.
    """
    one, other = np.sort(one), np.sort(other)
    points = np.concatenate([one, other])
    # In whole numbers up to the one division, so that a distance just as large as the limit is not taken for larger.
    below_one = np.searchsorted(one, points, side="right") * len(other)
    below_other = np.searchsorted(other, points, side="right") * len(one)
    return int(np.abs(below_one - below_other).max()) / (len(one) * len(other))


def worst_column(one: NDArray[Any], other: NDArray[Any]) -> tuple[int, float]:
    """Return which column of two arrays of rows has the largest distance, and that distance."""
    distances = [ks_distance(one[:, column], other[:, column]) for column in range(one.shape[1])]
    worst = int(np.argmax(distances))
    return worst, distances[worst]

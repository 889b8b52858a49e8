"""Confidence intervals for people. The judge decides without them."""

import math
from dataclasses import dataclass
from typing import Final

from nereid.controller.observed.counters import Counts

# The 97.5% quantile of the normal distribution, for 95% in the middle.
Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of bad requests, and the interval in which the true one lies in 95 of 100 cases."""

    estimate: float
    low: float
    high: float


def wilson(counts: Counts) -> Rate | None:
    """Return the rate of errors with its Wilson interval; None without requests.

    centre = (p + z^2 / 2n) / (1 + z^2 / n), half width = z sqrt(p (1 - p) / n + z^2 / 4n^2) / (1 + z^2 / n). Source:
    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927). Unlike the
    textbook interval it makes sense for few requests and for no errors.
    """
    if counts.requests == 0:
        return None
    n = counts.requests
    estimate = counts.errors / n
    shrink = 1 + Z * Z / n
    centre = (estimate + Z * Z / (2 * n)) / shrink
    half = Z * math.sqrt(estimate * (1 - estimate) / n + Z * Z / (4 * n * n)) / shrink
    return Rate(estimate, min(estimate, max(0.0, centre - half)), max(estimate, min(1.0, centre + half)))

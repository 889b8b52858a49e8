"""How fast the candidate answers one request at a time."""

from collections.abc import Sequence
from itertools import cycle, islice
from math import ceil
from typing import Final

import numpy as np

from nereid.api.checks import LatencyCheck
from nereid.checks.dataset import Dataset
from nereid.checks.finding import Finding
from nereid.checks.predictor import Predictor, Rows

DEFAULT_PERCENTILE: Final = 95.0
WARM_UP: Final = 10


async def latency(check: LatencyCheck, dataset: Dataset, candidate: Predictor) -> Finding:
    """Ask with every row on its own, one after the other, after a warm-up with the first ones."""
    for row in _warm_up(dataset):
        await candidate.ask(row)
    times = [(await candidate.ask(row)).seconds for rows in dataset.rows() for row in rows.slices(1)]
    return judged(check, times)


def judged(check: LatencyCheck, seconds: Sequence[float]) -> Finding:
    """Compare the percentile of the times, one that was measured and not between two, with what is allowed."""
    percentile = check.percentile or DEFAULT_PERCENTILE
    found = float(np.percentile(seconds, percentile, method="inverted_cdf")) * 1000
    return Finding(
        found <= check.maximum_milliseconds,
        # Rounded up, so that too slow never looks like fast enough.
        f"{percentile:g}% of {len(seconds)} requests were answered within {ceil(found * 10) / 10} ms, "
        f"at most {check.maximum_milliseconds} ms are allowed",
    )


def _warm_up(dataset: Dataset) -> list[Rows]:
    first = next(iter(dataset.rows()))
    return list(islice(cycle(first.slices(1)), WARM_UP))

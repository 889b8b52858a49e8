"""The check of how fast the candidate answers one request at a time."""

from collections.abc import Sequence
from itertools import cycle, islice
from math import ceil
from typing import Final

import numpy as np

from nereid.api.checks import LatencyCheck
from nereid.checks.dataset import Dataset
from nereid.checks.finding import CheckResult
from nereid.checks.predictor import Predictor, Rows

DEFAULT_PERCENTILE: Final = 95.0
WARM_UP: Final = 10


async def latency(check: LatencyCheck, dataset: Dataset, candidate: Predictor) -> CheckResult:
    """Send every row in a request of its own, one after the other, after a warm-up with the first ones."""
    for row in _warm_up(dataset):
        await candidate.infer(row)
    times = [(await candidate.infer(row)).seconds for rows in dataset.rows() for row in rows.slices(1)]
    return latency_result(check, times)


def latency_result(check: LatencyCheck, seconds: Sequence[float]) -> CheckResult:
    """Compare the percentile of the times (a measured one, never between two) with the maximum."""
    percentile = check.percentile or DEFAULT_PERCENTILE
    milliseconds = float(np.percentile(seconds, percentile, method="inverted_cdf")) * 1000
    return CheckResult(
        milliseconds <= check.maximum_milliseconds,
        # Rounded up, so that a value above the maximum never looks like one below it.
        f"{percentile:g}% of {len(seconds)} requests were answered within {ceil(milliseconds * 10) / 10} ms, "
        f"at most {check.maximum_milliseconds} ms are allowed",
    )


def _warm_up(dataset: Dataset) -> list[Rows]:
    first = next(iter(dataset.rows()))
    return list(islice(cycle(first.slices(1)), WARM_UP))

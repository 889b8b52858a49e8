"""Shares, distances and percentiles, against independent calculations."""

import numpy as np
import pytest
from scipy import stats

from nereid.api.checks import LatencyCheck
from nereid.checks.classes import classes, same
from nereid.checks.distance import ks_distance, worst_column
from nereid.checks.errors import AnswerError
from nereid.checks.latency import latency_result
from nereid.checks.share import Share


@pytest.mark.parametrize(
    ("part", "whole", "percent", "reaches", "text"),
    [
        (95, 100, 95, True, "95.0%"),
        (951, 1000, 95.1, True, "95.1%"),
        (950, 1000, 95.1, False, "95.0%"),
        (94999, 100000, 95, False, "94.9%"),
        (3, 3, 100, True, "100.0%"),
        (0, 7, 0, True, "0.0%"),
        (2, 3, 66.6, True, "66.6%"),
    ],
)
def test_shares(part: int, whole: int, percent: float, reaches: object, text: str) -> None:
    share = Share(part, whole)
    assert (share.reaches(percent), str(share)) == (reaches, text)


@pytest.mark.parametrize("sizes", [(1, 1), (5, 7), (200, 50), (400, 400)])
def test_distance_is_scipys(sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(7)
    for shift in (0.0, 0.3, 5.0):
        # Rounded, so that there are ties within and between the samples.
        one, other = random.normal(0, 1, sizes[0]).round(1), random.normal(shift, 1, sizes[1]).round(1)
        assert ks_distance(one, other) == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)


def test_distance_with_infinities() -> None:
    assert ks_distance(np.array([np.inf, 1.0]), np.array([1.0, np.inf])) == 0
    assert ks_distance(np.array([-np.inf, 1.0]), np.array([np.inf, np.inf])) == 1


def test_the_worst_column() -> None:
    one = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert worst_column(one, one + np.array([0.0, 5.0])) == (1, 1.0)


def test_the_percentile_is_a_time_that_was_measured() -> None:
    times = [number / 1000 for number in range(1, 21)]
    assert latency_result(LatencyCheck(percentile=95, maximum_milliseconds=19), times).passed
    result = latency_result(LatencyCheck(percentile=95.1, maximum_milliseconds=19), times)
    assert not result.passed
    assert result.message == "95.1% of 20 requests were answered within 20.0 ms, at most 19 ms are allowed"


def test_a_time_just_above_the_limit_looks_so() -> None:
    result = latency_result(LatencyCheck(maximum_milliseconds=20), [0.02004])
    assert (result.passed, result.message[:48]) == (False, "95% of 1 requests were answered within 20.1 ms, ")


def test_classes() -> None:
    assert classes(np.array([[0.1, 0.9], [np.nan, 1.0], [np.inf, 1.0]]), "y") == [1, None, 0]
    assert classes(np.array([1.0, np.nan]), "y") == [1.0, None]
    assert classes(np.array([[b"a"], [b"\xff"]], dtype=object), "y") == ["a", "�"]
    assert classes(np.array([True]), "y") == [True]


def test_undefined_classes_agree_with_nothing() -> None:
    assert same(1, 1.0)
    assert not same(None, None)


@pytest.mark.parametrize(
    "output", [np.zeros((2, 0)), np.array([[b"a", b"b"]], dtype=object)], ids=["nothing", "several strings"]
)
def test_outputs_without_a_class(output: np.ndarray) -> None:
    with pytest.raises(AnswerError, match="which do not name one class"):
        classes(output, "y")

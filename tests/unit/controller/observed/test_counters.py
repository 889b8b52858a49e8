import math

import pytest

from nereid.controller.observed.counters import (
    MOST_PER_SAMPLE,
    Advance,
    Counts,
    NoData,
    advance,
    counts,
    increase,
    reading,
)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing"),
        (math.nan, "not a number"),
        (-1.0, "negative"),
        (-math.inf, "negative"),
        (math.inf, "larger than any"),
        (1e300, "larger than any"),
        (0.5, "not a whole number"),
    ],
)
def test_what_no_counter_says_is_no_data(value: float | None, reason: str) -> None:
    answer = reading(value)
    assert isinstance(answer, NoData)
    assert reason in answer.reason


@pytest.mark.parametrize("value", [0, 1.0, 2.0**53])
def test_readings(value: float) -> None:
    assert reading(value) == value


@pytest.mark.parametrize(("earlier", "later", "grown"), [(3, 10, 7), (3, 3, 0), (10, 4, 4), (10, 0, 0)])
def test_increase_with_resets(earlier: int, later: int, grown: int) -> None:
    assert increase(earlier, later) == grown


def test_the_first_sample_is_where_counting_starts() -> None:
    assert advance(None, {"pod-a": 1000.0}) == Advance({"pod-a": 1000}, 0)


def test_each_series_has_its_own_resets() -> None:
    before = {"pod-a": 1000, "pod-b": 50}
    assert advance(before, {"pod-a": 5.0, "pod-b": 60.0}) == Advance({"pod-a": 5, "pod-b": 60}, 15)


def test_a_new_series_counts_from_zero() -> None:
    after = advance({"pod-a 200": 10}, {"pod-a 200": 12.0, "pod-a 503": 3.0})
    assert after == Advance({"pod-a 200": 12, "pod-a 503": 3}, 5)


def test_a_series_that_comes_back_is_not_counted_twice() -> None:
    gone = advance({"pod-a": 10, "pod-b": 7}, {"pod-a": 11.0})
    assert isinstance(gone, Advance)
    assert advance(gone.series, {"pod-a": 11.0, "pod-b": 9.0}) == Advance({"pod-a": 11, "pod-b": 9}, 2)


def test_one_lie_makes_the_whole_sample_no_data() -> None:
    assert advance({"pod-a": 1, "pod-b": 1}, {"pod-a": 2.0, "pod-b": math.nan}) == NoData(
        "pod-b: the value is not a number"
    )


def test_counts_of_both() -> None:
    assert counts(10, 3) == Counts(10, 3)
    assert counts(NoData("down"), 3) == NoData("down")
    assert counts(10, NoData("down")) == NoData("down")
    assert counts(3, 10) == NoData("10 errors among 3 requests are impossible")


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 errors among 1 requests are impossible"):
        Counts(1, 2)


def test_more_than_is_believed_in_one_interval_is_no_data_and_says_of_which_series() -> None:
    seen = advance({"of pod a": 5, "of pod b": 5}, {"of pod a": 6.0, "of pod b": 6.0 + MOST_PER_SAMPLE})
    assert isinstance(seen, NoData)
    assert seen.reason.startswith("of pod b: it grew by 1e+09 in one interval")
    assert isinstance(counts(MOST_PER_SAMPLE + 1, 0), NoData)
    assert counts(MOST_PER_SAMPLE, 0) == Counts(MOST_PER_SAMPLE, 0)

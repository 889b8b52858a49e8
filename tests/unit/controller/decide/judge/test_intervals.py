import pytest
from scipy.stats import binomtest

from nereid.controller.decide.judge.intervals import wilson
from nereid.controller.observed.counters import Counts


@pytest.mark.parametrize(("errors", "requests"), [(0, 1), (1, 1), (0, 100), (10, 100), (99, 100), (5, 10**6)])
def test_intervals_are_those_of_scipy(errors: int, requests: int) -> None:
    rate = wilson(Counts(requests, errors))
    theirs = binomtest(errors, requests).proportion_ci(method="wilson")
    assert rate is not None
    assert (rate.estimate, rate.low, rate.high) == pytest.approx(
        (errors / requests, theirs.low, theirs.high), abs=1e-12
    )


def test_known_figures() -> None:
    rate = wilson(Counts(100, 10))
    assert rate is not None
    assert (rate.estimate, rate.low, rate.high) == pytest.approx((0.1, 0.0552, 0.1744), abs=5e-5)


def test_no_requests_have_no_rate() -> None:
    assert wilson(Counts()) is None

"""What a look costs, whatever a counter says: function calls are counted, and no time is measured."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from nereid.controller.decide.judge.evidence import Evidence, Margins, with_interval
from nereid.controller.decide.judge.summary import summary
from nereid.controller.decide.judge.verdict import Limits
from nereid.controller.observed.counters import MOST_PER_SAMPLE, Counts

MARGINS = Margins(1.5, 3, 0.01, 0.1)
# What a look and its report take with a few hundred requests is about half of that.
MOST_CALLS = 20_000


def calls(work: Callable[[], Any]) -> int:
    """Return how many functions were called."""
    number = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


@pytest.mark.parametrize("share", [1, 2, 10, 1000, 10**6])
@pytest.mark.parametrize("requests", [400, MOST_PER_SAMPLE // 1000, MOST_PER_SAMPLE])
def test_a_look_takes_a_bounded_number_of_steps(requests: int, share: int) -> None:
    one, other = Counts(requests, requests // share), Counts(requests // 3, requests // 3 // share)
    for candidate, stable in ((one, other), (other, one)):
        assert calls(partial(with_interval, Evidence(MARGINS), candidate, stable)) < MOST_CALLS


@pytest.mark.parametrize("looks", [1, 1000, 10**6])
def test_so_does_the_report_whatever_the_looks_have_added_up_to(looks: int) -> None:
    seen = Counts(MOST_PER_SAMPLE * looks, MOST_PER_SAMPLE * looks // 10)
    evidence = with_interval(Evidence(MARGINS, seen, seen), Counts(900, 9), Counts(900, 9))
    assert calls(lambda: summary(evidence, Limits(), 2)) < MOST_CALLS

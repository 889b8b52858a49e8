from dataclasses import astuple

import pytest

from nereid.controller.decide.judge.evidence import Evidence, Margins, with_interval
from nereid.controller.decide.judge.summary import summary
from nereid.controller.decide.judge.verdict import Limits
from nereid.controller.observed.counters import Counts

LIMITS = Limits(alpha=0.01, beta=0.05)


def after(minutes: int, candidate: Counts, stable: Counts, margins: Margins | None = None) -> Evidence:
    evidence = Evidence(margins or Margins())
    for _ in range(minutes):
        evidence = with_interval(evidence, candidate, stable)
    return evidence


def test_nothing_seen_yet() -> None:
    nothing = summary(Evidence(), LIMITS, shares=2)
    assert (nothing.candidate, nothing.stable) == (None, None)
    assert astuple(nothing.failing) == (1.0, pytest.approx(200), None)
    assert astuple(nothing.passing) == (1.0, pytest.approx(32.9, abs=0.01), None)


def test_rates_are_of_all_requests_so_far() -> None:
    seen = summary(after(3, Counts(100, 10), Counts(900, 9)), LIMITS, shares=1)
    assert seen.candidate is not None
    assert seen.stable is not None
    assert (seen.candidate.estimate, seen.stable.estimate) == pytest.approx((0.1, 0.01))


def test_a_good_candidate_nears_a_pass_and_no_failure() -> None:
    seen = summary(after(3, Counts(100, 1), Counts(400, 4)), LIMITS, shares=1)
    assert seen.failing.more_requests is None
    assert seen.passing.more_requests is not None
    assert 1 < seen.passing.reached < seen.passing.needed


def test_what_was_said_to_be_missing_is_about_enough() -> None:
    each = Counts(100, 1), Counts(400, 4)
    missing = summary(after(4, *each), LIMITS, shares=1).passing.more_requests
    assert missing is not None
    minutes = next(
        minutes for minutes in range(5, 100) if summary(after(minutes, *each), LIMITS, 1).passing.more_requests == 0
    )
    assert missing / 100 == pytest.approx(minutes - 4, abs=1)


def test_two_flawless_revisions_never_get_there_by_comparison() -> None:
    flawless = Counts(1000, 0), Counts(1000, 0)
    assert summary(after(5, *flawless), LIMITS, shares=1).passing.more_requests is None
    assert summary(after(5, *flawless, Margins(negligible=0.01)), LIMITS, shares=1).passing.more_requests == 0

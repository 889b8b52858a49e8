import math

import pytest

from nereid.controller.decide.judge.eprocess import CAP, CEILING, LATER_BEGINNING, EProcess, multiplied

NOTHING = EProcess()


def after(*log_ratios: float) -> EProcess:
    process = NOTHING
    for one in log_ratios:
        process = multiplied(process, [one])
    return process


def test_nothing_seen_is_evidence_of_one() -> None:
    assert NOTHING.log_value == 0


@pytest.mark.parametrize("intervals", [1, 2, 10, 1000])
def test_the_weights_of_all_beginnings_are_one(intervals: int) -> None:
    assert after(*[0.0] * intervals).log_value == pytest.approx(0, abs=1e-12)


def test_known_figures() -> None:
    first, later = 1 - LATER_BEGINNING, LATER_BEGINNING
    one = multiplied(NOTHING, [math.log(2), math.log(4)])
    assert math.exp(one.log_value) == pytest.approx(first * 3 + later)
    two = multiplied(one, [math.log(2), math.log(1 / 2)])
    sums = [(first * 2 + later / 2) * 2, (first * 4 + later / 2) / 2]
    assert math.exp(two.log_value) == pytest.approx(sum(sums) / 2 + later / 2)


def test_one_interval_multiplies_the_evidence_by_the_cap_at_most() -> None:
    process = NOTHING
    for _ in range(4):
        following = multiplied(process, [1000.0, 0.0])
        assert following.log_value <= process.log_value + math.log(CAP)
        process = following


def test_the_first_interval_alone_does_not_reach_100() -> None:
    assert after(1000.0).log_value < math.log(100) < after(1000.0, 1000.0).log_value


def test_a_long_record_is_worth_no_more_than_the_ceiling() -> None:
    process = after(*[3.0] * 1000)
    assert process.log_value == pytest.approx(math.log(CEILING), rel=1e-6)
    assert multiplied(process, [-20.0]).log_value < 0


def test_a_change_late_is_seen_soon() -> None:
    an_hour = [-50.0] * 60
    assert (
        after(*an_hour, *[math.log(CAP)] * 3).log_value
        < math.log(100)
        < after(*an_hour, *[math.log(CAP)] * 4).log_value
    )


def test_ratios_beyond_all_measure_stay_finite() -> None:
    assert math.isfinite(after(-1e9, -1e9, 1e9, -1e9).log_value)

"""Which callers come by the route, by what they have sent to either revision."""

import random

import pytest

from nereid.controller.shell.metrics.sources import Route, Source, Split, by_the_route, told

ONE = Source("tenant-a", "client")
SETTLED = Route(20, is_settled=True)


def windows(*splits: Split, route: Route = SETTLED) -> list[bool]:
    """Return of each window whether the caller counts."""
    record, counts = dict[Source, Split](), list[bool]()
    for split in splits:
        result = by_the_route({ONE: split}, record, route)
        record, counts = dict(result.record), [*counts, ONE not in result.left_out]
    return counts


def test_a_caller_counts_once_it_has_asked_both() -> None:
    assert windows(Split(0, 3), Split(1, 2), Split(0, 4), Split(2, 0)) == [False, True, True, True]


@pytest.mark.parametrize("percent", [1, 5, 20, 50, 95])
def test_whoever_comes_by_the_route_goes_on_counting(percent: int) -> None:
    chance = random.Random(percent)
    for _ in range(50):
        asked = [sum(chance.random() * 100 < percent for _ in range(40)) for _ in range(60)]
        counts = windows(*(Split(k, 40 - k) for k in asked), route=Route(percent, is_settled=True))
        first = next((number for number, k in enumerate(asked) if sum(asked[: number + 1]) and k > 0), len(asked))
        assert all(counts[first + 1 :])


def test_a_long_good_record_does_not_hide_what_goes_past_the_route() -> None:
    good = [Split(200, 800)] * 50
    assert windows(*good, Split(300, 0))[-1] is False
    assert windows(*good, *[Split(200 + 400, 800)] * 3)[-3:] == [False] * 3


def test_whoever_comes_by_the_route_again_counts_again() -> None:
    assert windows(Split(500, 1), Split(20, 80), Split(20, 80)) == [False, False, True]


def test_requests_of_a_lower_weight_before_are_no_fault_of_the_caller() -> None:
    rising = Route(50, is_settled=False)
    assert windows(Split(10, 190), route=rising) == [True]
    assert windows(Split(190, 10), route=rising) == [False]
    assert windows(Split(10, 190), route=Route(50, is_settled=True)) == [False]


def test_what_was_sent_before_the_route_was_settled_is_not_remembered() -> None:
    result = by_the_route({ONE: Split(10, 190)}, {}, Route(50, is_settled=False))
    assert result.record == {}


def test_callers_without_number_are_not_remembered_without_end() -> None:
    many = {Source("tenant-a", str(number)): Split(1, 1) for number in range(5000)}
    assert len(by_the_route(many, {}, SETTLED).record) == 1000


def test_the_busiest_are_named() -> None:
    direct = {Source("tenant-a", f"client-{number}"): Split(100 + number, 0) for number in range(6)}
    found = told(direct, SETTLED, "new")
    assert found
    assert "client-5 in namespace tenant-a sent 105 of 105" in found.message
    assert "client-2" not in found.message
    assert "and 3 more" in found.message

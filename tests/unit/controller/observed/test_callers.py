"""When requests that fail become a fact about a revision, and when they no longer are one."""

from datetime import timedelta

import pytest
from tests.support.scenario import NOW

from nereid.controller.observed.callers import FailingRequests, Look, followed

NOTHING = Look(0, {})
FAILS = Look(0, {"HTTP 503": 10})
RECOVERS = Look(1, {"HTTP 503": 10})


def after(*looks: Look, was_told: bool = False) -> FailingRequests | None:
    """Look every thirty seconds."""
    known: FailingRequests | None = None
    for number, look in enumerate(looks):
        known = followed(known, "a", look, NOW + timedelta(seconds=30 * number), was_told=was_told)
    return known


def message(known: FailingRequests | None) -> str:
    assert known
    assert known.problem
    assert known.problem.reason == "RequestsFailing"
    return known.problem.message


def test_all_requests_of_two_minutes_that_fail_are_told_with_figures() -> None:
    told = message(after(*[FAILS] * 5))
    assert "All requests to revision a fail, though its pods are ready: 25 of 25 in the last 180 s" in told
    assert "most of them with HTTP 503. See the log of its pods" in told


@pytest.mark.parametrize(
    "looks",
    [
        [FAILS] * 4,
        [FAILS, FAILS, NOTHING, NOTHING, NOTHING],
        [FAILS, FAILS, RECOVERS, FAILS, FAILS],
        [Look(0, {"HTTP 503": 1})] * 9,
        [NOTHING] * 9,
        [RECOVERS] * 9,
    ],
    ids=["too-soon", "a-burst", "one-was-answered", "too-few", "none", "some"],
)
def test_less_is_not_told(looks: list[Look]) -> None:
    known = after(*looks)
    assert known is None or known.problem is None


def test_the_first_answer_ends_it() -> None:
    assert after(*[FAILS] * 5, RECOVERS) is None


def test_a_pause_does_not_end_it_but_a_long_silence_does() -> None:
    assert message(after(*[FAILS] * 5, *[NOTHING] * 10))
    assert after(*[FAILS] * 5, *[NOTHING] * 11) is None


def test_its_figures_stay_so_that_status_is_written_once() -> None:
    assert message(after(*[FAILS] * 9)) == message(after(*[FAILS] * 5))


def test_another_revision_begins_anew() -> None:
    known = followed(after(*[FAILS] * 5), "b", FAILS, NOW + timedelta(seconds=150))
    assert known
    assert (known.revision, known.problem) == ("b", None)


def test_what_was_told_before_a_restart_is_confirmed_by_one_look() -> None:
    assert message(after(FAILS, was_told=True))
    assert after(NOTHING, was_told=True) is None


@pytest.mark.parametrize(
    ("sight", "advice"),
    [("HTTP 403", "AuthorizationPolicy"), ("gRPC 7", "AuthorizationPolicy"), ("no route", "another VirtualService")],
)
def test_says_where_to_look(sight: str, advice: str) -> None:
    assert advice in message(after(*[Look(0, {sight: 10})] * 5))

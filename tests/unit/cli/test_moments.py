"""Days and moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from nereid.cli.moments import time_span

# A Friday.
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begin"),
    [("2026-11-17", 17), ("tuesday", 17), ("Saturday", 14), ("friday", 20), ("today", 20), (" yesterday ", 19)],
)
def test_days(text, begin):
    found = time_span(text, NOW)
    assert (found.begin, found.end) == (day(begin), day(begin) + timedelta(days=1))


@pytest.mark.parametrize(
    "text", ["2026-11-17T14:00", "2026-11-17 14:00", "2026-11-17T14:00Z", "2026-11-17T15:00+01:00"]
)
def test_moments(text):
    found = time_span(text, NOW)
    assert found.begin == found.end == day(17).replace(hour=14)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "17", "9999-12-31", "0001-01-01T00:00+14:00"])
def test_what_is_neither(text):
    with pytest.raises(ValueError, match="write 2026-11-17"):
        time_span(text, NOW)


@pytest.mark.parametrize("text", ["2026-11-21", "2026-11-20T12:31", "2026-11-20T13:30-00:01", "2126-01-01"])
def test_what_is_still_to_come(text):
    with pytest.raises(ValueError, match=f"^'{text}' is in the future"):
        time_span(text, NOW)


@pytest.mark.parametrize("text", ["2026-11-20", "2026-11-20T12:30", "2026-11-20T13:30+01:00"])
def test_what_has_begun(text):
    assert time_span(text, NOW).begin <= NOW


@pytest.mark.parametrize(
    ("begin", "end", "touches"),
    [
        (day(16), day(18), True),
        (day(17), None, True),
        (None, day(18), True),
        (day(16), day(17), False),
        (day(18), None, False),
    ],
)
def test_what_served_on_a_day(begin, end, touches):
    assert time_span("2026-11-17", NOW).touches(begin, end) is touches


@pytest.mark.parametrize(
    ("begin", "end", "touches"),
    [(day(17), day(18), True), (day(17), None, True), (day(16), day(17), False), (day(18), None, False)],
)
def test_what_served_at_a_moment(begin, end, touches):
    assert time_span("2026-11-17T00:00", NOW).touches(begin, end) is touches

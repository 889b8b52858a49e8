"""Windows: when a rollout may advance, by the clock of a time zone."""

from datetime import UTC, datetime

import pytest
from tests.support.scenario import URI, plan_of

from nereid.api.window import Window as WindowSpec
from nereid.controller.plan.reading import InvalidSpecError
from nereid.controller.plan.windows import is_open, next_closing, next_opening, window_of

WORKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri"]


def window(opens: str, closes: str, days: list[str] | None = None, zone: str | None = "Europe/Berlin"):
    spec = {"from": opens, "to": closes, **({"days": days} if days else {}), **({"timeZone": zone} if zone else {})}
    return (window_of(WindowSpec.model_validate(spec), 0),)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T07:59:59", False),  # a Friday, 08:59:59 in Berlin
        ("2026-11-20T08:00:00", True),
        ("2026-11-20T15:59:59", True),
        ("2026-11-20T16:00:00", False),
        ("2026-11-21T12:00:00", False),  # a Saturday
        ("2026-07-10T07:00:00", True),  # 09:00 in summer
        ("2026-07-10T15:00:00", False),
    ],
)
def test_is_open_by_the_clock_of_its_zone(now, expected):
    assert is_open(window("09:00", "17:00", WORKDAYS), utc(now)) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T21:00:00", True),  # Friday 22:00
        ("2026-11-21T04:59:00", True),  # Saturday 05:59, of the window of Friday
        ("2026-11-21T05:00:00", False),
        ("2026-11-21T21:00:00", False),  # Saturday 22:00
    ],
)
def test_over_midnight_belongs_to_the_day_on_which_it_opens(now, expected):
    assert is_open(window("22:00", "06:00", ["Fri"]), utc(now)) is expected


def test_without_a_zone_the_clock_is_utc_and_without_days_each_day_counts():
    nights = window("00:00", "24:00", zone=None)
    assert all(is_open(nights, utc(f"2026-11-{day}T00:00:00")) for day in range(20, 28))
    assert next_closing(nights, utc("2026-11-20T00:00:00")) is None or is_open(nights, utc("2026-11-21T00:00:00"))


def test_opens_next_after_the_weekend_and_after_a_change_of_the_clocks():
    office = window("09:00", "17:00", WORKDAYS)
    assert next_opening(office, utc("2026-11-20T12:00:00")) == utc("2026-11-23T08:00:00")
    # Summer time begins on 2027-03-28.
    assert next_opening(office, utc("2027-03-26T12:00:00")) == utc("2027-03-29T07:00:00")
    assert next_closing(office, utc("2026-11-20T12:00:00")) == utc("2026-11-20T16:00:00")


def test_a_time_that_a_change_of_the_clocks_skips_or_repeats():
    night = window("02:30", "04:00")
    # On 2027-03-28 the clock goes from 02:00 to 03:00 in Berlin, at 01:00 UTC.
    assert is_open(night, utc("2027-03-28T01:30:00"))
    assert not is_open(night, utc("2027-03-28T02:00:00"))
    # On 2026-10-25 it goes from 03:00 back to 02:00: the first 02:30 opens it.
    assert is_open(night, utc("2026-10-25T00:30:00"))
    # One that is skipped as a whole opens on the next day.
    assert next_opening(window("02:30", "03:00"), utc("2027-03-28T02:00:00")) == utc("2027-03-29T00:30:00")


def test_windows_that_join_close_together():
    joined = (*window("09:00", "12:00"), *window("12:00", "17:00"))
    assert next_closing(joined, utc("2026-11-20T09:00:00")) == utc("2026-11-20T16:00:00")


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe"])
def test_an_unknown_zone_is_rejected_with_what_to_write(zone):
    windows = [{"from": "09:00", "to": "17:00", "timeZone": zone}]
    with pytest.raises(InvalidSpecError, match=r"windows.0.timeZone: .* write a name such as Europe/Berlin"):
        plan_of({"model": {"uri": URI}, "rollout": {"windows": windows}})

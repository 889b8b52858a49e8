"""Days and moments on the command line: 2026-11-17, 2026-11-17T14:00, tuesday, yesterday. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DATE_LENGTH: Final = len("2026-11-17")


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The time from `begin` up to, and without, `end`; a single moment if both are equal."""

    begin: datetime
    end: datetime

    def touches(self, begin: datetime | None, end: datetime | None) -> bool:
        """Whether it overlaps with another time span; None stands for a begin or an end that is not known."""
        starts_in_time = begin is None or begin < self.end or begin == self.begin
        return starts_in_time and (end is None or end > self.begin)


def time_span(text: str, now: datetime) -> TimeSpan:
    """Return the day or the moment that a text names, in UTC unless it names another zone.

    A weekday is the most recent one, today included. Raises ValueError with a sentence for any other text, and for a
    time in the future.
    """
    span = _parsed(text, now)
    if span.begin > now:
        raise ValueError(f"{text!r} is in the future: give a time in the past")
    return span


def _parsed(text: str, now: datetime) -> TimeSpan:
    word = text.strip().lower()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if word in {"today", "yesterday"}:
        return _day(today if word == "today" else today - _DAY)
    if word in _WEEKDAYS:
        return _day(today - _DAY * ((today.weekday() - _WEEKDAYS.index(word)) % _WEEK))
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return _day(moment) if len(text.strip()) <= _DATE_LENGTH else TimeSpan(moment, moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a valid day or time: write 2026-11-17, 2026-11-17T14:00, tuesday or yesterday"
        ) from error


def _day(midnight: datetime) -> TimeSpan:
    return TimeSpan(midnight, midnight + _DAY)

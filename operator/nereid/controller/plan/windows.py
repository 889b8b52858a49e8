"""Windows: when a rollout may advance, as instants. Pure, apart from the time zone database, which is installed.

A window is given by the clock on the wall. Where summer time begins, a time that does not exist counts as if the clock
had not been set forward yet; where it ends, the first of two equal times counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from nereid.api.window import Day
from nereid.api.window import Window as WindowSpec

_DAYS: Final = get_args(Day)
_MINUTES_OF_A_DAY: Final = 24 * 60
# A window that opened yesterday may be open still. Each opens within a week, or within two where summer time skips it.
_DAYS_AROUND: Final = range(-1, 16)


@dataclass(frozen=True, slots=True)
class Window:
    """A time on some days of the week (0 is Monday); `opens` and `closes` are minutes since midnight of that day."""

    days: frozenset[int]
    opens: int
    closes: int
    zone: str


def window_of(spec: WindowSpec, index: int) -> Window:
    """Read a window; raises ValueError with a sentence for the user if its time zone is not known."""
    zone = spec.time_zone or "UTC"
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"spec.rollout.windows.{index}.timeZone: {zone} is not in the IANA time zone database: write a name such "
            "as Europe/Berlin"
        ) from error
    opens, closes = _minutes(spec.opens), _minutes(spec.closes)
    days = frozenset(_DAYS.index(day) for day in spec.days or _DAYS)
    return Window(days, opens, closes if closes > opens else closes + _MINUTES_OF_A_DAY, zone)


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Whether a rollout may advance now; without windows it always may."""
    return not windows or any(begin <= now < end for begin, end in _spans(windows, now))


def next_opening(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return when the next window opens after this moment; None without windows."""
    return min((begin for begin, _ in _spans(windows, now) if begin > now), default=None)


def next_closing(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return when no window will be open any longer, if one is open now; None if that is not in sight."""
    spans = list(_spans(windows, now))
    ends = sorted(end for _, end in spans if end > now)
    return next((end for end in ends if not any(begin <= end < other for begin, other in spans)), None)


def _spans(windows: Sequence[Window], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for window in windows:
        today = now.astimezone(ZoneInfo(window.zone)).date()
        for distance in _DAYS_AROUND:
            day = today + timedelta(days=distance)
            if day.weekday() in window.days:
                yield _instant(window, day, window.opens), _instant(window, day, window.closes)


def _instant(window: Window, day: date, minutes: int) -> datetime:
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=ZoneInfo(window.zone)).astimezone(UTC)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)

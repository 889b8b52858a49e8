"""Numbers and times as people read them. Pure."""

from datetime import datetime
from typing import Final

from nereid.api.status import EvidenceStatus, RateStatus

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_TEN: Final = 10
# Status reports no higher odds.
_MOST_ODDS: Final = 1_000_000


def span(seconds: float) -> str:
    """Write a length of time with its two largest units: 48s, 3m48s, 2h05m, 3d4h. A negative number is 0s."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return _pair(whole, _MINUTE, "m", 1, "s")
    if whole < _DAY:
        return _pair(whole, _HOUR, "h", _MINUTE, "m")
    return _pair(whole, _DAY, "d", _HOUR, "h")


def until(moment: datetime, now: datetime) -> str:
    """Write how long it is until a moment."""
    return span((moment - now).total_seconds())


def since(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment was."""
    return span((now - moment).total_seconds())


def clock(moment: datetime | None) -> str:
    """Write a moment."""
    return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment else ""


def count(number: int) -> str:
    """Write a number of things."""
    return f"{number:,}"


def percent(value: float) -> str:
    """Write a percentage with as many digits as are useful: 0.37%, 2.5%, 12%."""
    return f"{value:.1f}%".replace(".0%", "%") if value >= 1 or value == 0 else f"{value:.2f}%"


def rate(status: RateStatus) -> str:
    """Write a share with its interval; a dash without requests."""
    if status.percent is None:
        return "-"
    if status.low is None or status.high is None:
        return percent(status.percent)
    return f"{percent(status.percent)} ({percent(status.low)} to {percent(status.high)})"


def odds(evidence: EvidenceStatus) -> str:
    """Write how far evidence is: 3 of 200 to 1."""
    return f"{_odd(evidence.reached)} of {_odd(evidence.needed)} to 1"


def value(number: float | None) -> str:
    """Write the value of a query."""
    return "no data" if number is None else f"{number:.6g}"


def _pair(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first}{large_unit}{second:02}{small_unit}" if second else f"{first}{large_unit}"


def _odd(number: float) -> str:
    if number >= _MOST_ODDS:
        return f"over {_MOST_ODDS:,}"
    return f"{number:,.0f}" if number >= _TEN else f"{number:.2g}"

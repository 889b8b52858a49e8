"""The output of programs, made fit for the message of a condition."""

from collections.abc import Iterable
from typing import Final

from nereid.contract.foreign_text import printable

_MAX_LENGTH: Final = 600
LONGEST_LISTING = 10


def as_sentence(text: str) -> str:
    """Return the text in one line of bounded length: conditions are read by people and stored in etcd.

    Control characters are left out, as the line is shown on terminals.
    """
    folded = " ".join(printable(text).split())
    return folded if len(folded) <= _MAX_LENGTH else f"{folded[: _MAX_LENGTH - 1]}…"


def last_line(text: str) -> str:
    """Return the last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it left no message"


def listing(names: Iterable[str]) -> str:
    """Return a bounded enumeration for a message: `a, b and 3 more`, or `nothing`."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:LONGEST_LISTING])
    more = len(ordered) - LONGEST_LISTING
    return (f"{shown} and {more} more" if more > 0 else shown) or "nothing"

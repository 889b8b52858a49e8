"""What the sections of a screen have in common. Pure."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GOOD: Final = "green"
BAD: Final = "red"
BUSY: Final = "yellow"
FAINT: Final = "bright_black"

PASSED: Final = Text("✓", style=GOOD)
FAILED: Final = Text("✗", style=BAD)
HERE: Final = Text("▶", style=BUSY)
AHEAD: Final = Text("·", style=FAINT)

_BAR: Final = 20
_FULL: Final = 100


def section(heading: str, *content: RenderableType) -> Group:
    """Return a section: its heading, its content indented, and an empty line before it."""
    return Group("", Text(heading, style="bold"), *(Padding(part, (0, 0, 0, 2)) for part in content))


def table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """Return a table without lines, as kubectl prints them; `numbers` are the columns that are aligned right.

    The last column is folded if the terminal is narrow.
    """
    right = set(numbers)
    rows = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT, show_header=any(columns), show_edge=False
    )
    for column in columns[:-1]:
        rows.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    rows.add_column(columns[-1], overflow="fold")
    return rows


def bar(weight: int, style: str) -> Text:
    """Return a percentage as a bar with its number."""
    filled = round(weight * _BAR / _FULL)
    if weight and not filled:
        filled = 1
    return Text.assemble(("█" * filled, style), ("░" * (_BAR - filled), FAINT), f" {weight:3}%")


def mark(*, is_good: bool | None) -> Text:
    """Return the sign of a good or bad result, or of one that is not known yet."""
    if is_good is None:
        return AHEAD
    return PASSED if is_good else FAILED

"""Where output goes: colours and redrawing on a terminal, plain whole lines elsewhere."""

import sys
from typing import Final

from rich.console import Console, RenderableType

# Nothing is wrapped for a program that reads it.
_WIDE: Final = 1000


def console() -> Console:
    """Return the console of standard output. NO_COLOR, COLUMNS and TERM are obeyed."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDE
    return made


def is_live(output: Console) -> bool:
    """Whether what was printed can be drawn over."""
    return output.is_terminal and not output.is_dumb_terminal


def show(output: Console, renderable: RenderableType) -> None:
    """Print, without the white space that tables end their lines with where no terminal needs it."""
    if output.is_terminal:
        output.print(renderable)
        return
    with output.capture() as captured:
        output.print(renderable)
    output.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

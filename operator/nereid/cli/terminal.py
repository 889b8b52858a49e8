"""Where output goes: colours and redrawing on a terminal, plain whole lines elsewhere."""

import sys
from typing import Final

from rich.console import Console, RenderableType

# Output for programs is not wrapped.
_WIDE: Final = 1000


def console() -> Console:
    """Return the console of standard output. It obeys NO_COLOR, COLUMNS and TERM."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    output = Console(highlight=False, markup=False, emoji=False)
    if not output.is_terminal:
        output.width = _WIDE
    return output


def is_live(output: Console) -> bool:
    """Whether output can be redrawn in place."""
    return output.is_terminal and not output.is_dumb_terminal


def show(output: Console, renderable: RenderableType) -> None:
    """Print; unless it is to a terminal, without the white space at the ends of a table's lines."""
    if output.is_terminal:
        output.print(renderable)
        return
    with output.capture() as captured:
        output.print(renderable)
    output.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

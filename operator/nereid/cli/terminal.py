"""Where output goes: colours and redrawing on a terminal, plain whole lines elsewhere.

Much of what is shown was written by somebody else, into a spec or into a model's log: a terminal only shows it, and
obeys nothing of it.
"""

import json
import re
import sys
from collections.abc import Iterable
from typing import Any, Final

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nereid.contract.foreign_text import printable_lines

# Output for programs is not wrapped.
_WIDE: Final = 1000
# Control characters that JSON leaves as they are.
_BARE_CONTROL: Final = re.compile(r"[\x7f-\x9f]")


class PrintingConsole(Console):
    """A console whose text holds nothing that a terminal would obey; its own colours and movements do."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is shown."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))


def console() -> Console:
    """Return the console of standard output. It obeys NO_COLOR, COLUMNS and TERM."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    output = PrintingConsole(highlight=False, markup=False, emoji=False)
    if not output.is_terminal:
        output.width = _WIDE
    return output


def say(text: str, *, err: bool = False) -> None:
    """Print a sentence, or lines."""
    click.echo(printable_lines(text), err=err)


def as_json(value: Any) -> str:
    """Return a value as people read JSON: letters of all languages as they are, control characters escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _BARE_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


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

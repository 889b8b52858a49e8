"""The commands that could be given now, to be copied. Pure."""

from collections.abc import Callable

from rich.console import Group
from rich.text import Text

from nereid.cli.asking import possible
from nereid.cli.screen.layout import FAINT, section, table
from nereid.cli.view import View

CommandLine = Callable[..., str]


def commands(view: View, command_line: CommandLine) -> Group | None:
    """Return the commands that could be given now; `command_line` writes one with its arguments."""
    possible_commands = possible(view)
    if not possible_commands:
        return None
    rows = table("", "")
    for command in possible_commands:
        rows.add_row(
            Text(command_line(command.command, view.name, *command.arguments)),
            Text(f"# {command.purpose}", style=FAINT),
        )
    return section("You can", rows)

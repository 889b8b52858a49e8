"""One screen about a ModelDeployment: what is happening, why, and what comes next.

Pure: a function of the object, the time, and how commands are written here.
"""

from datetime import datetime

from rich.console import Group

from nereid.cli.screen.commands import CommandLine, commands
from nereid.cli.screen.conditions import conditions
from nereid.cli.screen.evidence import checks, judge, queries
from nereid.cli.screen.head import head
from nereid.cli.screen.progress import progress
from nereid.cli.screen.revisions import revisions
from nereid.cli.view import View


def screen(view: View, now: datetime, command_line: CommandLine) -> Group:
    """Return the screen; sections without content are left out."""
    sections = (
        head(view, now),
        revisions(view, now),
        progress(view, now),
        judge(view, now),
        queries(view),
        checks(view),
        conditions(view, now),
        commands(view, command_line),
    )
    return Group(*(section for section in sections if section is not None))

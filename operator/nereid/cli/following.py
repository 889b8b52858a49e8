"""Following a ModelDeployment until something has come about: a screen on a terminal, elsewhere lines."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from nereid.cli.figures import span
from nereid.cli.model_deployments import Lost, ModelDeployments
from nereid.cli.rollout_outcome import Goal, Outcome
from nereid.cli.screen import screen
from nereid.cli.screen.commands import CommandLine
from nereid.cli.screen.conditions import untold
from nereid.cli.screen.layout import BAD
from nereid.cli.terminal import console, is_live
from nereid.cli.view import View, read

INTERRUPTED = 130


class Display(Protocol):
    """Shows what is seen."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def show(self, seen: View | Lost) -> None:
        """Show what is seen now."""


class Screen:
    """The status screen, drawn anew at each change, and each second as its times go on."""

    def __init__(self, output: Console, command_line: CommandLine) -> None:
        self._command_line = command_line
        self._view: View | None = None
        self._lost: Lost | None = None
        self._live = Live(console=output, get_renderable=self._render, refresh_per_second=1)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last screen where it is."""
        self._live.stop()

    def show(self, seen: View | Lost) -> None:
        """Draw what is seen now."""
        if isinstance(seen, Lost):
            self._lost = seen
        else:
            self._view, self._lost = seen, None
        self._live.refresh()

    def _render(self) -> RenderableType:
        if self._view is None:
            return Text("")
        drawn = screen(self._view, datetime.now(UTC), self._command_line)
        if self._lost is None:
            return drawn
        return Group(Text(f"The connection is lost and tried again: {self._lost.why}", style=BAD), drawn)


class Lines:
    """A line for each change that tells something."""

    def __init__(self) -> None:
        self._last = ""

    def __enter__(self) -> Self:
        """Need nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing open."""

    def show(self, seen: View | Lost) -> None:
        """Print what is seen now, if it is anything new."""
        line = f"The connection is lost and tried again: {seen.why}" if isinstance(seen, Lost) else line_of(seen)
        if line != self._last:
            click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")
        self._last = line


def line_of(view: View) -> str:
    """Return the state in a line."""
    rollout, candidate = view.rollout, view.status.candidate
    faults = [f"{one.reason}: {one.message}" for one in untold(view)]
    if rollout is None:
        return f"{view.status.phase}: {faults[0]}" if faults else "the operator has not reported anything yet"
    weight = f" at {candidate.weight}%" if candidate else ""
    return ". ".join([f"{view.status.phase}, {rollout.state}{weight}: {rollout.message}", *faults[:1]])


@dataclass(frozen=True, slots=True)
class Wait:
    """What is waited for: the goal, in words, and for how many seconds at the most."""

    goal: Goal
    words: str
    timeout: float | None


def follow(models: ModelDeployments, name: str, command_line: CommandLine, wait: Wait | None = None) -> None:
    """Show a ModelDeployment until what is waited for has come about, and end the program with its outcome.

    Without anything to wait for it ends when the user interrupts it.
    """
    output = console()
    display: Display = Screen(output, command_line) if is_live(output) else Lines()
    try:
        with display:
            outcome = _watch(models, name, display, wait)
    except KeyboardInterrupt as error:
        raise SystemExit(INTERRUPTED if wait else 0) from error
    if outcome is None:
        raise click.ClickException(_late(wait))
    click.echo(outcome.sentence, err=not outcome.is_good)
    raise SystemExit(0 if outcome.is_good else 1)


def _watch(models: ModelDeployments, name: str, display: Display, wait: Wait | None) -> Outcome | None:
    deadline = time.monotonic() + wait.timeout if wait and wait.timeout else None
    for found in models.follow(name, deadline):
        seen = found if isinstance(found, Lost) else read(found)
        display.show(seen)
        if wait and isinstance(seen, View) and (outcome := wait.goal(seen)):
            return outcome
    return None


def _late(wait: Wait | None) -> str:
    return f"{wait.words} did not come about in {span(wait.timeout or 0)}" if wait else ""

"""Following a ModelDeployment until a goal is reached: a screen on a terminal, lines anywhere else."""

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
from nereid.cli.model_deployments import ConnectionLost, ModelDeployments
from nereid.cli.rollout_outcome import Goal, Outcome
from nereid.cli.screen import screen
from nereid.cli.screen.commands import CommandLine
from nereid.cli.screen.conditions import unreported_conditions
from nereid.cli.screen.layout import BAD
from nereid.cli.terminal import console, is_live, say
from nereid.cli.view import View, read

INTERRUPTED = 130


class Display(Protocol):
    """Shows each state of a ModelDeployment."""

    def __enter__(self) -> Self:
        """Start to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def show(self, state: View | ConnectionLost) -> None:
        """Show a new state, or that the connection was lost."""


class Screen:
    """The status screen, redrawn at each change, and each second to update its times."""

    def __init__(self, output: Console, command_line: CommandLine) -> None:
        self._command_line = command_line
        self._view: View | None = None
        self._lost: ConnectionLost | None = None
        self._live = Live(console=output, get_renderable=self._render, refresh_per_second=1)

    def __enter__(self) -> Self:
        """Start to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last screen where it is."""
        self._live.stop()

    def show(self, state: View | ConnectionLost) -> None:
        """Draw a new state, or that the connection was lost."""
        if isinstance(state, ConnectionLost):
            self._lost = state
        else:
            self._view, self._lost = state, None
        self._live.refresh()

    def _render(self) -> RenderableType:
        if self._view is None:
            return Text("")
        drawn = screen(self._view, datetime.now(UTC), self._command_line)
        if self._lost is None:
            return drawn
        return Group(Text(f"Connection lost, reconnecting: {self._lost.why}", style=BAD), drawn)


class Lines:
    """A line for each change that is visible in it."""

    def __init__(self) -> None:
        self._last = ""

    def __enter__(self) -> Self:
        """Need nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing open."""

    def show(self, state: View | ConnectionLost) -> None:
        """Print a new state in a line, unless the last line says the same."""
        line = f"Connection lost, reconnecting: {state.why}" if isinstance(state, ConnectionLost) else line_of(state)
        if line != self._last:
            say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")
        self._last = line


def line_of(view: View) -> str:
    """Return the state in a line."""
    rollout, candidate = view.rollout, view.status.candidate
    faults = [f"{condition.reason}: {condition.message}" for condition in unreported_conditions(view)]
    if rollout is None:
        return f"{view.status.phase}: {faults[0]}" if faults else "the operator has not reported anything yet"
    weight = f" at {candidate.weight}%" if candidate else ""
    return ". ".join([f"{view.status.phase}, {rollout.state}{weight}: {rollout.message}", *faults[:1]])


@dataclass(frozen=True, slots=True)
class Wait:
    """A goal to wait for, its description, and the maximum number of seconds; None for no limit."""

    goal: Goal
    description: str
    timeout: float | None


def follow(models: ModelDeployments, name: str, command_line: CommandLine, wait: Wait | None = None) -> None:
    """Show a ModelDeployment until the goal is reached or missed, and end the program with the outcome.

    Without a goal it ends when the user interrupts it.
    """
    output = console()
    display: Display = Screen(output, command_line) if is_live(output) else Lines()
    try:
        with display:
            outcome = _watch(models, name, display, wait)
    except KeyboardInterrupt as error:
        raise SystemExit(INTERRUPTED if wait else 0) from error
    if outcome is None:
        raise click.ClickException(_timed_out(wait))
    say(outcome.sentence, err=not outcome.is_good)
    raise SystemExit(0 if outcome.is_good else 1)


def _watch(models: ModelDeployments, name: str, display: Display, wait: Wait | None) -> Outcome | None:
    deadline = time.monotonic() + wait.timeout if wait and wait.timeout else None
    for update in models.follow(name, deadline):
        state = update if isinstance(update, ConnectionLost) else read(update)
        display.show(state)
        if wait and isinstance(state, View) and (outcome := wait.goal(state)):
            return outcome
    return None


def _timed_out(wait: Wait | None) -> str:
    return f"timed out after {span(wait.timeout or 0)} waiting for {wait.description}" if wait else ""

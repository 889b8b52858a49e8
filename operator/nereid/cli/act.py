"""`nereid promote`, `abort`, `retry` and `rollback`: they set an annotation, on which the operator acts.

`kubectl annotate` could do the same; these commands add the revision and the attempt, and reject what makes no sense.
"""

from collections.abc import Callable
from typing import Any

import click

from nereid.cli import asking
from nereid.cli.api_server import Connection, connects
from nereid.cli.asking import AlreadyDone, CommandOrDone, UserCommand
from nereid.cli.following import Wait, follow
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.period import PERIOD
from nereid.cli.rollout_outcome import goal_of
from nereid.cli.terminal import say
from nereid.cli.view import View, read

_Command = Callable[..., None]


def _rollout_command(command: _Command) -> _Command:
    """Give a command the argument and the options that all of them have."""
    timeout_help = "With --wait: how long to wait at most, for instance 30m. Default: no limit."
    for part in (
        click.option("--timeout", type=PERIOD, help=timeout_help),
        click.option(
            "--wait",
            "is_waiting",
            is_flag=True,
            help="Wait for the outcome; exit with 1 if it is not the one asked for.",
        ),
        click.argument("name"),
    ):
        command = part(command)
    return command


@click.command()
@click.option("--full", is_flag=True, help="Skip the rest of the rollout, also at a gate amid its steps.")
@_rollout_command
@connects
def promote(connection: Connection, name: str, *, full: bool, **options: Any) -> None:
    """Let a rollout go on: from a gate to the next step, else to the end, where the candidate gets all traffic."""
    _act(connection, name, lambda view: asking.promote(view, full=full), **options)


@click.command()
@_rollout_command
@connects
def abort(connection: Connection, name: str, **options: Any) -> None:
    """End a rollout: stable gets all traffic again."""
    _act(connection, name, asking.abort, **options)


@click.command()
@_rollout_command
@connects
def retry(connection: Connection, name: str, **options: Any) -> None:
    """Start a failed rollout again from its first step."""
    _act(connection, name, asking.retry, **options)


@click.command()
@click.option(
    "--to", metavar="REVISION|VERSION", help="Revision or version to return to. Default: the previous stable one."
)
@_rollout_command
@connects
def rollback(connection: Connection, name: str, *, to: str | None, **options: Any) -> None:
    """Return to an earlier revision, which stays until the spec asks for another one."""
    _act(connection, name, lambda view: asking.rollback(view, to), **options)


def _act(
    connection: Connection,
    name: str,
    choose: Callable[[View], CommandOrDone],
    *,
    is_waiting: bool,
    timeout: float | None,
) -> None:
    if timeout and not is_waiting:
        raise click.UsageError("--timeout requires --wait")
    models = ModelDeployments(*connection.open())
    view = read(models.get(name))
    answer = choose(view)
    if isinstance(answer, AlreadyDone):
        say(f"{answer.sentence}.")
        pending = answer.pending
    else:
        _annotate(models, view, answer)
        pending = answer
    if pending and is_waiting:
        wait = Wait(goal_of(pending), f"the outcome of {pending.command} {name}", timeout)
        follow(models, name, connection.command_line, wait)
    elif pending:
        say(f"Follow it with: {connection.command_line('watch', name)}")


def _annotate(models: ModelDeployments, view: View, command: UserCommand) -> None:
    """Set the annotation, unless the object has it already."""
    is_set = view.annotations.get(command.annotation) == command.value
    if not is_set:
        models.annotate(view.name, command.annotation, command.value)
    say(f"{'Already asked' if is_set else 'Asked'}{command.sentence.removeprefix('Asked')}.")

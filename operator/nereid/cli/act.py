"""`nereid promote`, `abort`, `retry` and `rollback`: they set an annotation, which the operator obeys.

They do nothing that `kubectl annotate` could not do; they know the revision, the attempt, and whether it makes sense.
"""

from collections.abc import Callable
from typing import Any

import click

from nereid.cli import asking
from nereid.cli.api_server import Connection, connects
from nereid.cli.asking import Answer, Asking, Settled
from nereid.cli.following import Wait, follow
from nereid.cli.model_deployments import ModelDeployments
from nereid.cli.period import PERIOD
from nereid.cli.rollout_outcome import goal_of
from nereid.cli.view import View, read

_Command = Callable[..., None]


def _acts(command: _Command) -> _Command:
    """Give a command the argument and the options that all of them have."""
    timeout_help = "With --wait: how long to wait at most, for instance 30m. Default: no limit."
    for part in (
        click.option("--timeout", type=PERIOD, help=timeout_help),
        click.option(
            "--wait", "is_waiting", is_flag=True, help="Wait for the outcome; exit with 1 if it is another one."
        ),
        click.argument("name"),
    ):
        command = part(command)
    return command


@click.command()
@_acts
@connects
def promote(connection: Connection, name: str, **options: Any) -> None:
    """Skip the rest of a rollout: the candidate gets all traffic."""
    _act(connection, name, asking.promote, **options)


@click.command()
@_acts
@connects
def abort(connection: Connection, name: str, **options: Any) -> None:
    """End a rollout: stable gets all traffic again."""
    _act(connection, name, asking.abort, **options)


@click.command()
@_acts
@connects
def retry(connection: Connection, name: str, **options: Any) -> None:
    """Start a failed rollout again from its first step."""
    _act(connection, name, asking.retry, **options)


@click.command()
@click.option(
    "--to", metavar="REVISION|VERSION", help="Revision or version to return to. Default: the previous stable one."
)
@_acts
@connects
def rollback(connection: Connection, name: str, *, to: str | None, **options: Any) -> None:
    """Return to an earlier revision, which stays until the spec asks for another one."""
    _act(connection, name, lambda view: asking.rollback(view, to), **options)


def _act(
    connection: Connection, name: str, ask: Callable[[View], Answer], *, is_waiting: bool, timeout: float | None
) -> None:
    if timeout and not is_waiting:
        raise click.UsageError("--timeout requires --wait")
    models = ModelDeployments(*connection.open())
    view = read(models.get(name))
    answer = ask(view)
    if isinstance(answer, Settled):
        click.echo(f"{answer.sentence}.")
        awaited = answer.rest
    else:
        _give(models, view, answer)
        awaited = answer
    if awaited and is_waiting:
        wait = Wait(goal_of(awaited), f"the outcome of {awaited.command} {name}", timeout)
        follow(models, name, connection.command_line, wait)
    elif awaited:
        click.echo(f"Follow it with: {connection.command_line('watch', name)}")


def _give(models: ModelDeployments, view: View, command: Asking) -> None:
    """Set the annotation, unless the object has it already."""
    is_asked = view.annotations.get(command.annotation) == command.value
    if not is_asked:
        models.annotate(view.name, command.annotation, command.value)
    click.echo(f"{'Already asked' if is_asked else 'Asked'}{command.sentence.removeprefix('Asked')}.")

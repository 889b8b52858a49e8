"""The command lines of the Jobs that ask a registry: `nereid resolve` and `nereid tag`.

A finding and a failure are both an answer, in one line of JSON.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nereid.contract.fetch_errors import FetchError
from nereid.contract.process import begin, leave_word
from nereid.models.registry.answer_lines import failure_line
from nereid.models.registry.question import Question
from nereid.models.sources.failures import InterruptionError
from nereid.models.unforeseen import unforeseen

F = TypeVar("F", bound=Callable[..., Any])


def _server_options(command: F) -> F:
    path = click.Path(path_type=Path)
    for option in (
        click.option(
            "--termination-log",
            type=path,
            default=Path("/dev/termination-log"),
            show_default=True,
            help="File to which the outcome is written as one line of JSON.",
        ),
        click.option("--mlflow-tracking-uri", help="URL of MLflow's tracking server, if --endpoint is not set."),
        click.option("--credentials", type=path, help="Folder with a file for each key of the Secret."),
        click.option("--ca-bundle", type=path, help="PEM certificates to trust in addition to the public ones."),
        click.option("--endpoint", help="URL of the server, if it is not the public one."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--uri", required=True, help="models:/…, oci://… or hf://…, as in spec.model.uri.")
@_server_options
def resolve(termination_log: Path, **options: Any) -> None:
    """Resolve a reference to a fixed URI. The Job that resolves a model runs this command."""
    _answer(termination_log, lambda: Question(**options).resolve())


@click.command()
@click.option("--uri", required=True, help="models:/NAME/VERSION.")
@click.option("--tag", "tags", multiple=True, required=True, metavar="KEY=VALUE", help="A tag to set. Repeatable.")
@_server_options
def tag(tags: tuple[str, ...], termination_log: Path, **options: Any) -> None:
    """Set tags of a model version in the MLflow registry. The Job that tags a model runs this command."""
    _answer(termination_log, lambda: Question(**options).tag(tags))


def _answer(termination_log: Path, ask: Callable[[], str]) -> None:
    begin()
    try:
        line = ask()
    except FetchError as error:
        line = failure_line(error)
    except InterruptionError as interruption:
        # The operator asks again by itself.
        line = failure_line(interruption.failure)
    except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
        line = failure_line(unforeseen(error))
    click.echo(line)
    leave_word(termination_log, f"{line}\n")

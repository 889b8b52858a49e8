"""The command line of the init container: `nereid fetch`."""

import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import click

from nereid.fetch.errors import FetchError
from nereid.fetch.job import fetch as fetch_model
from nereid.fetch.request import Format, Request

TERMINATED: Final = 128 + signal.SIGTERM


@click.command()
@click.option("--uri", required=True, help="pvc://CLAIM/path or https://host/path, as spec.model.uri.")
@click.option(
    "--format",
    "model_format",
    type=click.Choice([known.value for known in Format]),
    required=True,
    help="What the URI holds.",
)
@click.option("--model-name", required=True, help="Name by which Triton serves the model.")
@click.option(
    "--destination", type=click.Path(path_type=Path), required=True, help="Triton's model repository, to be filled."
)
@click.option("--digest", help="sha256:HEX of the file at the URI; another one is an error.")
@click.option("--ca-bundle", type=click.Path(path_type=Path), help="PEM certificates to trust beside the public ones.")
@click.option(
    "--claim-mount",
    type=click.Path(path_type=Path),
    default=Path("/mnt/model"),
    show_default=True,
    help="Where the claim of a pvc:// URI is mounted.",
)
@click.option(
    "--termination-log",
    type=click.Path(path_type=Path),
    default=Path("/dev/termination-log"),
    show_default=True,
    help="Where one line says why it failed.",
)
def fetch(  # noqa: PLR0913, PLR0917 - click hands each option over as an argument
    uri: str,
    model_format: str,
    model_name: str,
    destination: Path,
    digest: str | None,
    ca_bundle: Path | None,
    claim_mount: Path,
    termination_log: Path,
) -> None:
    """Fetch a model into Triton's model repository; the init container of every pod runs this."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # The first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, _terminate)
    request = Request(uri, Format(model_format), model_name, destination, claim_mount, digest, ca_bundle)
    try:
        click.echo(f"Model {model_name} is at {fetch_model(request)}")
    except FetchError as error:
        click.echo(str(error), err=True)
        _leave_word(termination_log, str(error))
        raise SystemExit(1) from error


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)


def _leave_word(termination_log: Path, line: str) -> None:
    try:
        termination_log.write_text(f"{line}\n")
    except OSError as error:
        # Outside a pod there is no such file, and standard error has the line.
        logging.getLogger(__name__).debug("no termination log: %s", error)

"""How an internal error is reported: by its type and place, without its text, which may contain a secret."""

import traceback
from pathlib import Path

import click

from nereid.contract.fetch_errors import FetchError, Field, Reason


def internal_error(error: Exception) -> FetchError:
    """Return the failure to report for an unexpected exception; its stack trace is written to standard error."""
    frames = traceback.extract_tb(error.__traceback__)
    click.echo("".join(traceback.format_list(frames)), err=True)
    where = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return FetchError(
        Reason.MODEL_FETCH_FAILED,
        f"internal error of Nereid ({where}) for {Field.ANY}: report it with the container's log",
    )

"""What is told of an error of Nereid's own: where it happened, and nothing of its text, which may hold a secret."""

import traceback
from pathlib import Path

import click

from nereid.contract.fetch_errors import FetchError, Field, Reason


def internal_error(error: Exception) -> FetchError:
    """Return the failure to report for an error that nobody foresaw; where it came from goes to standard error."""
    frames = traceback.extract_tb(error.__traceback__)
    click.echo("".join(traceback.format_list(frames)), err=True)
    where = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return FetchError(
        Reason.MODEL_FETCH_FAILED,
        f"Nereid came upon what it does not expect ({where}): look at {Field.ANY}, and report this with the log",
    )

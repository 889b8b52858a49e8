"""How an unexpected error is reported: by its type and place, without its text, which may contain a secret.

The exception is memory that did not suffice: that is not Nereid's fault, but that of a source too large to read.
"""

import traceback
from pathlib import Path

import click

from nereid.contract.fetch_errors import FetchError, Field, Reason
from nereid.models.process_limits import unlimit_memory


def internal_error(error: Exception) -> FetchError:
    """Return the failure to report for an unexpected exception; its stack trace is written to standard error."""
    if isinstance(error, MemoryError):
        unlimit_memory()
        return FetchError(
            Reason.MODEL_TOO_LARGE,
            f"what {Field.ANY} names does not fit into the memory of the container that reads it: an answer of its "
            f"server, or a list of files in it, is too large; check that {Field.URI} names what was meant",
        )
    frames = traceback.extract_tb(error.__traceback__)
    click.echo("".join(traceback.format_list(frames)), err=True)
    where = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return FetchError(
        Reason.MODEL_FETCH_FAILED,
        f"internal error of Nereid ({where}) for {Field.ANY}: report it with the container's log",
    )

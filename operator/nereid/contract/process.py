"""What all of Nereid's short processes in users' pods do: log, end at SIGTERM, and write a termination message."""

import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

TERMINATED: Final = 128 + signal.SIGTERM


def set_up_process() -> None:
    """Log plain lines, and exit at SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # The first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, _terminate)


def termination_log_option(content: str) -> Callable[[F], F]:
    """Return the option `--termination-log` of a command; `content` says what is written to the file."""
    return click.option(
        "--termination-log",
        type=click.Path(path_type=Path),
        default=Path("/dev/termination-log"),
        show_default=True,
        help=f"File to which {content}.",
    )


def failed(sentence: str, termination_log: Path, message: str) -> SystemExit:
    """Write a failure to standard error as a sentence, and as the termination message; return the exit to raise."""
    click.echo(sentence, err=True)
    write_termination_message(termination_log, message)
    return SystemExit(1)


def write_termination_message(termination_log: Path, message: str) -> None:
    """Write the message to the file from which the kubelet reads the container's termination message."""
    try:
        termination_log.write_text(message)
    except OSError as error:
        # Outside a pod there is no such file; standard output or standard error has the message too.
        logging.getLogger(__name__).debug("no termination log: %s", error)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)

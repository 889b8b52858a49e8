"""What every short process of Nereid's in a user's pod does: it ends when told to, and leaves word of its outcome."""

import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

TERMINATED: Final = 128 + signal.SIGTERM


def set_up_process() -> None:
    """Log in plain lines, and end at SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # The first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, _terminate)


def write_termination_message(termination_log: Path, word: str) -> None:
    """Write what the kubelet is to take for the container's termination message."""
    try:
        termination_log.write_text(word)
    except OSError as error:
        # Outside a pod there is no such file, and standard output or error has it all.
        logging.getLogger(__name__).debug("no termination log: %s", error)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)

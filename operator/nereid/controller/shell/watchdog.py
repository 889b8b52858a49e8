"""Ends a process whose event loop hangs, and shows in its log where.

A function that does not return, for instance a search in text that grows out of hand, holds up every model, and SIGTERM
too. The liveness probe notices that, but not while the container starts, when the start-up probe waits for the first
list of a large cluster. The watchdog is a thread that does not need Python's lock, so it always runs.
"""

import asyncio
import faulthandler
from typing import Final

HANG_SECONDS: Final = 60.0
_TICKS: Final = 4


async def watch(hang_seconds: float = HANG_SECONDS) -> None:
    """Tell the watchdog that the event loop goes on, until cancelled; it ends the process when that is not told."""
    try:
        while True:
            faulthandler.dump_traceback_later(hang_seconds, exit=True)
            await asyncio.sleep(hang_seconds / _TICKS)
    finally:
        faulthandler.cancel_dump_traceback_later()

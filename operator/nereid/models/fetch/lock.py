"""A lock on a volume that pods of several nodes share, whose holder may be killed at any time.

File systems differ in what their own locks do between nodes, so that only what all have is used: a file that is created
once. Its holder touches it while it lives; whoever finds it untouched for long takes it over. Ages are told by the
volume's own clock, as the clocks of nodes differ.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

BEAT_SECONDS: Final = 5.0
STALE_SECONDS: Final = 45.0
POLL_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class LostLockError(Exception):
    """The lock was taken over, as this process was taken for dead."""


class VolumeLock:
    """A lock by the existence of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder = uuid.uuid4().hex
        self._lost = threading.Event()

    def require_held(self) -> None:
        """Raise LostLockError when somebody else has the lock by now."""
        if self._lost.is_set():
            raise LostLockError

    @contextmanager
    def held(self, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock; `while_waiting` is called again and again until it is free, and may raise to give up."""
        announced = False
        while not self._created():
            if is_stale(self._path):
                self._take_away()
                continue
            if not announced:
                logger.info("Another pod is at work on %s: waiting for it", self._path.parent)
                announced = True
            while_waiting()
            time.sleep(POLL_SECONDS)
        done = threading.Event()
        beating = threading.Thread(target=self._beat, args=(done,), daemon=True)
        beating.start()
        try:
            yield
        finally:
            done.set()
            beating.join()
            if self._is_own():
                self._path.unlink(missing_ok=True)

    def _created(self) -> bool:
        try:
            file = self._path.open("x")
        except FileExistsError:
            return False
        try:
            with file:
                file.write(self._holder)
        except OSError:
            # On a full volume the file is there, but says of nobody that it is theirs.
            self._path.unlink(missing_ok=True)
            raise
        return True

    def _take_away(self) -> None:
        """Remove a dead holder's file; the rename lets only one of several who found it dead do so."""
        aside = self._path.with_name(f"{self._path.name}.{self._holder}")
        with suppress(FileNotFoundError):
            self._path.rename(aside)
            if not is_stale(aside, self._path):
                # Another waiter was faster, and this is its own: it is put back, unless there is a third one by now.
                with suppress(FileExistsError), self._path.open("x") as file:
                    file.write(aside.read_text())
            aside.unlink()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(BEAT_SECONDS):
            with suppress(OSError):
                if not self._is_own():
                    self._lost.set()
                    return
                os.utime(self._path)

    def _is_own(self) -> bool:
        try:
            return self._path.read_text() == self._holder
        except FileNotFoundError:
            return False


def is_stale(file: Path, lock: Path | None = None) -> bool:
    """Whether the holder of a lock has not touched its file for so long that it must be dead."""
    place = lock or file
    clock = place.with_name(f"{place.name}.clock")
    try:
        clock.touch()
        return clock.stat().st_mtime - file.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:
        return False

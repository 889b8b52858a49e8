"""A lock on a volume that pods on several nodes share, and whose holder may be killed at any time.

File systems differ in how their locks work across nodes, so this one relies only on the exclusive creation of a file,
which all of them support. The holder touches the file while it is alive; a waiter takes over a lock whose file has not
been touched for a long time. Ages are measured by the volume's own clock, as the clocks of nodes differ.
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
    """Another process has taken over the lock, as this one seemed to be dead."""


class VolumeLock:
    """A lock that is held while the file at `path` exists."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder = uuid.uuid4().hex
        self._lost = threading.Event()

    def require_held(self) -> None:
        """Raise LostLockError if another process has taken over the lock."""
        if self._lost.is_set():
            raise LostLockError

    @contextmanager
    def held(self, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock inside the `with`; `while_waiting` is called repeatedly until it is free, and may raise."""
        announced = False
        while not self._created():
            if is_stale(self._path):
                self._take_away()
                continue
            if not announced:
                logger.info("Another pod holds the lock on %s: waiting for it", self._path.parent)
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
            # On a full volume the file exists, but without its holder's name.
            self._path.unlink(missing_ok=True)
            raise
        return True

    def _take_away(self) -> None:
        """Remove a dead holder's file; the rename makes sure that only one of several waiters does so."""
        aside = self._path.with_name(f"{self._path.name}.{self._holder}")
        with suppress(FileNotFoundError):
            self._path.rename(aside)
            if not is_stale(aside, self._path):
                # Another waiter was faster, and this is its file: it is put back, unless a third one has the lock now.
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
    """Whether the holder of a lock has not touched its file for so long that it counts as dead."""
    place = lock or file
    clock = place.with_name(f"{place.name}.clock")
    try:
        clock.touch()
        return clock.stat().st_mtime - file.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:
        return False

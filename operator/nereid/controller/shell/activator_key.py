"""The key that the operator shares with the activator, from a Secret that the kubelet mounts: it follows the file."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nereid.contract.proof import KEYS_FILE, SHORTEST_KEY, keys_of

LOOK_SECONDS: Final = 5.0
# The kubelet brings a changed Secret to each pod within some two minutes: by then the activators accept the new key.
SPREAD_SECONDS: Final = 150.0
# The kubelet keeps no more than a mebibyte in a Secret; keys are a few words.
_LONGEST_FILE: Final = 2**16

_logger = logging.getLogger(__name__)


class ActivatorKey:
    """The key that makes proofs; `on_change` is called when it is another one, so that all routes are written anew."""

    def __init__(
        self,
        folder: Path | None,
        on_change: Callable[[], None],
        *,
        look_seconds: float = LOOK_SECONDS,
        spread_seconds: float = SPREAD_SECONDS,
    ) -> None:
        """`folder`: None if there is no activator."""
        self._file = folder / KEYS_FILE if folder else None
        self._on_change = on_change
        self._look_seconds = look_seconds
        self._spread_seconds = spread_seconds
        self.current = self._read()
        if self._file and not self.current:
            _logger.warning(
                "%s has no key of %d characters or more: the activator rejects requests to sleeping models until its "
                "Secret has one, see docs/operations.md",
                self._file,
                SHORTEST_KEY,
            )

    async def run(self) -> None:
        """Follow the file for ever.

        Another key is taken once it has been there for as long as activators may need to get it. While the file cannot
        be read, or has no key, the last key stays.
        """
        next_key, since = self.current, 0.0
        while True:
            await asyncio.sleep(self._look_seconds)
            key, now = await asyncio.to_thread(self._read), time.monotonic()
            if key != next_key:
                next_key, since = key, now
            is_due = not self.current or now - since >= self._spread_seconds
            if key and key != self.current and is_due:
                self.current = key
                _logger.info("the key for the activator has changed: all routes and ScaledObjects are written anew")
                self._on_change()

    def _read(self) -> str:
        try:
            if self._file is None:
                return ""
            with self._file.open() as file:
                return next(iter(keys_of(file.read(_LONGEST_FILE))), "")
        except (OSError, UnicodeDecodeError):
            return ""

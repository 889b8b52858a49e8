"""The keys that the activator shares with the operator: they follow the folder of a Secret that is mounted."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nereid.contract.proof import KEYS_FILE, keys_of, proves_peer, proves_route, proves_trigger

# Beside the keys, the moment until which routes and triggers need no proof yet, as an operator of an older release made
# them, or one with a key that is lost; RFC 3339. Without the file there is no such time.
UNPROVEN_UNTIL_FILE: Final = "accept-unproven-until"
LOOK_SECONDS: Final = 5.0
# How long a key that is gone is still accepted: until the operator has written all routes anew, by a margin.
KEEP_SECONDS: Final = 600.0
_LONGEST_FILE: Final = 2**16

_logger = logging.getLogger(__name__)


class Keys:
    """Says what the operator has made. `clock` is that of the day, in seconds."""

    def __init__(
        self,
        folder: Path,
        *,
        look_seconds: float = LOOK_SECONDS,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._keep_seconds = keep_seconds
        self._last_seen: dict[str, float] = {}
        self._look_seconds = look_seconds
        self._clock = clock
        self._unproven_until = 0.0
        self.all: tuple[str, ...] = ()
        self._read()
        if not self.all:
            _logger.warning("%s has no key: no request is forwarded until its Secret has one", folder / KEYS_FILE)

    async def run(self) -> None:
        """Follow the folder for ever. While there is no key in it, the first of those before stays."""
        while True:
            await asyncio.sleep(self._look_seconds)
            await asyncio.to_thread(self._read)

    def route_is_proven(self, proof: str | None, target: str, seconds: str) -> bool:
        """Whether the operator made the route by which a request came; for a while, any may be old."""
        return self._may_be_old() or proves_route(proof or "", self.all, target, seconds)

    def trigger_is_proven(self, proof: str | None, target: str) -> bool:
        """Whether the operator made the trigger by which KEDA asks; for a while, any may be old."""
        return self._may_be_old() or proves_trigger(proof or "", self.all, target)

    def peer_is_proven(self, proofs: str) -> bool:
        """Whether another activator of this release asks, which shows proofs of all keys that it has."""
        return proves_peer(proofs, self.all)

    def _may_be_old(self) -> bool:
        # Who may come without a proof may as well come with one of another key.
        return self._clock() < self._unproven_until

    def _read(self) -> None:
        now, present = time.monotonic(), keys_of(self._text(KEYS_FILE))
        self._last_seen |= dict.fromkeys(present or self.all[:1], now)
        self._last_seen = {key: seen for key, seen in self._last_seen.items() if now - seen < self._keep_seconds}
        # Those of the file come first, in its order.
        self.all = tuple(dict.fromkeys((*present, *self._last_seen)))
        self._unproven_until = _seconds_of(self._text(UNPROVEN_UNTIL_FILE).strip())

    def _text(self, name: str) -> str:
        try:
            with (self._folder / name).open() as file:
                return file.read(_LONGEST_FILE)
        except (OSError, UnicodeDecodeError):
            return ""


def _seconds_of(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0

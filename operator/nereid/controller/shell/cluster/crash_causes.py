"""Why Triton ended: read from its log, once for each run of a container that failed.

A pod's status holds the last 2 KiB of a failed container's log, and Triton prints its options after the line that shows
why a model did not load, so that the log itself has to be read. A healthy cluster needs no requests.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from itertools import islice
from typing import Final, TypeVar

from nereid.api import names
from nereid.controller.observed.facts import Crash, Facts, PodFacts
from nereid.controller.observed.pods import explained
from nereid.controller.shell.cluster.children import Child
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError
from nereid.controller.shell.turns import Places

# A pass waits for the logs, and a kubelet that is lost with its node does not answer: a cause is not worth more time.
READ_SECONDS: Final = 3.0
PAUSE_AFTER_FAILURE_SECONDS: Final = 60.0
_REMEMBERED: Final = 1000
# The pods of a revision crash for the same cause, and each log takes memory while it is read.
PODS_IN_A_PASS: Final = 5
# A namespace whose kubelets do not answer has half of the places at most.
_READ_AT_A_TIME: Final = 16
_MOST_OF_A_NAMESPACE: Final = 8

_Run = tuple[str, Crash]
_Value = TypeVar("_Value")

_logger = logging.getLogger(__name__)


class CrashCauses:
    """Completes the facts of pods whose Triton has crashed; remembers what it has read, and what it could not read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._explained: OrderedDict[_Run, PodFacts] = OrderedDict()
        self._unreadable_until: OrderedDict[_Run, float] = OrderedDict()
        self._places = Places(_READ_AT_A_TIME, _MOST_OF_A_NAMESPACE)

    async def read(self, children: Iterable[Child]) -> None:
        """Read the logs of a few crashed pods at the same time; never fails.

        It waits `READ_SECONDS` at most for a place, and as long for the logs. A log that was read is not read again,
        one that could not be read not for `PAUSE_AFTER_FAILURE_SECONDS`.
        """
        due = (
            self._read(child, child.facts, child.facts.crash)
            for child in children
            if isinstance(child.facts, PodFacts) and child.facts.crash and self._is_due((child.uid, child.facts.crash))
        )
        await asyncio.gather(*islice(due, PODS_IN_A_PASS))

    def facts(self, child: Child) -> Facts:
        """Return a child's facts, those of a crashed pod with the cause that its log gives, if that could be read."""
        facts = child.facts
        if not isinstance(facts, PodFacts) or facts.crash is None:
            return facts
        return self._explained.get((child.uid, facts.crash), facts)

    def _is_due(self, run: _Run) -> bool:
        return run not in self._explained and time.monotonic() >= self._unreadable_until.get(run, 0.0)

    async def _read(self, child: Child, facts: PodFacts, crash: Crash) -> None:
        run = (child.uid, crash)
        try:
            async with AsyncExitStack() as place:
                try:
                    async with asyncio.timeout(READ_SECONDS):
                        await place.enter_async_context(self._places.place(child.namespace))
                except TimeoutError:
                    return  # Nobody has asked for this log: the next pass may.
                async with asyncio.timeout(READ_SECONDS):
                    log = await self._client.log_tail(
                        child.namespace, child.name, names.CONTAINER_TRITON, previous=crash.restarted
                    )
        except (ApiError, TimeoutError) as error:
            reason = str(error) or f"no answer within {READ_SECONDS:g} s"
            _logger.info("the log of pod %s/%s cannot be read: %s", child.namespace, child.name, reason)
            _remember(self._unreadable_until, run, time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS)
        else:
            _remember(self._explained, run, explained(facts, log))


def _remember(memory: OrderedDict[_Run, _Value], run: _Run, value: _Value) -> None:
    memory[run] = value
    memory.move_to_end(run)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)

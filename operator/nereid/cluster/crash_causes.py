"""Why Triton ended: read from its log, once for each run of a container that failed.

A pod's status holds the last 2 KiB of a failed container's log, and Triton prints its options after the line that says
why a model did not load; so the log itself has to be read. A healthy cluster costs nothing.
"""

import logging
from collections import OrderedDict
from typing import Final

from nereid import names
from nereid.cluster.children import Child
from nereid.cluster.client import Client
from nereid.cluster.errors import ApiError
from nereid.observed.facts import Crash, Facts, PodFacts
from nereid.observed.pods import explained

_REMEMBERED: Final = 1000

_logger = logging.getLogger(__name__)


class CrashCauses:
    """Completes the facts of pods whose Triton has crashed; remembers what it has read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._read: OrderedDict[tuple[str, Crash], PodFacts] = OrderedDict()

    async def of(self, child: Child) -> Facts:
        """Return a child's facts, those of a crashed pod with the cause that its log gives.

        A log that cannot be read leaves the facts as they are, to be asked for again at the next pass.
        """
        facts = child.facts
        if not isinstance(facts, PodFacts) or facts.crash is None:
            return facts
        key = (child.uid, facts.crash)
        if key not in self._read:
            try:
                log = await self._client.log_tail(
                    child.namespace, child.name, names.CONTAINER_TRITON, previous=facts.crash.restarted
                )
            except ApiError as error:
                _logger.info("the log of pod %s/%s cannot be read: %s", child.namespace, child.name, error)
                return facts
            self._remember(key, explained(facts, log))
        return self._read[key]

    def _remember(self, key: tuple[str, Crash], facts: PodFacts) -> None:
        self._read[key] = facts
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)

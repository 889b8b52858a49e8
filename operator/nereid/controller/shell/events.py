"""Sends events, which are for people: status has the same facts, so that a lost event must not delay a rollout."""

import logging
from collections.abc import Callable, Sequence

from nereid.api.identity import Owner
from nereid.api.names import API_VERSION, KIND
from nereid.controller.decide.rollout.state import Event
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError

_logger = logging.getLogger(__name__)


class Events:
    """Emits events of ModelDeployments; an event that the API server does not accept is logged and lost."""

    def __init__(self, client: Client, count: Callable[[str, str], None]) -> None:
        """`count` is called with type and reason of each event, whether or not the API server accepts it."""
        self._client = client
        self._count = count

    async def emit(self, owner: Owner, events: Sequence[Event]) -> None:
        """Send events one after another."""
        regarding = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
        }
        for event in events:
            self._count(event.type, event.reason)
            _logger.info("%s: %s", event.reason, event.message)
            try:
                await self._client.create_event(
                    regarding=regarding, reason=event.reason, note=event.message, type_=event.type, action="Reconcile"
                )
            except ApiError as error:
                _logger.warning("event %s was not recorded: %s", event.reason, error)

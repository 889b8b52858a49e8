"""Calls webhooks in the background: a pass never waits for one, it orders a call and runs again when it has ended.

Each call has its own task, so that a slow endpoint holds up nothing but what waits for its own answer. Only so many are
made at a time, and namespaces take turns.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer, failed
from nereid.controller.shell.turns import Places
from nereid.controller.shell.webhooks.client import WebhookClient

MAX_CALLS: Final = 64
# Of one namespace; the others are kept for those of others.
MAX_CALLS_OF_ONE: Final = 16
_MOST_LOGGED: Final = 200

Key = tuple[str, str]
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    call: WebhookCall
    task: asyncio.Task[None] | None = None
    answer: WebhookAnswer | None = None


class WebhookCaller:
    """Carries out calls; keeps each answer until another call of that webhook replaces it."""

    def __init__(self, client: WebhookClient, on_ready: Callable[[Key], None]) -> None:
        self._client = client
        self._on_ready = on_ready
        self._calls: dict[Key, dict[str, _Pending]] = {}
        self._places = Places(MAX_CALLS, MAX_CALLS_OF_ONE)

    def call(self, key: Key, calls: Sequence[WebhookCall]) -> None:
        """Make those of a ModelDeployment's calls that are not made yet, and give up all others of it."""
        wanted, known = {call.webhook: call for call in calls}, self._calls.pop(key, {})
        for webhook, pending in list(known.items()):
            if wanted.get(webhook) != pending.call:
                _cancel(known.pop(webhook))
        for webhook, call in wanted.items():
            if webhook not in known:
                pending = known[webhook] = _Pending(call)
                pending.task = asyncio.create_task(self._run(pending), name=f"webhook {webhook} of {'/'.join(key)}")
        if known:
            self._calls[key] = known

    def answers(self, key: Key) -> Mapping[WebhookCall, WebhookAnswer]:
        """Return the answers that are there for a ModelDeployment, each by its call."""
        return {one.call: one.answer for one in self._calls.get(key, {}).values() if one.answer}

    def forget(self, key: Key) -> None:
        """Give up the calls of a ModelDeployment that is gone."""
        self.call(key, ())

    async def close(self) -> None:
        """End all calls, and the client's connections."""
        tasks = [one.task for calls in self._calls.values() for one in calls.values() if one.task]
        self._calls.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    async def _run(self, pending: _Pending) -> None:
        call = pending.call
        try:
            async with self._places.place(call.key[0]):
                pending.answer = await self._client.send(call)
        except Exception as error:
            _logger.exception("calling webhook %s of %s failed", call.webhook, "/".join(call.key))
            pending.answer = failed(f"see the operator's log; the call failed unexpectedly: {type(error).__name__}")
        if pending.answer.failure:
            _logger.info(
                "webhook %s of %s: %s", call.webhook, "/".join(call.key), pending.answer.failure[:_MOST_LOGGED]
            )
        self._on_ready(call.key)


def _cancel(pending: _Pending) -> None:
    if pending.task:
        pending.task.cancel()

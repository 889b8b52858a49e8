"""List-and-watch: keeps a store up to date with the objects of one kind that carry Nereid's label.

Kopf could watch the children too, but builds a diff base for every event of every kind, which costs most of an
operator's CPU. Here the API server filters, and each object becomes a small record before the next one is read.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol

from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError, Gone, NotFound
from nereid.controller.shell.cluster.resources import Resource

_PAUSE_BETWEEN_WATCHES: Final = 0.1
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Where an informer stores what it receives."""

    def observe(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Store an object as it was at some time; it may be older than the stored one."""

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Forget an object that was deleted."""

    def retain(self, kind: str, namespace: str | None, listed: set[str], resource_version: int) -> None:
        """Forget what is older than a complete list and whose uid is not in it."""


class Both:
    """Two stores of what one watch shows."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def observe(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Store an object in both."""
        for sink in self._sinks:
            sink.observe(kind, raw)

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Forget an object in both."""
        for sink in self._sinks:
            sink.remove(kind, raw)

    def retain(self, kind: str, namespace: str | None, listed: set[str], resource_version: int) -> None:
        """Forget in both what is not in a complete list."""
        for sink in self._sinks:
            sink.retain(kind, namespace, listed, resource_version)


class Informer:
    """The list-and-watch of one kind, in one namespace or (None) in all of them.

    With `on_served` the cluster may lack the kind: it is checked from time to time, and `on_served` is called when the
    kind appears or disappears.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str | None,
        label_selector: str,
        on_served: Callable[[], None] | None = None,
    ) -> None:
        self.resource = resource
        self.synced = asyncio.Event()
        self.is_served = True
        self._on_served = on_served
        self._client = client
        self._sink = sink
        self._scope = (resource, namespace, label_selector)
        self._resource_version: str | None = None
        self._alive_at = time.monotonic()
        self._pause = _FIRST_PAUSE

    @property
    def silent_seconds(self) -> float:
        """Seconds since the watch last received anything, or failed: at most about two minutes unless it hangs.

        It does not show whether the API server works: if that is down, restarting the operator does not help.
        """
        return time.monotonic() - self._alive_at

    async def run(self) -> None:
        """Keep the store up to date until cancelled."""
        while True:
            try:
                if self._resource_version is None:
                    self._resource_version = await self._list()
                    self._set_served(is_served=True)
                await self._watch(self._resource_version)
                # A server or a proxy that ends each watch at once must not be called in a tight loop.
                await asyncio.sleep(_PAUSE_BETWEEN_WATCHES)
            except Gone:
                # Events were missed: only a new list shows what was deleted meanwhile.
                self._resource_version = None
            except ApiError as error:
                await self._pause_after(error)

    async def _list(self) -> str:
        listed: set[str] = set()
        version = ""
        async for items, version in self._client.list_pages(*self._scope):  # noqa: B007 - all pages have the same
            for raw in items:
                listed.add(raw["metadata"]["uid"])
                self._observe(raw)
            self._mark_alive()
        self._sink.retain(self.resource.kind, self._scope[1], listed, int(version))
        return version

    async def _watch(self, resource_version: str) -> None:
        async with aclosing(self._client.watch(*self._scope, resource_version)) as events:
            async for type_, raw in events:
                if type_ == "DELETED":
                    self._sink.remove(self.resource.kind, raw)
                elif type_ != "BOOKMARK":
                    self._observe(raw)
                self._resource_version = raw["metadata"]["resourceVersion"]
                self._mark_alive()
        # A watch that ended at its timeout, without events, is alive too.
        self._mark_alive()

    def _observe(self, raw: Mapping[str, Any]) -> None:
        try:
            self._sink.observe(self.resource.kind, raw)
        except Exception:
            # One object that cannot be parsed must not hide all others from the operator.
            name = f"{raw['metadata'].get('namespace')}/{raw['metadata'].get('name')}"
            logger.exception("%s %s cannot be read and is ignored", self.resource.kind, name)

    def _mark_alive(self) -> None:
        self._alive_at = time.monotonic()
        self._pause = _FIRST_PAUSE

    def _set_served(self, *, is_served: bool) -> None:
        changed, self.is_served = self.is_served != is_served, is_served
        self.synced.set()
        if changed and self._on_served:
            self._on_served()

    async def _pause_after(self, error: ApiError) -> None:
        self._alive_at = time.monotonic()
        if isinstance(error, NotFound) and self._on_served:
            self._resource_version = None
            self._set_served(is_served=False)
        elif isinstance(error, NotFound):
            logger.warning("%s are not served: install their CustomResourceDefinition", self.resource.plural)
        else:
            logger.warning("the watch of %s was interrupted and is started again: %s", self.resource.plural, error)
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards no secret

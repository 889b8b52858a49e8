"""What runs beside Kopf: the watches of children, the queue, and the workers that empty it. Knows nothing of Kopf."""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nereid.api.names import LABEL_MANAGED_BY, MANAGED_BY
from nereid.controller.observed.model_deployment import Key
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.activator_key import ActivatorKey
from nereid.controller.shell.cluster.children import Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.cluster.host_routes import HostRoutes
from nereid.controller.shell.cluster.informer import Both, Informer
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.cluster.resources import GATEWAY, OPTIONAL, SCALED_OBJECT, VIRTUAL_SERVICE, WATCHED
from nereid.controller.shell.conductor import Reconciler
from nereid.controller.shell.gather import Gatherer, Stores
from nereid.controller.shell.metrics.callers import Callers
from nereid.controller.shell.metrics.sampler import Sampler
from nereid.controller.shell.telemetry.instruments import Instruments
from nereid.controller.shell.webhooks.caller import WebhookCaller
from nereid.controller.shell.webhooks.client import WebhookClient
from nereid.controller.shell.work_queue import WorkQueue, work

# Each remote call of a pass has its own timeout; a pass that takes longer than this is stuck.
LONGEST_PASS_SECONDS: Final = 300.0
# Bookmarks arrive every minute, and a silent watch is restarted before this time is over.
LONGEST_SILENCE_SECONDS: Final = 300.0

_logger = logging.getLogger(__name__)


class UnhealthyError(Exception):
    """A part of the operator does not work; the message says which."""


class Engine:
    """The watches, the queue and its workers, and the stores that they share."""

    def __init__(self, client: Client, settings: Settings, instruments: Instruments) -> None:
        self.client = client
        self._instruments = instruments
        self.queue = WorkQueue[Key](lambda key: key[0], _most_of_one_namespace(settings))
        self.model_deployments = ModelDeployments()
        children = Children(on_change=self.queue.add)
        # Gateways may be in any namespace; an operator that is limited to some namespaces may not read them.
        gateways = None if settings.namespaces else Gateways(on_change=self._on_gateway_change)
        self.sampler = Sampler(settings, on_ready=self.queue.add, clock=_now)
        host_routes = HostRoutes(self._on_host_change, has_seen_owner=self.model_deployments.has_seen)
        other_routes = HostRoutes(self._on_host_change)
        folder = Path(settings.activator_proof_folder) if settings.activator_proof_folder else None
        self._activator_key = ActivatorKey(folder, on_change=self._queue_all)
        stores = Stores(
            self.model_deployments,
            children,
            gateways,
            host_routes,
            other_routes,
            has_keda=self._has_keda,
            activator_key=lambda: self._activator_key.current,
        )
        prometheus = self.sampler.prometheus
        self._callers = (
            Callers(prometheus, self.model_deployments, self.queue.add, _now, settings) if prometheus else None
        )
        secrets = Path(settings.webhook_secret_folder) if settings.webhook_secret_folder else None
        self._webhooks = WebhookCaller(WebhookClient(secrets), on_ready=self.queue.add)
        self._reconciler = Reconciler(
            Gatherer(client, stores, self.sampler, self._callers, self._webhooks),
            client,
            stores,
            settings,
            clock=_now,
            count_event=instruments.count_event,
        )
        self._workers = settings.workers
        self._informers = [
            Informer(
                client,
                resource,
                Both(children, host_routes) if resource == VIRTUAL_SERVICE else children,
                namespace=namespace,
                label_selector=f"{LABEL_MANAGED_BY}={MANAGED_BY}",
                on_served=self._queue_all if resource in OPTIONAL else None,
            )
            for resource in WATCHED
            for namespace in settings.namespaces or (None,)
        ]
        # Of others' VirtualServices only hosts and Gateways are kept.
        others = f"{LABEL_MANAGED_BY}!={MANAGED_BY}"
        self._informers += [
            Informer(client, VIRTUAL_SERVICE, other_routes, namespace=namespace, label_selector=others)
            for namespace in settings.namespaces or (None,)
        ]
        if gateways is not None:
            self._informers.append(Informer(client, GATEWAY, gateways, namespace=None, label_selector=""))
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the watches and, once they have listed everything, the workers."""
        for informer in self._informers:
            self._spawn(f"watch {informer.resource.plural}", informer.run())
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers))
        self._spawn("follows the activator's key", self._activator_key.run())
        for number in range(self._workers):
            self._spawn(f"worker {number}", work(self.queue, self._instruments.measured(self._reconciler)))
        if self._callers:
            self._spawn("looks at what callers see", self._callers.run())
        _logger.info("all watches are up to date, %d workers start", self._workers)

    async def stop(self) -> None:
        """End all tasks; after the next start, another pass continues what was interrupted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._webhooks.close()
        await self.sampler.close()

    def check(self) -> None:
        """Raise UnhealthyError if a task has ended or hangs."""
        for task in self._tasks:
            if task.done():
                raise UnhealthyError(f"task {task.get_name()} has ended")
        for informer in self._informers:
            if informer.silent_seconds > LONGEST_SILENCE_SECONDS:
                silence = f"nothing has been received for {informer.silent_seconds:.0f} s"
                raise UnhealthyError(f"the watch of {informer.resource.plural} hangs: {silence}")
        if self.queue.longest_running_seconds > LONGEST_PASS_SECONDS:
            raise UnhealthyError(f"a pass has been running for {self.queue.longest_running_seconds:.0f} s")

    def sharing_hosts(self, key: Key) -> Collection[Key]:
        """Return the keys of those whose specs name a host of a ModelDeployment's, by whatever Gateways."""
        found = self.model_deployments.get(key)
        return self.model_deployments.naming_hosts(found.hosts) if found else ()

    def _has_keda(self) -> bool:
        return all(informer.is_served for informer in self._informers if informer.resource == SCALED_OBJECT)

    def _queue_all(self) -> None:
        for model_deployment in self.model_deployments.all():
            self.queue.add(model_deployment.key)

    def _on_host_change(self, hosts: Collection[str], with_those_below: bool) -> None:  # noqa: FBT001
        known = self.model_deployments
        for key in known.naming_hosts_below(hosts) if with_those_below else known.naming_hosts(hosts):
            self.queue.add(key)

    def _on_gateway_change(self, reference: str) -> None:
        for key in self.model_deployments.naming_gateway(reference):
            self.queue.add(key)

    def _spawn(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(coroutine, name=name))


def _most_of_one_namespace(settings: Settings) -> int | None:
    """Return how many workers may serve one namespace at a time: some are kept for others, if there may be others."""
    if len(settings.namespaces) == 1 or settings.workers == 1:
        return None
    return settings.workers - max(1, settings.workers // 4)


def _now() -> datetime:
    return datetime.now(UTC)

"""Kopf's part: it watches ModelDeployments, runs start-up and clean-up, and answers the liveness probe.

Handlers only pass on what they are told. No change handlers, daemons or timers: those keep annotations or finalizers on
the user's object.
"""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

import kopf
from prometheus_client import CollectorRegistry

from nereid.cluster import connection
from nereid.cluster.children import Children
from nereid.cluster.client import Client
from nereid.cluster.errors import ApiError, NotFound
from nereid.cluster.gateways import Gateways
from nereid.cluster.informer import Informer
from nereid.cluster.model_deployments import Key, ModelDeployments
from nereid.cluster.resources import GATEWAY, MODEL_DEPLOYMENT, OPTIONAL, SCALED_OBJECT, WATCHED
from nereid.gather import Gatherer, Stores
from nereid.log_object import ObjectFilter
from nereid.metrics.sampler import Sampler
from nereid.names import GROUP, LABEL_MANAGED_BY, MANAGED_BY, PLURAL, VERSION
from nereid.reconcile import Reconciler
from nereid.settings import Settings
from nereid.telemetry.instruments import Instruments
from nereid.telemetry.rollouts import RolloutCollector
from nereid.telemetry.server import metrics_server
from nereid.work_queue import WorkQueue, work

# Each remote call of a pass has a timeout of its own; a pass that takes longer than this hangs.
LONGEST_PASS_SECONDS: Final = 300.0
# Bookmarks arrive every minute, and a silent watch is given up and begun anew before this is over.
LONGEST_SILENCE_SECONDS: Final = 300.0
# The API server takes objects that are nested 10000 levels deep; one that cannot be read would end the watch of all.
RECURSION_LIMIT: Final = 25_000
_CRD_PAUSE_SECONDS: Final = 2.0
# They write a line for each event and each probe.
_TALKATIVE: Final = ("kopf.objects", "kopf.activities.probe", "aiohttp.access")

_logger = logging.getLogger(__name__)


class UnhealthyError(Exception):
    """The operator does not do its work; the message says which part of it."""


class Engine:
    """What runs beside Kopf: the watches of children, the queue, and its workers."""

    def __init__(self, client: Client, settings: Settings, instruments: Instruments) -> None:
        self.client = client
        self._instruments = instruments
        self.queue: WorkQueue[Key] = WorkQueue()
        self.model_deployments = ModelDeployments()
        children = Children(on_change=self.queue.add)
        # Gateways stand in any namespace, where an operator that may see only some of them cannot look.
        gateways = None if settings.namespaces else Gateways(on_change=self._gateway_changed)
        self.sampler = Sampler(settings, on_ready=self.queue.add, clock=_now)
        stores = Stores(self.model_deployments, children, gateways, has_keda=self._has_keda)
        self._reconciler = Reconciler(
            Gatherer(client, stores, self.sampler),
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
                children,
                namespace=namespace,
                label_selector=f"{LABEL_MANAGED_BY}={MANAGED_BY}",
                on_served=self._look_at_all if resource in OPTIONAL else None,
            )
            for resource in WATCHED
            for namespace in settings.namespaces or (None,)
        ]
        if gateways is not None:
            self._informers.append(Informer(client, GATEWAY, gateways, namespace=None, label_selector=""))
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the watches and, once they have shown all there is, the workers."""
        for informer in self._informers:
            self._spawn(f"watch {informer.resource.plural}", informer.run())
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers))
        for number in range(self._workers):
            self._spawn(f"worker {number}", work(self.queue, self._instruments.measured(self._reconciler)))
        _logger.info("all watches are up to date, %d workers begin", self._workers)

    async def stop(self) -> None:
        """End all tasks; a pass that is interrupted is continued by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sampler.close()

    def check(self) -> None:
        """Raise UnhealthyError unless everything runs and none of it hangs."""
        for task in self._tasks:
            if task.done():
                raise UnhealthyError(f"task {task.get_name()} has ended")
        for informer in self._informers:
            if informer.silent_seconds > LONGEST_SILENCE_SECONDS:
                raise UnhealthyError(
                    f"the watch of {informer.resource.plural} hangs: no sign of it for {informer.silent_seconds:.0f} s"
                )
        if self.queue.longest_running_seconds > LONGEST_PASS_SECONDS:
            raise UnhealthyError(f"a pass has been running for {self.queue.longest_running_seconds:.0f} s")

    def _has_keda(self) -> bool:
        return all(informer.is_served for informer in self._informers if informer.resource == SCALED_OBJECT)

    def _look_at_all(self) -> None:
        for one in self.model_deployments.all():
            self.queue.add(one.key)

    def _gateway_changed(self, reference: str) -> None:
        for key in self.model_deployments.naming_gateway(reference):
            self.queue.add(key)

    def _spawn(self, name: str, work_to_do: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work_to_do, name=name))


def _now() -> datetime:
    return datetime.now(UTC)


@kopf.on.login()
def login(**_: Any) -> kopf.ConnectionInfo:
    """Let Kopf reach the API server as the engine does."""
    return connection.find()


@kopf.on.startup()
async def startup(memo: kopf.Memo, settings: kopf.OperatorSettings, **_: Any) -> None:
    """Start the engine; ModelDeployments are not looked at before it knows all children."""
    _configure(settings)
    async with AsyncExitStack() as stack:
        registry = CollectorRegistry()
        instruments = Instruments(registry)
        way = await stack.enter_async_context(connection.connect())
        engine = Engine(Client(way, on_request=instruments.count_request), memo.settings, instruments)
        await _require_crd(engine.client)
        registry.register(RolloutCollector(engine.model_deployments.all))
        instruments.show_queue_depth(lambda: engine.queue.depth)
        stack.enter_context(metrics_server(memo.settings.metrics_port, registry))
        stack.push_async_callback(engine.stop)
        await engine.start()
        memo.engine, memo.resources = engine, stack.pop_all()


@kopf.on.event(GROUP, VERSION, PLURAL)
async def notice(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Remember a ModelDeployment as it is now and have it looked at."""
    engine: Engine = memo.engine
    raw, found = event["object"], engine.model_deployments
    key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
    rivals = found.rivals(key)
    if event["type"] == "DELETED":
        found.remove(raw)
        engine.sampler.forget(*key)
    elif not found.put(raw):
        return
    for one in (key, *(rival.key for rival in (*rivals, *found.rivals(key)))):
        engine.queue.add(one)


@kopf.on.probe(errors=kopf.ErrorsMode.PERMANENT)
def health(memo: kopf.Memo, **_: Any) -> str:
    """Answer the liveness probe; an error makes it fail, and the pod is started again."""
    memo.engine.check()
    return "ok"


@kopf.on.cleanup()
async def cleanup(memo: kopf.Memo, **_: Any) -> None:
    """Stop the engine and close its connections."""
    if "resources" in memo:
        await memo.resources.aclose()


def run_operator(settings: Settings, *, log_format: str, log_level: str) -> None:
    """Run the operator until SIGTERM or SIGINT; the liveness probe is answered at /healthz."""
    _configure_logging(log_format, log_level)
    sys.setrecursionlimit(RECURSION_LIMIT)
    kopf.run(
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        standalone=True,
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
        memo=kopf.Memo(settings=settings),
    )


def _configure_logging(log_format: str, log_level: str) -> None:
    kopf.configure(
        debug=log_level == "debug",
        quiet=log_level == "warning",
        log_format=kopf.LogFormat.JSON if log_format == "json" else kopf.LogFormat.FULL,
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(ObjectFilter())
    if log_level != "debug":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps Kopf from copying every object at every event for a comparison that nobody asks for."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


async def _require_crd(client: Client) -> None:
    """Wait, by having Kopf call start-up again, until ModelDeployments are served: Kopf looks for them only once."""
    try:
        await client.require_served(MODEL_DEPLOYMENT)
    except NotFound as error:
        raise kopf.TemporaryError(
            "ModelDeployments are not served: install their CustomResourceDefinition", delay=_CRD_PAUSE_SECONDS
        ) from error
    except ApiError as error:
        raise kopf.TemporaryError(f"the API server is not available: {error}", delay=_CRD_PAUSE_SECONDS) from error


def _configure(settings: kopf.OperatorSettings) -> None:
    """Keep Kopf from writing anything, and from waiting for ever."""
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.scanning.disabled = True
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 5
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.process.ultimate_exiting_timeout = 10

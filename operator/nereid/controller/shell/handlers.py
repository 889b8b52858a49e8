"""Kopf's part: it watches ModelDeployments, runs start-up and clean-up, and answers the liveness probe.

Handlers only pass on what they receive. No change handlers, daemons or timers: those keep annotations or finalizers on
the user's object.
"""

import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from typing import Any, Final

import kopf
from prometheus_client import CollectorRegistry

from nereid.api.names import GROUP, PLURAL, VERSION
from nereid.contract.metrics_server import metrics_server
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.cluster import connection
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError, NotFound
from nereid.controller.shell.cluster.resources import MODEL_DEPLOYMENT
from nereid.controller.shell.engine import Engine
from nereid.controller.shell.log_object import ObjectFilter
from nereid.controller.shell.telemetry.instruments import Instruments
from nereid.controller.shell.telemetry.rollouts import RolloutCollector
from nereid.controller.shell.watchdog import watch as watchdog_of_the_loop

# The API server accepts objects that are nested 10000 levels deep; one that cannot be parsed would end the whole watch.
RECURSION_LIMIT: Final = 25_000
_CRD_PAUSE_SECONDS: Final = 2.0
# Kopf holds a page of ModelDeployments until each of them has been noticed.
_PAGE_SIZE: Final = 10
# They log a line for each event and each probe.
_TALKATIVE: Final = ("kopf.objects", "kopf.activities.probe", "aiohttp.access")

_kopf_sessions: Final = connection.KopfSessions()


@kopf.on.login()
async def login(**_: Any) -> kopf.AiohttpSession:
    """Return a session with the engine's credentials of the API server, for Kopf."""
    return _kopf_sessions.login()


@kopf.on.startup()
async def startup(memo: kopf.Memo, settings: kopf.OperatorSettings, **_: Any) -> None:
    """Start the engine; no ModelDeployment is processed before it has listed all children."""
    _configure(settings)
    async with AsyncExitStack() as stack:
        watchdog = asyncio.create_task(watchdog_of_the_loop(), name="watchdog")
        stack.callback(watchdog.cancel)
        registry = CollectorRegistry()
        instruments = Instruments(registry)
        api_server = await stack.enter_async_context(connection.connect())
        engine = Engine(Client(api_server, on_request=instruments.count_request), memo.settings, instruments)
        await _require_crd(engine.client)
        registry.register(RolloutCollector(engine.model_deployments.all))
        instruments.show_queue_depth(lambda: engine.queue.depth)
        stack.enter_context(metrics_server(memo.settings.metrics_port, registry))
        stack.push_async_callback(engine.stop)
        await engine.start()
        memo.engine, memo.resources = engine, stack.pop_all()


@kopf.on.event(GROUP, VERSION, PLURAL)
async def notice(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Store a ModelDeployment and queue it, together with those that name one of its hosts."""
    engine: Engine = memo.engine
    raw, model_deployments = event["object"], engine.model_deployments
    key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
    before = engine.sharing_hosts(key)
    is_news = True
    if event["type"] == "DELETED":
        model_deployments.remove(raw)
        engine.sampler.forget(*key)
    else:
        is_news = model_deployments.put(raw)
    _empty(raw)
    if not is_news:
        return
    for changed in {key, *before, *engine.sharing_hosts(key)}:
        engine.queue.add(changed)


@kopf.on.probe(errors=kopf.ErrorsMode.PERMANENT)
def health(memo: kopf.Memo, **_: Any) -> str:
    """Answer the liveness probe; an error makes it fail, and the kubelet restarts the container."""
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


def _empty(raw: Any) -> None:
    """Take from an object what has been stored of it: Kopf keeps it for some seconds more."""
    for field in ("spec", "status"):
        raw.pop(field, None)
    raw["metadata"].pop("managedFields", None)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps Kopf from copying every object at every event for a comparison that is not used."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


async def _require_crd(client: Client) -> None:
    """Wait, by letting Kopf repeat start-up, until ModelDeployments are served: Kopf checks for them only once."""
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
    settings.watching.chunk_size = _PAGE_SIZE
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.process.ultimate_exiting_timeout = 10

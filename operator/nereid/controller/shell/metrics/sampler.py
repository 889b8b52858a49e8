"""Measures in the background, as a pass never waits: it asks, and is run again when the answer is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp

from nereid.contract.sentence import as_sentence
from nereid.controller.decide.asks import ActivityRequest, SampleRequest
from nereid.controller.observed.sample import Activity, Comparison, Sample, SampleFailure
from nereid.controller.observed.situation import Measurements
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics import inference_view, istio, queries
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.ledgers import Book, Ledgers
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.triton import Pods, Triton

MAX_FETCHES: Final = 16
FETCH_SECONDS: Final = 60.0
# More than a ModelDeployment has retiring revisions.
KEPT_ACTIVITIES: Final = 8
# A scrape is stored under the time at which it began, when it is over; a window that ends earlier changes no more.
SETTLE_SECONDS: Final = 5
# After a longer absence of the operator, what is older is left out.
OLDEST_SECONDS: Final = 3600
# What was missed is caught up in windows of this length, so that no answer of Prometheus is large, or of the interval.
LONGEST_WINDOW_SECONDS: Final = 300
# The event loop's clock and the wall clock are not quite of one mind.
_WAKING_SECONDS: Final = 0.02

Key = tuple[str, str]
Clock = Callable[[], datetime]
_Request = SampleRequest | ActivityRequest
_Fetched = TypeVar("_Fetched")
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Errand:
    """A request, the pods as they were last seen, the task that fetches the answer, and the answer once it is there."""

    request: _Request
    pods: Pods
    task: asyncio.Task[None] | None = None
    answer: Any = field(default=None)


class Sampler:
    """Fetches samples and activities in background tasks; keeps each answer until something else is asked.

    It is made within a running event loop, and closed there.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[Key], None], clock: Clock) -> None:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._prometheus = Prometheus(self._session, settings) if settings.prometheus_url else None
        self._ledgers = Ledgers()
        self._triton = Triton(self._session)
        self._on_ready = on_ready
        self._clock = clock
        self._samples: dict[Key, _Errand] = {}
        self._activities: dict[Key, dict[str, _Errand]] = {}
        self._fetches = asyncio.Semaphore(MAX_FETCHES)

    def sample(self, request: SampleRequest, pods: Pods) -> Sample | SampleFailure | None:
        """Return the answer to exactly this request, or None and fetch it; `on_ready` tells when it is there."""
        key = (request.namespace, request.name)
        errand = self._samples.get(key)
        if errand is None or errand.request != request:
            _cancel(errand)
            errand = self._samples[key] = _Errand(request, pods)
            self._start(errand, partial(self._sample, request, errand))
        errand.pods = pods
        answer: Sample | SampleFailure | None = errand.answer
        return answer

    def activity(self, request: ActivityRequest, pods: Pods) -> Activity | None:
        """Return the answer to exactly this request, or None and fetch it; `on_ready` tells when it is there."""
        errands = self._activities.setdefault((request.namespace, request.name), {})
        errand = errands.get(request.revision)
        if errand is None or errand.request != request:
            _cancel(errand)
            errand = errands[request.revision] = _Errand(request, pods)
            self._start(errand, partial(self._activity, request, errand))
            _drop_oldest(errands)
        errand.pods = pods
        answer: Activity | None = errand.answer
        return answer

    def answers(self, key: Key) -> Measurements:
        """Return the answers that are there for a ModelDeployment, each by its request."""
        sample, activities = self._samples.get(key), self._activities.get(key, {}).values()
        return Measurements(
            samples={sample.request: sample.answer} if sample and sample.answer else {},
            activities={one.request: one.answer for one in activities if one.answer},
        )

    def forget(self, namespace: str, name: str) -> None:
        """Forget all about a ModelDeployment."""
        key = (namespace, name)
        _cancel(self._samples.pop(key, None))
        for errand in self._activities.pop(key, {}).values():
            _cancel(errand)
        self._ledgers.forget(key)
        self._triton.forget(key)

    async def close(self) -> None:
        """End whatever is being fetched, and all connections."""
        errands = [*self._samples.values(), *(one for errands in self._activities.values() for one in errands.values())]
        tasks = [errand.task for errand in errands if errand.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._samples.clear()
        self._activities.clear()
        await self._session.close()

    def _start(self, errand: _Errand, fetch: Callable[[], Awaitable[Any]]) -> None:
        asked = errand.request
        name = f"{type(asked).__name__} of {asked.namespace}/{asked.name}"
        errand.task = asyncio.create_task(self._run(errand, fetch), name=name)

    async def _run(self, errand: _Errand, fetch: Callable[[], Awaitable[Any]]) -> None:
        errand.answer = await fetch()
        self._on_ready((errand.request.namespace, errand.request.name))

    async def _sample(self, request: SampleRequest, errand: _Errand) -> Sample | SampleFailure:
        try:
            return await self._counted(request, errand)
        except ProviderError as error:
            return self._failure(str(error))
        except TimeoutError:
            return self._failure(f"there was no sample within {FETCH_SECONDS:g} s")
        except Exception as error:
            _logger.exception("sampling %s/%s failed", request.namespace, request.name)
            return self._failure(f"see the operator's log; the sample failed unexpectedly: {error!r}")

    def _failure(self, message: str) -> SampleFailure:
        return SampleFailure(self._now(), as_sentence(message))

    async def _counted(self, request: SampleRequest, errand: _Errand) -> Sample:
        by_triton = request.analysis.provider == "Triton"
        sample = await (self._of_triton(request, errand) if by_triton else self._of_prometheus(request))
        if sample.until <= request.since:
            raise ProviderError("the clock was set back while requests were counted")
        return sample

    async def _activity(self, request: ActivityRequest, errand: _Errand) -> Activity:
        try:
            return await self._limited(lambda: self._triton.activity(request, errand.pods))
        except Exception:
            _logger.exception("the activity of %s/%s cannot be measured", request.namespace, request.name)
            return Activity(None, None)

    async def _of_triton(self, request: SampleRequest, errand: _Errand) -> Sample:
        # Where nothing is remembered, counting starts; the sooner the better.
        await self._reach(request, request.analysis.interval if self._triton.remembers(request) else 1)
        return await self._limited(lambda: self._triton.sample(request, errand.pods, self._now()))

    async def _of_prometheus(self, request: SampleRequest) -> Sample:
        prometheus = self._prometheus
        if prometheus is None:
            raise ProviderError(
                "the operator is configured without Prometheus: set prometheus.url in its chart, or set "
                "spec.rollout.analysis.provider to Triton"
            )
        await self._reach(request, request.analysis.interval + SETTLE_SECONDS)
        key = (request.namespace, request.name)
        book = self._ledgers.open(key, self._window(request))
        sample = await self._limited(lambda: _measured(prometheus, request, book))
        self._ledgers.keep(key, book)
        return sample

    def _window(self, request: SampleRequest) -> Window:
        settled = self._now() - timedelta(seconds=SETTLE_SECONDS)
        since = max(request.since, settled - timedelta(seconds=OLDEST_SECONDS))
        longest = timedelta(seconds=max(request.analysis.interval, LONGEST_WINDOW_SECONDS))
        return Window(since.timestamp(), min(settled, since + longest).timestamp())

    async def _reach(self, request: SampleRequest, seconds: int) -> None:
        """Wait until it is so many seconds after `since`, by the clock's whole seconds."""
        moment = _whole(request.since + timedelta(seconds=seconds, microseconds=999_999))
        early = (moment - self._clock()).total_seconds()
        if early <= seconds + 1:
            await asyncio.sleep(max(early, 0) + _WAKING_SECONDS)
        if self._now() < moment:
            raise ProviderError(f"the last sample ended in the future, at {request.since:%H:%M:%S}: check the clocks")

    async def _limited(self, fetch: Callable[[], Awaitable[_Fetched]]) -> _Fetched:
        async with self._fetches, asyncio.timeout(FETCH_SECONDS):
            return await fetch()

    def _now(self) -> datetime:
        return _whole(self._clock().astimezone(UTC))


async def _measured(prometheus: Prometheus, request: SampleRequest, book: Book) -> Sample:
    metrics = await istio.traffic(prometheus, request, book)
    return Sample(
        until=datetime.fromtimestamp(book.window.until, UTC),
        metrics=metrics,
        queries=await queries.readings(prometheus, request, book.window.until),
        triton=await _second_view(prometheus, request, book),
    )


async def _second_view(prometheus: Prometheus, request: SampleRequest, book: Book) -> Comparison | None:
    try:
        return await inference_view.inference_view(prometheus, request, book)
    except ProviderError as error:
        _logger.info("Triton's own counters of %s/%s cannot be read: %s", request.namespace, request.name, error)
        return None


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _drop_oldest(errands: dict[str, _Errand]) -> None:
    """Let go of answers about revisions that are long gone, and of none that somebody still waits for."""
    answered = [revision for revision, errand in errands.items() if errand.answer is not None]
    for revision in answered[: max(0, len(errands) - KEPT_ACTIVITIES)]:
        del errands[revision]


def _cancel(errand: _Errand | None) -> None:
    if errand and errand.task:
        errand.task.cancel()

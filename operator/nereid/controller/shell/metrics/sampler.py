"""Measures in the background: a pass never waits, it requests a measurement and runs again when the answer is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp

from nereid.contract.sentence import as_sentence
from nereid.controller.decide.measurement_requests import ActivityRequest, SampleRequest
from nereid.controller.decide.rollout.analysis import COUNTS_DISAGREE
from nereid.controller.observed.sample import Activity, Comparison, Sample, SampleFailure
from nereid.controller.observed.situation import Measurements
from nereid.controller.plan.settings import Settings
from nereid.controller.shell.metrics import business, inference_view, istio, queries
from nereid.controller.shell.metrics.errors import CountsDisagree, ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.ledgers import CounterHistories, WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.reporters import Reporters, reporters
from nereid.controller.shell.metrics.triton import Pods, Triton
from nereid.controller.shell.turns import Places

MAX_FETCHES: Final = 16
# Of one namespace; the others are kept for those of others.
MAX_FETCHES_OF_ONE: Final = 12
# Of them, those that run PromQL of users, which takes as long as its author likes.
MAX_WITH_QUERIES: Final = 8
MAX_WITH_QUERIES_OF_ONE: Final = 2
FETCH_SECONDS: Final = 60.0
# More than the retiring revisions that a ModelDeployment has.
KEPT_ACTIVITIES: Final = 8
# A scrape is stored when it ends, under the time at which it began; a window that ends this long ago is final.
SETTLE_SECONDS: Final = 5
# After a longer downtime of the operator, older samples are left out.
OLDEST_SECONDS: Final = 3600
# Missed time is caught up in windows of this length, or of the interval, so that no answer of Prometheus is large.
LONGEST_WINDOW_SECONDS: Final = 300
# The event loop's clock and the wall clock differ a little.
_WAKING_SECONDS: Final = 0.02

Key = tuple[str, str]
Clock = Callable[[], datetime]
_Request = SampleRequest | ActivityRequest
_Fetched = TypeVar("_Fetched")
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PendingFetch:
    """A request, the pods as they were last seen, the task that fetches the answer, and the answer once it is there."""

    request: _Request
    pods: Pods
    task: asyncio.Task[None] | None = None
    answer: Any = field(default=None)


class Sampler:
    """Fetches samples and activities in background tasks; keeps each answer until another request replaces it.

    It is made within a running event loop, and closed there.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[Key], None], clock: Clock) -> None:
        self._settings = settings
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self.prometheus = Prometheus(self._session, settings) if settings.prometheus_url else None
        self._histories = CounterHistories()
        self._triton = Triton(self._session)
        self._on_ready = on_ready
        self._clock = clock
        self._samples: dict[Key, PendingFetch] = {}
        self._activities: dict[Key, dict[str, PendingFetch]] = {}
        self._fetches = Places(MAX_FETCHES, MAX_FETCHES_OF_ONE)
        self._with_queries = Places(MAX_WITH_QUERIES, MAX_WITH_QUERIES_OF_ONE)

    def sample(self, request: SampleRequest, pods: Pods) -> Sample | SampleFailure | None:
        """Return the answer to exactly this request, or None and fetch it; `on_ready` tells when it is there."""
        key = (request.namespace, request.name)
        pending = self._samples.get(key)
        if pending is None or pending.request != request:
            _cancel(pending)
            pending = self._samples[key] = PendingFetch(request, pods)
            self._start(pending, partial(self._sample, request, pending))
        pending.pods = pods
        answer: Sample | SampleFailure | None = pending.answer
        return answer

    def activity(self, request: ActivityRequest, pods: Pods) -> Activity | None:
        """Return the answer to exactly this request, or None and fetch it; `on_ready` tells when it is there."""
        fetches = self._activities.setdefault((request.namespace, request.name), {})
        pending = fetches.get(request.revision)
        if pending is None or pending.request != request:
            _cancel(pending)
            pending = fetches[request.revision] = PendingFetch(request, pods)
            self._start(pending, partial(self._activity, request, pending))
            _drop_oldest(fetches)
        pending.pods = pods
        answer: Activity | None = pending.answer
        return answer

    def answers(self, key: Key) -> Measurements:
        """Return the answers that are there for a ModelDeployment, each by its request."""
        sample, activities = self._samples.get(key), self._activities.get(key, {}).values()
        return Measurements(
            samples={sample.request: sample.answer} if sample and sample.answer else {},
            activities={activity.request: activity.answer for activity in activities if activity.answer},
        )

    def forget(self, namespace: str, name: str) -> None:
        """Forget all about a ModelDeployment."""
        key = (namespace, name)
        _cancel(self._samples.pop(key, None))
        for pending in self._activities.pop(key, {}).values():
            _cancel(pending)
        self._histories.forget(key)
        self._triton.forget(key)

    async def close(self) -> None:
        """End whatever is being fetched, and all connections."""
        activities = [pending for fetches in self._activities.values() for pending in fetches.values()]
        tasks = [pending.task for pending in (*self._samples.values(), *activities) if pending.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._samples.clear()
        self._activities.clear()
        await self._session.close()

    def _start(self, pending: PendingFetch, fetch: Callable[[], Awaitable[Any]]) -> None:
        request = pending.request
        name = f"{type(request).__name__} of {request.namespace}/{request.name}"
        pending.task = asyncio.create_task(self._run(pending, fetch), name=name)

    async def _run(self, pending: PendingFetch, fetch: Callable[[], Awaitable[Any]]) -> None:
        pending.answer = await fetch()
        self._on_ready((pending.request.namespace, pending.request.name))

    async def _sample(self, request: SampleRequest, pending: PendingFetch) -> Sample | SampleFailure:
        try:
            return await self._counted(request, pending)
        except CountsDisagree as error:
            return replace(self._failure(str(error)), reason=COUNTS_DISAGREE)
        except ProviderError as error:
            return self._failure(str(error))
        except TimeoutError:
            return self._failure(
                f"there was no sample within {FETCH_SECONDS:g} s: it is slow, or others wait for it too"
            )
        except Exception as error:
            _logger.exception("sampling %s/%s failed", request.namespace, request.name)
            return self._failure(f"see the operator's log; the sample failed unexpectedly: {error!r}")

    def _failure(self, message: str) -> SampleFailure:
        return SampleFailure(self._now(), as_sentence(message))

    async def _counted(self, request: SampleRequest, pending: PendingFetch) -> Sample:
        by_triton = request.analysis.provider == "Triton"
        sample = await (self._of_triton(request, pending) if by_triton else self._of_prometheus(request))
        if sample.until <= request.since:
            raise ProviderError("the clock was set back while requests were counted")
        return sample

    async def _activity(self, request: ActivityRequest, pending: PendingFetch) -> Activity:
        try:
            return await self._limited(request, lambda: self._triton.activity(request, pending.pods))
        except Exception:
            _logger.exception("the activity of %s/%s cannot be measured", request.namespace, request.name)
            return Activity(None, None)

    async def _of_triton(self, request: SampleRequest, pending: PendingFetch) -> Sample:
        # If nothing is remembered, counting starts here, so it does not wait for the interval.
        await self._reach(request, request.analysis.interval if self._triton.remembers(request) else 1)
        return await self._limited(request, lambda: self._triton.sample(request, pending.pods, self._now()))

    async def _of_prometheus(self, request: SampleRequest) -> Sample:
        prometheus = self.prometheus
        if prometheus is None:
            raise ProviderError(
                "the operator is configured without Prometheus: set prometheus.url in its chart, or set "
                "spec.rollout.analysis.provider to Triton"
            )
        await self._reach(request, request.analysis.interval + SETTLE_SECONDS)
        key = (request.namespace, request.name)
        window_count = self._histories.open(key, self._window(request))
        believed = reporters(self._settings, request.namespace, request.gateways)
        sample = await self._limited(request, lambda: _measured(prometheus, request, believed, window_count))
        self._histories.keep(key, window_count)
        return sample

    def _window(self, request: SampleRequest) -> Window:
        settled = self._now() - timedelta(seconds=SETTLE_SECONDS)
        since = max(request.since, settled - timedelta(seconds=OLDEST_SECONDS))
        longest = timedelta(seconds=max(request.analysis.interval, LONGEST_WINDOW_SECONDS))
        return Window(since.timestamp(), min(settled, since + longest).timestamp())

    async def _reach(self, request: SampleRequest, seconds: int) -> None:
        """Wait until this many seconds after `since`, in whole seconds of the clock."""
        moment = _whole(request.since + timedelta(seconds=seconds, microseconds=999_999))
        early = (moment - self._clock()).total_seconds()
        if early <= seconds + 1:
            await asyncio.sleep(max(early, 0) + _WAKING_SECONDS)
        if self._now() < moment:
            raise ProviderError(f"the last sample ended in the future, at {request.since:%H:%M:%S}: check the clocks")

    async def _limited(self, request: _Request, fetch: Callable[[], Awaitable[_Fetched]]) -> _Fetched:
        """Fetch when one of the few at a time ends; that may take FETCH_SECONDS in all, the wait included.

        Namespaces take turns.
        """
        async with asyncio.timeout(FETCH_SECONDS):
            if isinstance(request, SampleRequest) and request.analysis.runs_queries:
                async with self._with_queries.place(request.namespace), self._fetches.place(request.namespace):
                    return await fetch()
            async with self._fetches.place(request.namespace):
                return await fetch()

    def _now(self) -> datetime:
        return _whole(self._clock().astimezone(UTC))


async def _measured(
    prometheus: Prometheus, request: SampleRequest, believed: Reporters, window_count: WindowCount
) -> Sample:
    traffic = await istio.traffic(prometheus, request, believed, window_count)
    runs_queries = request.analysis.runs_queries
    return Sample(
        until=datetime.fromtimestamp(window_count.window.until, UTC),
        metrics=traffic.metrics | (await business.outcomes(prometheus, request, window_count) if runs_queries else {}),
        queries=await queries.readings(prometheus, request, window_count.window.until) if runs_queries else {},
        triton=await _second_view(prometheus, request, window_count),
        routed=None if request.is_mirrored else traffic.routed,
        left_out=traffic.left_out,
    )


async def _second_view(prometheus: Prometheus, request: SampleRequest, window_count: WindowCount) -> Comparison | None:
    try:
        return await inference_view.inference_view(prometheus, request, window_count)
    except ProviderError as error:
        _logger.info("Triton's own counters of %s/%s cannot be read: %s", request.namespace, request.name, error)
        return None


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _drop_oldest(fetches: dict[str, PendingFetch]) -> None:
    """Drop answers about the oldest revisions, but no request that is still being fetched."""
    answered = [revision for revision, pending in fetches.items() if pending.answer is not None]
    for revision in answered[: max(0, len(fetches) - KEPT_ACTIVITIES)]:
        del fetches[revision]


def _cancel(pending: PendingFetch | None) -> None:
    if pending and pending.task:
        pending.task.cancel()

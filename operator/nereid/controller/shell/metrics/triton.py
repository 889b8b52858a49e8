"""Counts requests without Prometheus: reads the pods' own counters and remembers their values.

They are kept in memory only: after a restart of the operator one sample is lost, and counting starts with the next.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import aiohttp

from nereid.contract.foreign_text import METRICS_REVISION_CHARACTERS
from nereid.controller.decide.measurement_requests import ActivityRequest, SampleRequest
from nereid.controller.observed.counters import Advance, Counts, NoData, advance, counts, reading
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import ERRORS, Activity, Comparison, RoutedRequests, Sample
from nereid.controller.shell.metrics import pod_metrics
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.last_samples import Key, LastSample, LastSamples, PodCounters, RevisionCounters
from nereid.controller.shell.metrics.pod_metrics import PodMetrics

_UNKNOWN: Final = Activity(None, None)
# The pods of a revision that are read at a time: each may send as much as its bounds allow.
PODS_AT_A_TIME: Final = 8
_logger = logging.getLogger(__name__)

_Result = TypeVar("_Result", Advance, Counts)
Pods = Mapping[str, Sequence[PodAddress]]


class Triton:
    """Reads pods' counters and computes what they counted since the last sample."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._last_samples = LastSamples()

    def remembers(self, request: SampleRequest) -> bool:
        """Whether the counters at `request.since` are remembered."""
        last_sample = self._last_samples.get((request.namespace, request.name))
        return last_sample is not None and last_sample.at == request.since

    async def sample(self, request: SampleRequest, pods: Pods, now: datetime) -> Sample:
        """Return what was counted since the sample that ended at `request.since`; nothing if that is not remembered.

        Raises ProviderError when none of a revision's pods can be read; a failed sample changes nothing, so that
        the next good one covers the gap.
        """
        key = (request.namespace, request.name)
        last_sample = self._last_samples.get(key)
        earlier = last_sample.revisions if last_sample and last_sample.at == request.since else {}
        revisions: dict[str, RevisionCounters] = {}
        totals: dict[str, Counts] = {}
        counts_both = request.has_control or request.counts_stable
        for revision in (request.candidate, request.stable) if counts_both else (request.candidate,):
            metrics = await self._read(revision, pods.get(revision, ()), request.model)
            listed = frozenset(pod.uid for pod in pods.get(revision, ()))
            total, revisions[revision] = _counts_of(metrics, listed, earlier.get(revision))
            totals[revision] = _checked(counts(total.requests, total.errors))
        self._last_samples.keep(key, LastSample(now, revisions))
        candidate, stable = totals[request.candidate], totals.get(request.stable, Counts())
        is_shared = request.has_control and not request.is_mirrored
        routed = RoutedRequests(candidate.requests, stable.requests) if is_shared else None
        return Sample(now, {ERRORS: Comparison(candidate, stable)}, routed=routed)

    async def activity(self, request: ActivityRequest, pods: Pods) -> Activity:
        """Return what a revision's pods do; unknown unless each of them can be read.

        Of each pod the sums are kept, not its series, of which there may be thousands.
        """
        requests: int | None = 0
        in_flight: int | None = 0
        async for _, answer in self._answers(pods.get(request.revision, ()), request.model):
            if isinstance(answer, ProviderError):
                _logger.info("the activity of %s/%s cannot be measured: %s", request.namespace, request.name, answer)
                return _UNKNOWN
            requests = _sum(requests, _requests(answer))
            in_flight = _sum(in_flight, answer.in_flight)
        return Activity(requests, in_flight)

    def forget(self, key: Key) -> None:
        """Forget a ModelDeployment's counters."""
        self._last_samples.forget(key)

    async def _read(self, revision: str, pods: Sequence[PodAddress], model: str) -> dict[str, PodMetrics]:
        by_uid: dict[str, PodMetrics] = {}
        problems: list[ProviderError] = []
        characters = 0
        async for pod, answer in self._answers(pods, model):
            if isinstance(answer, ProviderError):
                problems.append(answer)
                continue
            by_uid[pod.uid] = answer
            characters += sum(len(series) for series in answer.requests)
            if characters > METRICS_REVISION_CHARACTERS:
                raise ProviderError(
                    f"the {len(pods)} pods of revision {revision} count requests in too many series: their names take "
                    f"more than {METRICS_REVISION_CHARACTERS >> 20} MiB. Let Prometheus count them "
                    "(spec.rollout.analysis.provider: Prometheus), or serve fewer models in a pod"
                )
        if problems and not by_uid:
            raise ProviderError(f"none of the pods of revision {revision} can be read: {problems[0]}")
        return by_uid

    async def _answers(
        self, pods: Sequence[PodAddress], model: str
    ) -> AsyncIterator[tuple[PodAddress, PodMetrics | ProviderError]]:
        """Yield what each pod answers, in their order; a few are read at a time."""
        for first in range(0, len(pods), PODS_AT_A_TIME):
            few = pods[first : first + PODS_AT_A_TIME]
            answers = await asyncio.gather(
                *(pod_metrics.read(self._session, pod, model) for pod in few), return_exceptions=True
            )
            for pod, answer in zip(few, answers, strict=True):
                if isinstance(answer, (PodMetrics, ProviderError)):
                    yield pod, answer
                else:
                    raise answer


def _counts_of(
    by_uid: Mapping[str, PodMetrics], listed: frozenset[str], earlier: RevisionCounters | None
) -> tuple[Counts, RevisionCounters]:
    """Return what a revision's pods counted since the sample before, and their counters now.

    A pod that cannot be read now keeps its earlier counters; one that neither sample lists is forgotten.
    """
    total = Counts()
    unread = (earlier.pods | listed) - by_uid.keys() if earlier else frozenset()
    by_pod = {uid: counters for uid in unread if earlier and (counters := earlier.of_pod(uid))}
    for uid, metrics in by_uid.items():
        counts_of_pod, by_pod[uid] = _counts_of_pod(earlier.of_pod(uid) if earlier else None, metrics)
        total += counts_of_pod
    return total, RevisionCounters(by_pod, listed)


def _counts_of_pod(earlier: PodCounters | None, metrics: PodMetrics) -> tuple[Counts, PodCounters]:
    requests = _checked(advance(earlier.requests if earlier else None, metrics.requests))
    errors = _checked(advance(earlier.errors if earlier else None, metrics.errors))
    return _checked(counts(requests.increase, errors.increase)), PodCounters(requests.series, errors.series)


def _checked(result: _Result | NoData) -> _Result:
    if isinstance(result, NoData):
        raise ProviderError(f"Triton reported values that cannot be counted: {result.reason}")
    return result


def _requests(metrics: PodMetrics) -> int | None:
    values = [reading(value) for value in metrics.requests.values()]
    valid = [value for value in values if not isinstance(value, NoData)]
    return sum(valid) if len(valid) == len(values) else None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other

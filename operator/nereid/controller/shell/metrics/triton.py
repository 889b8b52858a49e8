"""Counts requests without Prometheus: reads the pods' own counters and remembers where they stood.

What it remembers is lost with the operator, and so is a sample then: the next one is where counting starts again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiohttp

from nereid.controller.decide.asks import ActivityRequest, SampleRequest
from nereid.controller.observed.counters import Advance, Counts, NoData, advance, counts, reading
from nereid.controller.observed.pod_address import PodAddress
from nereid.controller.observed.sample import ERRORS, Activity, Comparison, Sample
from nereid.controller.shell.metrics import pod_metrics
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.pod_metrics import PodMetrics

_UNKNOWN: Final = Activity(None, None)
_logger = logging.getLogger(__name__)

Key = tuple[str, str]
Pods = Mapping[str, Sequence[PodAddress]]
Readings = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where a pod's counters stood, by series."""

    requests: Readings
    errors: Readings


@dataclass(frozen=True, slots=True)
class _Look:
    """Where the counters of a revision's pods stood, by pod uid, and which pods there were."""

    stands: Mapping[str, _Stand]
    pods: frozenset[str]

    def stand(self, uid: str) -> _Stand | None:
        """Return where a pod's counters stood; a pod that was not there yet has counted nothing by then."""
        return self.stands.get(uid) or (None if uid in self.pods else _NOTHING)


@dataclass(frozen=True, slots=True)
class _Memory:
    """The looks at a ModelDeployment's revisions at a moment."""

    at: datetime
    looks: Mapping[str, _Look]


_NOTHING: Final = _Stand({}, {})


class Triton:
    """Reads pods' counters and forms what they counted since the last sample."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._memories: dict[Key, _Memory] = {}

    def remembers(self, request: SampleRequest) -> bool:
        """Whether it is known where the counters stood at `request.since`."""
        memory = self._memories.get((request.namespace, request.name))
        return memory is not None and memory.at == request.since

    async def sample(self, request: SampleRequest, pods: Pods, now: datetime) -> Sample:
        """Return what was counted since the sample that ended at `request.since`; nothing if that is not remembered.

        Raises ProviderError when none of a revision's pods can be read; a failed sample leaves the memory as it was,
        so that the next good one covers the gap.
        """
        key = (request.namespace, request.name)
        earlier = self._memories[key].looks if self.remembers(request) else {}
        looks: dict[str, _Look] = {}
        counted: dict[str, Counts] = {}
        for revision in (request.candidate, request.stable) if request.has_control else (request.candidate,):
            found = await self._read(revision, pods.get(revision, ()), request.model)
            listed = frozenset(pod.uid for pod in pods.get(revision, ()))
            counted[revision], looks[revision] = _counted_of(found, listed, earlier.get(revision))
        self._memories[key] = _Memory(now, looks)
        return Sample(now, {ERRORS: Comparison(counted[request.candidate], counted.get(request.stable, Counts()))})

    async def activity(self, request: ActivityRequest, pods: Pods) -> Activity:
        """Return what a revision's pods do; unknown unless each of them can be read."""
        try:
            found = await asyncio.gather(
                *(pod_metrics.read(self._session, pod, request.model) for pod in pods.get(request.revision, ()))
            )
        except ProviderError as error:
            _logger.info("the activity of %s/%s cannot be measured: %s", request.namespace, request.name, error)
            return _UNKNOWN
        return Activity(_requests(found), _in_flight(found))

    def forget(self, key: Key) -> None:
        """Forget where a ModelDeployment's counters stood."""
        self._memories.pop(key, None)

    async def _read(self, revision: str, pods: Sequence[PodAddress], model: str) -> dict[str, PodMetrics]:
        answers = await asyncio.gather(
            *(pod_metrics.read(self._session, pod, model) for pod in pods), return_exceptions=True
        )
        found: dict[str, PodMetrics] = {}
        problems: list[ProviderError] = []
        for pod, answer in zip(pods, answers, strict=True):
            if isinstance(answer, PodMetrics):
                found[pod.uid] = answer
            elif isinstance(answer, ProviderError):
                problems.append(answer)
            else:
                raise answer
        if problems and not found:
            raise ProviderError(f"none of the pods of revision {revision} can be read: {problems[0]}")
        return found


def _counted_of(found: Mapping[str, PodMetrics], listed: frozenset[str], earlier: _Look | None) -> tuple[Counts, _Look]:
    """Return what a revision's pods counted since the look before, and the look at them now.

    A pod that cannot be read now counts on from where it stood; one that is in neither look is forgotten.
    """
    total = Counts()
    unread = (earlier.pods | listed) - found.keys() if earlier else frozenset()
    stands = {uid: stand for uid in unread if earlier and (stand := earlier.stand(uid))}
    for uid, metrics in found.items():
        counted, stands[uid] = _advanced(earlier.stand(uid) if earlier else None, metrics)
        total += counted
    return total, _Look(stands, listed)


def _advanced(earlier: _Stand | None, metrics: PodMetrics) -> tuple[Counts, _Stand]:
    requests = _counted(advance(earlier.requests if earlier else None, metrics.requests))
    errors = _counted(advance(earlier.errors if earlier else None, metrics.errors))
    counted = counts(requests.increase, errors.increase)
    if isinstance(counted, NoData):
        raise ProviderError(f"Triton reported values that cannot be counted: {counted.reason}")
    return counted, _Stand(requests.series, errors.series)


def _counted(advanced: Advance | NoData) -> Advance:
    if isinstance(advanced, NoData):
        raise ProviderError(f"Triton reported values that cannot be counted: {advanced.reason}")
    return advanced


def _requests(found: Sequence[PodMetrics]) -> int | None:
    values = [reading(value) for metrics in found for value in metrics.requests.values()]
    known = [value for value in values if not isinstance(value, NoData)]
    return sum(known) if len(known) == len(values) else None


def _in_flight(found: Sequence[PodMetrics]) -> int | None:
    gauges = [metrics.in_flight for metrics in found]
    known = [gauge for gauge in gauges if gauge is not None]
    return sum(known) if len(known) == len(gauges) else None

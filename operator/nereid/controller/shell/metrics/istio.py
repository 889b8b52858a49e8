"""Counts both revisions' requests by Istio's metrics, as the callers' proxies report them.

A caller that is not believed counts as the pods' own proxies have answered it, see `reporters`; whoever goes past the
route does not count, see `sources`. A mirrored request is invisible to its caller's metrics, so that there both
revisions count at their own proxies. One query asks for both revisions, so that both are counted at the same moments,
and for no other destination: what comes back grows with the number of callers, not with the mesh.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nereid.api import names
from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts, NoData, counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW, Comparison, LeftOut, RoutedRequests
from nereid.controller.shell.metrics.agreement import disagreement
from nereid.controller.shell.metrics.errors import CountsDisagree, ProviderError
from nereid.controller.shell.metrics.growth import Steps, Window
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.outcomes import Outcome, outcome
from nereid.controller.shell.metrics.prometheus import Prometheus, RawSeries
from nereid.controller.shell.metrics.reporters import CALLERS_NAMESPACE, NAMESPACE, Reporters
from nereid.controller.shell.metrics.sources import Route, Sorted, Source, Split, by_the_route, source_of, told
from nereid.controller.shell.metrics.tracks import SeriesGroup, aligned, single
from nereid.controller.shell.telemetry.latency_bounds import spellings

CALLERS_NOT_BELIEVED: Final = "CallersNotBelieved"
NO_NAMESPACE: Final = "SeriesWithoutNamespace"

_REQUESTS: Final = "istio_requests_total"
_BUCKETS: Final = "istio_request_duration_milliseconds_bucket"
_BOUND: Final = "le"
_INFINITY: Final = "+Inf"
_MERGED: Final = frozenset({"__name__", _BOUND})
_JUDGED: Final = {ERRORS: Outcome.ERROR, REJECTIONS: Outcome.REJECTION}
_MOST_NAMED: Final = 3
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Errors and rejections of both revisions, and slow requests if there is a latency objective; and all requests.

    left_out: which requests were not counted, if any, and why.
    """

    metrics: dict[str, Comparison]
    routed: RoutedRequests
    left_out: LeftOut | None = None


@dataclass(frozen=True, slots=True)
class _Growth:
    """What one series group counted in the window: of which revision, and of which caller.

    caller: None if it only passes on the requests of others, or if callers are not told apart.
    """

    revision: str
    caller: Source | None
    group: SeriesGroup
    steps: Steps


@dataclass(frozen=True, slots=True)
class _Side:
    """The proxies that report: of callers, or of the pods. label: what names the revision in their series."""

    label: str
    matchers: str

    @classmethod
    def of_callers(cls, request: SampleRequest, matchers: str) -> "_Side":
        """Those of callers, with matchers that say whose."""
        return cls("destination_service_name", _matchers("source", "destination_service_name", request) + matchers)

    @classmethod
    def of_pods(cls, request: SampleRequest) -> "_Side":
        """Those of the model's own namespace, as the scraper says."""
        return cls(
            "destination_workload",
            f'{_matchers("destination", "destination_workload", request)},{NAMESPACE}="{request.namespace}"',
        )


def _matchers(reporter: str, label: str, request: SampleRequest) -> str:
    revisions = "|".join(
        names.revision_child_name(request.name, revision) for revision in (request.candidate, request.stable)
    )
    return (
        f'reporter="{reporter}",{label}=~"{revisions}",'
        f'{label.removesuffix("_name")}_namespace="{request.namespace}",'
        # The check Job's requests are not traffic.
        f'source_canonical_service!="{names.checks_app(request.name)}"'
    )


class _Counting:
    """Counts one sample's series on either side."""

    def __init__(
        self, prometheus: Prometheus, request: SampleRequest, reporters: Reporters, window_count: WindowCount
    ) -> None:
        self.prometheus, self.request, self.window_count = prometheus, request, window_count
        self.reporters = reporters
        self.callers = _Side.of_callers(request, reporters.matchers)
        self.pods = _Side.of_pods(request)

    async def requests(self, side: _Side) -> list[_Growth]:
        return await self._grown(side, f"{_REQUESTS}{{{side.matchers}}}", _single)

    async def buckets(self, side: _Side, objective: int) -> list[_Growth]:
        """Return all requests and those within the objective: the histogram lags a little behind the counters."""
        bounds = "|".join(text.replace(".", r"\\.").replace("+", r"\\+") for text in (*spellings(objective), _INFINITY))

        def histograms(series: Sequence[RawSeries]) -> list[SeriesGroup] | None:
            groups = [_histogram(buckets, objective) for buckets in _by_histogram(series)]
            return None if None in groups else [group for group in groups if group]

        return await self._grown(side, f'{_BUCKETS}{{{side.matchers},{_BOUND}=~"{bounds}"}}', histograms)

    async def _grown(
        self, side: _Side, selector: str, grouped: Callable[[Sequence[RawSeries]], list[SeriesGroup] | None]
    ) -> list[_Growth]:
        window = self.window_count.window
        groups = grouped(await self.prometheus.raw_series(selector, window.range_seconds, window.until))
        if groups is None:
            raise await _no_such_bound(self.prometheus, side, window, self.request.analysis.latency_objective or 0)
        revisions = {
            names.revision_child_name(self.request.name, revision): revision
            for revision in (self.request.candidate, self.request.stable)
        }
        return [
            _Growth(revision, self._caller(side, group), group, steps)
            for group, steps in self.window_count.count(selector, groups)
            if (revision := revisions.get(group.labels.get(side.label, "")))
        ]

    def _caller(self, side: _Side, group: SeriesGroup) -> Source | None:
        if side is self.callers and self.reporters.routes_for_others(group.labels):
            return None
        namespace = group.labels.get(CALLERS_NAMESPACE if side is self.pods else NAMESPACE, "")
        is_told_apart = namespace and namespace not in self.reporters.trusted
        return source_of(group.labels, namespace) if is_told_apart else None

    def answered_for_others(self, grown: Iterable[_Growth]) -> list[_Growth]:
        """Return, of what the pods have answered, the requests of callers that are not believed themselves."""
        return [one for one in grown if self.reporters.counts_at_pods(one.group.labels)]


async def traffic(
    prometheus: Prometheus, request: SampleRequest, reporters: Reporters, window_count: WindowCount
) -> Traffic:
    """Return what the callers of both revisions asked; raises ProviderError."""
    counting = _Counting(prometheus, request, reporters, window_count)
    callers = [] if request.is_mirrored else await counting.requests(counting.callers)
    pods = await counting.requests(counting.pods)
    others = pods if request.is_mirrored else counting.answered_for_others(pods)
    if not request.is_mirrored:
        _compare_with_pods(request, callers, pods, window_count.window)
    grown = [*callers, *others]
    callers_sorted = _sorted(request, grown, window_count)
    counted = _by_the_route(grown, callers_sorted)
    metrics = {metric: _compare(request, counted, kind) for metric, kind in _JUDGED.items()}
    if objective := request.analysis.latency_objective:
        timed = [] if request.is_mirrored else await counting.buckets(counting.callers, objective)
        if others:
            at_pods = await counting.buckets(counting.pods, objective)
            timed += at_pods if request.is_mirrored else counting.answered_for_others(at_pods)
        metrics[SLOW] = _slow(request, _by_the_route(timed, callers_sorted))
    left_out = told(callers_sorted.direct, _route(request), request.candidate)
    if not any(one.steps[0] for one in grown) and not request.is_mirrored and not reporters.are_all:
        left_out = await _not_believed(counting)
    return Traffic(metrics, _routed(request, grown, callers_sorted), left_out)


def _single(series: Sequence[RawSeries]) -> list[SeriesGroup]:
    return [single(counter.labels, counter.samples) for counter in series]


def _route(request: SampleRequest) -> Route:
    return Route(request.share, request.is_settled)


def _sorted(request: SampleRequest, grown: Sequence[_Growth], window_count: WindowCount) -> Sorted:
    """Sort the callers by what they sent to either revision, where the route gives each of them to both."""
    if not request.share:
        return Sorted(frozenset(), {}, {})
    window: defaultdict[Source, Split] = defaultdict(Split)
    for one in grown:
        if one.caller:
            is_candidates = one.revision == request.candidate
            window[one.caller] += Split(one.steps[0], 0) if is_candidates else Split(0, one.steps[0])
    key = (request.candidate, request.share)
    result = by_the_route(window, window_count.callers_by(key), _route(request))
    window_count.remember_callers(key, result.record)
    return result


def _by_the_route(grown: Iterable[_Growth], callers: Sorted) -> list[_Growth]:
    return [one for one in grown if one.caller is None or one.caller not in callers.left_out]


def _routed(request: SampleRequest, grown: Sequence[_Growth], callers: Sorted) -> RoutedRequests:
    """Return the requests by which the route is seen: none that others sent past it, unless there are no more."""
    seen = [
        one
        for one in grown
        if one.caller is None or one.caller.namespace == request.namespace or one.caller not in callers.left_out
    ]

    def to(revision: str) -> int:
        return sum(one.steps[0] for one in seen or grown if one.revision == revision)

    return RoutedRequests(to(request.candidate), to(request.stable))


def _compare_with_pods(
    request: SampleRequest, callers: Sequence[_Growth], pods: Sequence[_Growth], window: Window
) -> None:
    """Raise CountsDisagree if callers report more than the pods of a revision have counted."""
    for revision in (request.candidate, request.stable):
        to_it = [one.group for one in callers if one.revision == revision]
        own = [one.group for one in pods if one.revision == revision and one.group.labels.get("reporter") != "source"]
        if problem := disagreement(revision, to_it, own, window):
            raise CountsDisagree(problem)


async def _not_believed(counting: _Counting) -> LeftOut | None:
    """Return who reports requests of which none is counted; None if nobody does, or if that cannot be asked."""
    window = counting.window_count.window
    others = _Side.of_callers(counting.request, counting.reporters.other_matchers).matchers
    query = f"sum by ({NAMESPACE}) (increase({_REQUESTS}{{{others}}}[{window.range_seconds}s])) > 0"
    try:
        found = await counting.prometheus.values(query, window.until)
    except ProviderError as error:
        _logger.info("whether requests are left out is not known: %s", error)
        return None
    namespaces = sorted({labels.get(NAMESPACE, "") for labels, _ in found})
    if not namespaces:
        return None
    if "" in namespaces:
        return LeftOut(
            NO_NAMESPACE,
            f"No request is counted: {_REQUESTS} of these revisions has no label {NAMESPACE}, so that it is not known "
            "who reports it. Have Prometheus set the labels namespace and pod of each target, or set the chart's "
            "prometheus.reporters to [*] to believe whoever reports",
        )
    some = ", ".join(namespaces[:_MOST_NAMED]) + (", …" if len(namespaces) > _MOST_NAMED else "")
    return LeftOut(
        CALLERS_NOT_BELIEVED,
        f"No request is counted: callers in {some} report some, which count as the sidecars of the revisions' own pods "
        "have answered them, and Prometheus has no such series. Have it scrape these sidecars, or add the callers' "
        "namespaces to the chart's prometheus.reporters",
    )


def _compare(request: SampleRequest, grown: Sequence[_Growth], kind: Outcome) -> Comparison:
    def of(revision: str) -> Counts:
        mine = [one for one in grown if one.revision == revision]
        bad = sum(one.steps[0] for one in mine if outcome(one.group.labels) is kind)
        return _checked_counts(counts(sum(one.steps[0] for one in mine), bad))

    is_counted = request.has_control or request.counts_stable
    return Comparison(of(request.candidate), of(request.stable) if is_counted else Counts())


def _slow(request: SampleRequest, grown: Sequence[_Growth]) -> Comparison:
    def of(revision: str) -> Counts:
        mine = [one.steps for one in grown if one.revision == revision]
        total, fast = sum(steps[0] for steps in mine), sum(steps[1] for steps in mine)
        return _checked_counts(counts(total, total - fast))

    return Comparison(of(request.candidate), of(request.stable) if request.has_control else Counts())


def _by_histogram(series: Iterable[RawSeries]) -> list[list[RawSeries]]:
    histograms: dict[frozenset[tuple[str, str]], list[RawSeries]] = {}
    for bucket in series:
        key = frozenset((label, value) for label, value in bucket.labels.items() if label not in _MERGED)
        histograms.setdefault(key, []).append(bucket)
    return list(histograms.values())


def _histogram(buckets: Sequence[RawSeries], objective: int) -> SeriesGroup | None:
    """Return all requests and those within the objective; None if the objective is not a bound of the buckets."""
    by_bound = {float(bucket.labels[_BOUND]): bucket for bucket in buckets}
    total, fast = by_bound.get(float("inf")), by_bound.get(float(objective))
    if total is None:
        raise ProviderError(f"{_BUCKETS} has no bucket for all requests")
    return aligned(total.labels, [total.samples, fast.samples]) if fast else None


async def _no_such_bound(prometheus: Prometheus, side: _Side, window: Window, objective: int) -> ProviderError:
    values = await prometheus.values(f"count by ({_BOUND}) ({_BUCKETS}{{{side.matchers}}})", window.until)
    bounds = sorted({float(labels[_BOUND]) for labels, _ in values} - {float("inf")})
    near = [
        *[bound for bound in bounds if bound < objective][-1:],
        *[bound for bound in bounds if bound > objective][:1],
    ]
    nearest = " and ".join(f"{bound:g}" for bound in near) or "not known"
    return ProviderError(
        f"latencyObjectiveMilliseconds {objective} is not a bucket bound of istio_request_duration_milliseconds; "
        f"the nearest ones are {nearest}"
    )


def _checked_counts(result: Counts | NoData) -> Counts:
    if isinstance(result, NoData):
        raise ProviderError(f"Prometheus returned samples that cannot be counted: {result.reason}")
    return result

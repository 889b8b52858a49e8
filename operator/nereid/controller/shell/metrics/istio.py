"""Counts both revisions' requests by Istio's metrics, as the callers' proxies report them.

A mirrored request is invisible to its caller's metrics, so that there both revisions count at their own proxies. One
query asks for both revisions, so that both are counted at the same moments, and for no other destination: what comes
back grows with the number of callers, not with the mesh.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nereid.api import names
from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts, NoData, counts
from nereid.controller.observed.sample import ERRORS, REJECTIONS, SLOW, Comparison, RoutedRequests
from nereid.controller.shell.metrics.agreement import disagreement
from nereid.controller.shell.metrics.errors import CountsDisagree, ProviderError
from nereid.controller.shell.metrics.growth import Steps, Window
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.outcomes import Outcome, outcome
from nereid.controller.shell.metrics.prometheus import Prometheus, RawSeries
from nereid.controller.shell.metrics.tracks import SeriesGroup, aligned, single
from nereid.controller.shell.telemetry.latency_bounds import spellings

_REQUESTS: Final = "istio_requests_total"
_BUCKETS: Final = "istio_request_duration_milliseconds_bucket"
_BOUND: Final = "le"
_INFINITY: Final = "+Inf"
_MERGED: Final = frozenset({"__name__", _BOUND})
_JUDGED: Final = {ERRORS: Outcome.ERROR, REJECTIONS: Outcome.REJECTION}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Errors and rejections of both revisions, and slow requests if there is a latency objective; and all requests."""

    metrics: dict[str, Comparison]
    routed: RoutedRequests


async def traffic(prometheus: Prometheus, request: SampleRequest, window_count: WindowCount) -> Traffic:
    """Return what the callers of both revisions counted; raises ProviderError."""
    selector = f"{_REQUESTS}{{{_matchers(request)}}}"
    series = await prometheus.raw_series(selector, window_count.window.range_seconds, window_count.window.until)
    groups = [single(counter.labels, counter.samples) for counter in series]
    grown = window_count.count(selector, groups)
    metrics = {metric: _compare(request, grown, kind) for metric, kind in _JUDGED.items()}
    if request.analysis.latency_objective is not None:
        metrics[SLOW] = await _slow(prometheus, request, window_count, request.analysis.latency_objective)
    if not request.is_mirrored:
        await _compare_with_pods(prometheus, request, window_count.window, groups)
    return Traffic(metrics, _routed(request, grown))


def _routed(request: SampleRequest, grown: Sequence[tuple[SeriesGroup, Steps]]) -> RoutedRequests:
    def to(revision: str) -> int:
        return sum(steps[0] for group, steps in grown if _is_of(group, request, revision))

    return RoutedRequests(to(request.candidate), to(request.stable))


async def _compare_with_pods(
    prometheus: Prometheus, request: SampleRequest, window: Window, callers: Sequence[SeriesGroup]
) -> None:
    """Raise CountsDisagree if callers report more than the pods of a revision have counted."""
    selector = f"{_REQUESTS}{{{_matchers(replace(request, is_mirrored=True))}}}"
    series = await prometheus.raw_series(selector, window.range_seconds, window.until)
    for revision in (request.candidate, request.stable):
        name = names.revision_child_name(request.name, revision)
        to_it = [group for group in callers if group.labels.get("destination_service_name") == name]
        own = [one for one in series if one.labels.get("destination_workload") == name]
        groups = [single(one.labels, one.samples) for one in own if one.labels.get("reporter") != "source"]
        if problem := disagreement(revision, to_it, groups, window):
            raise CountsDisagree(problem)


def _matchers(request: SampleRequest) -> str:
    """Return what selects the requests to both revisions; of the pods' own, what the scraper itself says of them."""
    revisions = "|".join(
        names.revision_child_name(request.name, revision) for revision in (request.candidate, request.stable)
    )
    scraped = f'namespace="{request.namespace}",' if request.is_mirrored else ""
    kind = "workload" if request.is_mirrored else "service"
    return (
        f'reporter="{"destination" if request.is_mirrored else "source"}",'
        f'destination_{kind}{"" if request.is_mirrored else "_name"}=~"{revisions}",'
        f'destination_{kind}_namespace="{request.namespace}",'
        f"{scraped}"
        # The check Job's requests are not traffic.
        f'source_canonical_service!="{names.checks_app(request.name)}"'
    )


def _compare(request: SampleRequest, grown: Sequence[tuple[SeriesGroup, Steps]], kind: Outcome) -> Comparison:
    def of(revision: str) -> Counts:
        mine = [(group, steps[0]) for group, steps in grown if _is_of(group, request, revision)]
        requests = sum(grown_by for _, grown_by in mine)
        return _checked_counts(
            counts(requests, sum(grown_by for group, grown_by in mine if outcome(group.labels) is kind))
        )

    is_counted = request.has_control or request.counts_stable
    return Comparison(of(request.candidate), of(request.stable) if is_counted else Counts())


def _is_of(group: SeriesGroup, request: SampleRequest, revision: str) -> bool:
    label = "destination_workload" if request.is_mirrored else "destination_service_name"
    return group.labels.get(label) == names.revision_child_name(request.name, revision)


async def _slow(
    prometheus: Prometheus, request: SampleRequest, window_count: WindowCount, objective: int
) -> Comparison:
    """Count by the histogram alone: it lags a little behind the counters, so their difference would be wrong."""
    bounds = "|".join(text.replace(".", r"\\.").replace("+", r"\\+") for text in (*spellings(objective), _INFINITY))
    selector = f'{_BUCKETS}{{{_matchers(request)},{_BOUND}=~"{bounds}"}}'
    series = await prometheus.raw_series(selector, window_count.window.range_seconds, window_count.window.until)
    groups = [_histogram(buckets, objective) for buckets in _by_histogram(series)]
    if any(group is None for group in groups):
        raise await _no_such_bound(prometheus, request, window_count.window, objective)
    grown = window_count.count(selector, [group for group in groups if group is not None])

    def of(revision: str) -> Counts:
        mine = [steps for group, steps in grown if _is_of(group, request, revision)]
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


async def _no_such_bound(
    prometheus: Prometheus, request: SampleRequest, window: Window, objective: int
) -> ProviderError:
    values = await prometheus.values(f"count by ({_BOUND}) ({_BUCKETS}{{{_matchers(request)}}})", window.until)
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

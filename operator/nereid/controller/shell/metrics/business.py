"""Counts the outcomes of the user's business metrics, by the raw samples of the counters that they select.

As with Istio's metrics, counts are differences of counters, with resets and late samples: rates would be estimates.
"""

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts, NoData, counts
from nereid.controller.observed.sample import Comparison
from nereid.controller.plan.plan import BusinessMetric
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.growth import Window
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.queries import filled_for
from nereid.controller.shell.metrics.tracks import SeriesGroup, single


async def outcomes(prometheus: Prometheus, request: SampleRequest, window_count: WindowCount) -> dict[str, Comparison]:
    """Return the outcomes of each business metric, while stable gets traffic too; raises ProviderError."""
    if not request.has_control and not request.has_other_clients:
        return {}
    found = {}
    # One after another, so that a rollout costs Prometheus one query at a time.
    for metric in request.analysis.business:
        candidate = await _counts(prometheus, request, metric, request.candidate, window_count)
        stable = await _counts(prometheus, request, metric, request.stable, window_count)
        found[metric.name] = Comparison(candidate, stable)
    return found


async def _counts(
    prometheus: Prometheus, request: SampleRequest, metric: BusinessMetric, revision: str, window_count: WindowCount
) -> Counts:
    try:
        # The bad ones first, so that a sample which arrives between the two is never in them alone.
        bad = await _groups(prometheus, filled_for(request, metric.bad, revision), window_count.window)
        total = await _groups(prometheus, filled_for(request, metric.total, revision), window_count.window)
    except ProviderError as error:
        raise ProviderError(
            f"query {metric.name}: {error}; bad and total must be selectors of counters, without functions"
        ) from error
    are_bad, are_all = ({group.key for group in groups} for groups in (bad, total))
    # Counted together: the series of all outcomes tell since when a process is known, before it had a bad one. A series
    # that both select is counted once, as the two may have been read up to different samples.
    of_bad_alone = [group for group in bad if group.key not in are_all]
    steps = window_count.count(f"{metric.name} of {revision}", [*of_bad_alone, *total])
    result = counts(
        sum(grown[0] for group, grown in steps if group.key in are_all),
        sum(grown[0] for group, grown in steps if group.key in are_bad),
    )
    if isinstance(result, NoData):
        raise ProviderError(f"query {metric.name}: {result.reason}: bad must select a part of what total selects")
    return result


async def _groups(prometheus: Prometheus, selector: str, window: Window) -> list[SeriesGroup]:
    series = await prometheus.raw_series(selector, window.range_seconds, window.until)
    return [single(counter.labels, counter.samples) for counter in series]

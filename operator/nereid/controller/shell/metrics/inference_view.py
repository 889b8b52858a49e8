"""Triton's own counters as Prometheus has scraped them: a second view of errors, for people."""

from typing import Final

from nereid.api import names
from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.counters import Counts, NoData, counts
from nereid.controller.observed.sample import Comparison
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.inference import FAILURES, SUCCESSES, is_error, of_model
from nereid.controller.shell.metrics.ledgers import WindowCount
from nereid.controller.shell.metrics.prometheus import Prometheus
from nereid.controller.shell.metrics.tracks import single

_NAME: Final = "__name__"


async def inference_view(
    prometheus: Prometheus, request: SampleRequest, window_count: WindowCount
) -> Comparison | None:
    """Return what Triton counted of both revisions; None if it is not scraped. Raises ProviderError."""
    selector = _selector(request)
    series = await prometheus.raw_series(selector, window_count.window.range_seconds, window_count.window.until)
    counters = of_model(series, lambda counter: counter.labels, request.model)
    if not counters:
        return None
    grown = window_count.count(selector, [single(counter.labels, counter.samples) for counter in counters])

    def of(revision: str) -> Counts:
        prefix = names.pod_name_prefix(request.name, revision)
        mine = [(group.labels, steps[0]) for group, steps in grown if group.labels.get("pod", "").startswith(prefix)]
        requests = sum(grown_by for _, grown_by in mine)
        result = counts(requests, sum(grown_by for labels, grown_by in mine if is_error(labels[_NAME], labels)))
        if isinstance(result, NoData):
            raise ProviderError(f"Triton's counters cannot be counted: {result.reason}")
        return result

    return Comparison(of(request.candidate), of(request.stable) if request.has_control else Counts())


def _selector(request: SampleRequest) -> str:
    prefixes = "|".join(
        names.pod_name_prefix(request.name, revision) for revision in (request.candidate, request.stable)
    )
    return f'{{{_NAME}=~"{SUCCESSES}|{FAILURES}",namespace="{request.namespace}",pod=~"({prefixes}).+"}}'

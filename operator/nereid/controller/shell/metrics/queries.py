"""The user's own PromQL: placeholders for the revision are filled in, and the answer must be one number."""

import math

from nereid.controller.decide.measurement_requests import SampleRequest
from nereid.controller.observed.sample import QueryReading
from nereid.controller.plan.placeholders import filled, placeholder_values
from nereid.controller.plan.plan import Query
from nereid.controller.shell.metrics.errors import ProviderError
from nereid.controller.shell.metrics.prometheus import Prometheus


async def readings(prometheus: Prometheus, request: SampleRequest, at: float) -> dict[str, QueryReading]:
    """Return the queries' values by their names; stable's only where a query compares with it.

    Raises ProviderError for a query that Prometheus rejects, or that gives more than one number.
    """
    # One after another, so that a rollout costs Prometheus one query at a time.
    return {query.name: await _reading(prometheus, request, query, at) for query in request.analysis.queries}


async def _reading(prometheus: Prometheus, request: SampleRequest, query: Query, at: float) -> QueryReading:
    candidate = await _value(prometheus, request, query, request.candidate, at)
    if query.max_ratio is None:
        return QueryReading(candidate)
    return QueryReading(candidate, await _value(prometheus, request, query, request.stable, at))


async def _value(
    prometheus: Prometheus, request: SampleRequest, query: Query, revision: str, at: float
) -> float | None:
    try:
        values = await prometheus.values(filled_for(request, query.query, revision), at)
    except ProviderError as error:
        raise ProviderError(f"query {query.name}: {error}") from error
    if len(values) > 1:
        raise ProviderError(
            f"query {query.name} gives {len(values)} values instead of one number: aggregate it, for instance "
            "with sum()"
        )
    return next((value for _, value in values if math.isfinite(value)), None)


def filled_for(request: SampleRequest, promql: str, revision: str) -> str:
    """Return PromQL with the placeholders of a revision replaced; raises ProviderError for an unknown one."""
    placeholders = placeholder_values(request.namespace, request.name, revision)
    try:
        return filled(promql, {**placeholders, "interval": f"{request.analysis.interval}s"})
    except ValueError as error:
        raise ProviderError(str(error)) from error

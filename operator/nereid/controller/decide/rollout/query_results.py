"""What the values of the user's queries mean: whether each is within its limits, and since when it has no data."""

import math
from dataclasses import asdict
from typing import Final

from nereid.api import names
from nereid.api.status import MOST_COUNTED, QueryStatus
from nereid.controller.decide.rollout.state import Failure
from nereid.controller.observed.sample import QueryReading, Sample
from nereid.controller.plan.plan import Analysis, Query

# A query that has had no data for so many intervals in a row has not passed any longer.
MOST_MISSING: Final = 3


def definition_of(query: Query) -> str:
    """Return a hash of a query and its limits, by which an edit is noticed."""
    return names.content_hash(asdict(query))


def query_results(
    analysis: Analysis, before: tuple[QueryStatus, ...], sample: Sample, *, at_exposure: bool
) -> tuple[QueryStatus, ...]:
    """Return the results of all queries after a sample; at_exposure: it was taken at the present exposure."""
    known = {status.name: status for status in before}
    return tuple(
        _result(query, known.get(query.name), sample.queries.get(query.name), at_exposure=at_exposure)
        for query in analysis.queries
    )


def _result(
    query: Query, before: QueryStatus | None, reading: QueryReading | None, *, at_exposure: bool
) -> QueryStatus:
    before = before or QueryStatus(name=query.name, failures=0)
    value, stable = (_finite(reading.candidate), _finite(reading.stable)) if reading else (None, None)
    if value is None or (query.max_ratio is not None and stable is None):
        missing = min(before.missing, MOST_COUNTED) + 1
        return QueryStatus(
            name=query.name,
            value=value,
            stable_value=stable,
            passed=before.passed if missing < MOST_MISSING else None,
            failures=before.failures,
            missing=missing,
            definition=definition_of(query),
        )
    is_within = _is_within(query, value, stable)
    return QueryStatus(
        name=query.name,
        value=value,
        stable_value=stable,
        passed=is_within if at_exposure or not is_within else before.passed,
        failures=0 if is_within else min(before.failures, MOST_COUNTED) + 1,
        definition=definition_of(query),
    )


def at_another_exposure(statuses: tuple[QueryStatus, ...]) -> tuple[QueryStatus, ...]:
    """Return the results as the candidate gets more traffic: none has passed with that yet."""
    return tuple(status.model_copy(update={"passed": None}) for status in statuses)


def query_failure(analysis: Analysis, statuses: tuple[QueryStatus, ...]) -> Failure | None:
    """Return why the candidate fails, if a query was outside its limits too often in a row, and still is."""
    for query, status in zip(analysis.queries, statuses, strict=True):
        if status.value is not None and status.failures >= query.failure_limit:
            stable = f" (stable: {status.stable_value:g})" if status.stable_value is not None else ""
            times = f" {status.failures} times in a row" if status.failures > 1 else ""
            sentence = f"query {query.name} is outside its limits{times}: {status.value:g}{stable}"
            return Failure("QueryFailed", sentence, is_harmful=True)
    return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _is_within(query: Query, value: float, stable: float | None) -> bool:
    if query.minimum is not None and value < query.minimum:
        return False
    if query.maximum is not None and value > query.maximum:
        return False
    return query.max_ratio is None or stable is None or value <= query.max_ratio * stable

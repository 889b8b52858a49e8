"""What the tests of measuring ask for."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from nereid.controller.decide.measurement_requests import ActivityRequest, SampleRequest
from nereid.controller.plan.plan import Analysis, Guard, Query

SINCE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUERY = Query("errors", "", minimum=None, maximum=1, max_ratio=None, failure_limit=3)


def analysis(**fields: Any) -> Analysis:
    usual = Analysis(
        provider="Prometheus",
        interval=30,
        deadline=1800,
        on_inconclusive="Pause",
        latency_objective=None,
        tolerated=1.5,
        against=3.0,
        negligible=0.01,
        alpha=0.01,
        beta=0.05,
        guard=Guard(0.1, None, 20),
        queries=(),
    )
    return replace(usual, **fields)


def query(text: str, **fields: Any) -> Query:
    return replace(QUERY, query=text, **fields)


def sample_request(**fields: Any) -> SampleRequest:
    usual = SampleRequest(
        namespace="shop",
        name="digits",
        model="digits",
        candidate="new",
        stable="old",
        since=SINCE,
        attempt=0,
        is_mirrored=False,
        has_control=True,
        analysis=analysis(),
    )
    return replace(usual, **fields)


def activity_request(**fields: Any) -> ActivityRequest:
    return replace(ActivityRequest("shop", "digits", "digits", "old", SINCE), **fields)

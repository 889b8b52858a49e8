"""Situations of a pass as plain values, for tests of what plans and decides."""

from collections.abc import Mapping
from typing import Any

from tests.support.scenario import METADATA

from nereid.api.status import ModelDeploymentStatus
from nereid.controller.observed.facts import Observed
from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.observed.situation import Situation

NOTHING_SEEN = Observed({})


def model_deployment(spec: Mapping[str, Any], status: Mapping[str, Any] | None = None) -> ModelDeployment:
    """Return the ModelDeployment of a scenario, with another spec."""
    raw = {
        "metadata": {**METADATA, "resourceVersion": "7", "creationTimestamp": "2026-11-20T11:00:00Z"},
        "spec": spec,
        "status": status or {},
    }
    return ModelDeployment.from_raw(raw)


def situation_of(
    status: ModelDeploymentStatus | None = None,
    *,
    spec: Mapping[str, Any],
    observed: Observed = NOTHING_SEEN,
    **more: Any,
) -> Situation:
    """Return a situation in which nothing is seen but what is given."""
    return Situation(model_deployment(spec), status or ModelDeploymentStatus(), observed, **more)

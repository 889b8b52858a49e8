"""The objectives of each ModelDeployment, from its spec, for the alerting rules."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nereid.api.analysis import AnalysisSpec
from nereid.api.monitoring import (
    DEFAULT_AVAILABILITY_PERCENT,
    DEFAULT_LATENCY_MILLISECONDS,
    DEFAULT_LATENCY_PERCENT,
    MonitoringSpec,
    ObjectivesSpec,
)
from nereid.controller.shell.telemetry.latency_bounds import spellings
from nereid.controller.shell.telemetry.samples import Family, Sample

_OBJECTIVE: Final = "nereid_model_deployment_objective"
_LATENCY_BOUND: Final = "nereid_model_deployment_latency_bound"

FAMILIES: Final[Mapping[str, Family]] = {
    _OBJECTIVE: Family(
        "What is promised: availability and latency as the share of requests, from 0 to 1, that must not fail and must "
        "be fast; latency_seconds says what is fast.",
        ("objective",),
    ),
    # Not `le`, which only histograms may have; a recording rule renames it.
    _LATENCY_BOUND: Family("1 for each way to write the bucket of Istio's histogram that is fast.", ("bound",)),
}

_MILLISECONDS: Final = 1000
_PERCENT: Final = 100


def samples(spec: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield the objectives of a spec, unless it disables alerts.

    Only the relevant fields are read, so that an invalid field elsewhere in the spec does not end the alerts.
    Raises ValidationError.
    """
    monitoring = MonitoringSpec.model_validate(spec.get("monitoring") or {})
    if monitoring.alerts is False:
        return
    objectives = monitoring.objectives or ObjectivesSpec()
    availability = objectives.availability_percent or DEFAULT_AVAILABILITY_PERCENT
    latency = objectives.latency_percent or DEFAULT_LATENCY_PERCENT
    milliseconds = objectives.latency_milliseconds or _analysed_latency(spec) or DEFAULT_LATENCY_MILLISECONDS
    yield Sample(_OBJECTIVE, ("availability",), availability / _PERCENT)
    yield Sample(_OBJECTIVE, ("latency",), latency / _PERCENT)
    yield Sample(_OBJECTIVE, ("latency_seconds",), milliseconds / _MILLISECONDS)
    for bound in dict.fromkeys(spellings(milliseconds)):
        yield Sample(_LATENCY_BOUND, (bound,), 1)


def _analysed_latency(spec: Mapping[str, Any]) -> int | None:
    """Return the latency objective by which candidates are judged, which then applies to alerts too."""
    analysis = (spec.get("rollout") or {}).get("analysis") or {}
    return AnalysisSpec.model_validate(analysis).latency_objective_milliseconds

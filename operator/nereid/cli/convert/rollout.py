"""`spec.rollout` and `spec.traffic` of an InferenceService: how traffic moves, and how long a request may take."""

from collections.abc import Mapping
from typing import Any, Final

from nereid.cli.convert.annotations import Annotations
from nereid.cli.convert.findings import Findings
from nereid.cli.convert.part import Part

_DURATION: Final = "serving.knative.dev/rollout-duration"
_GRADUAL: Final = (25, 50, 75)
_ALL: Final = 100


def rollout_fields(spec: Part, predictor: Part, annotations: Annotations, findings: Findings) -> dict[str, Any]:
    """Return `spec.rollout`; a share of the traffic is held, as by KServe, until it is promoted."""
    percent: int | None = predictor.take("canaryTrafficPercent")
    if percent is not None:
        findings.note(
            predictor.path_of("canaryTrafficPercent"),
            "this predictor is the candidate: apply one with the trusted model first, then this one",
        )
        return _held_at(percent)
    if "canary" in spec and (canaries := spec.parts("canary")):
        return _listed(canaries, findings)
    duration = annotations.take(_DURATION)
    return _gradual(annotations.seconds(duration)) if duration else {}


def traffic_fields(predictor: Part) -> dict[str, Any]:
    """Return `spec.traffic`; hosts and gateways are not in an InferenceService."""
    timeout = predictor.take("timeout")
    return {"timeout": f"{timeout}s"} if timeout else {}


def _held_at(percent: int) -> dict[str, Any]:
    """Return a rollout that holds a share until it is promoted; without any share it is a preview."""
    if percent <= 0:
        return {"strategy": "BlueGreen"}
    return {"strategy": "Direct"} if percent >= _ALL else {"strategy": "Canary", "steps": [{"weight": percent}]}


def _listed(canaries: list[Part], findings: Findings) -> dict[str, Any]:
    """Return the rollout of the first of `spec.canary`: a ModelDeployment has one candidate at a time."""
    first, *others = canaries
    for other in others:
        findings.add_lost(
            other.report_as_a_whole(),
            "a ModelDeployment has one candidate at a time: roll this one out after the first",
        )
    model = (first.take("predictor") or {}).get("model")
    uri = model.get("storageUri") if isinstance(model, Mapping) else None
    findings.add_lost(
        first.path_of("predictor"),
        f"once the ModelDeployment serves, apply it again with this candidate's model{f' {uri}' if uri else ''}; "
        "the steps are those of its rollout",
    )
    return _held_at(first.take("trafficPercent") or 0)


def _gradual(seconds: int) -> dict[str, Any]:
    hold = max(1, seconds // (len(_GRADUAL) + 1))
    return {"strategy": "Canary", "steps": [{"weight": weight, "hold": f"{hold}s"} for weight in _GRADUAL]}

"""Facts of scalers: HorizontalPodAutoscalers and KEDA's ScaledObjects."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nereid.contract.sentence import as_sentence
from nereid.controller.observed.facts import Problem, ScalerFacts

# KEDA's names of metrics begin with the index of their trigger.
_METRIC: Final = re.compile(r"\bs(?P<index>\d+)-[\w-]+")
# The reason for a workload without pods, which is rightly not scaled.
_DISABLED: Final = "ScalingDisabled"
# KEDA's reason that does not name the trigger.
_SOME_TRIGGER: Final = "TriggerError"


def autoscaler_facts(raw: Mapping[str, Any]) -> ScalerFacts:
    """Return the facts of a HorizontalPodAutoscaler, which does not report activity."""
    conditions = _conditions(raw)
    for kind in ("AbleToScale", "ScalingActive"):
        condition = conditions.get(kind, {})
        if condition.get("status") == "False" and condition.get("reason") != _DISABLED:
            problem = _problem(condition, condition.get("message", ""))
            return ScalerFacts(is_active=None, works=False, problem=problem)
    return ScalerFacts(is_active=None, works=True if "ScalingActive" in conditions else None, problem=None)


def scaled_object_facts(raw: Mapping[str, Any]) -> ScalerFacts:
    """Return the facts of a ScaledObject."""
    conditions = _conditions(raw)
    active, ready = conditions.get("Active", {}).get("status"), conditions.get("Ready", {})
    is_active = {"True": True, "False": False}.get(active or "")
    # The autoscaler's condition names the metric, so it comes first.
    for condition in (conditions.get("HPAActive", {}), ready):
        if condition.get("status") == "False":
            problem = _problem(condition, _with_trigger(raw, condition))
            return ScalerFacts(is_active=is_active, works=False, problem=problem)
    if ready.get("reason") == "PartialTriggerError":
        return ScalerFacts(is_active=is_active, works=False, problem=_problem(ready, ready.get("message", "")))
    return ScalerFacts(is_active=is_active, works=True if ready.get("status") == "True" else None, problem=None)


def _conditions(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in raw.get("status", {}).get("conditions") or []}


def _problem(condition: Mapping[str, Any], message: str) -> Problem:
    return Problem(condition.get("reason") or "ScalerFailing", as_sentence(message))


def _with_trigger(raw: Mapping[str, Any], condition: Mapping[str, Any]) -> str:
    """Return KEDA's message with the names of the metrics that it is about, as in the spec."""
    message: str = condition.get("message", "")
    triggers = [trigger.get("name", "") for trigger in raw.get("spec", {}).get("triggers") or []]
    match = _METRIC.search(message)
    if match and int(match["index"]) < len(triggers):
        triggers = [triggers[int(match["index"])]]
    elif condition.get("reason") != _SOME_TRIGGER:
        return message
    metrics = " or ".join(name for name in triggers if name)
    return f"{metrics} cannot be read: {message}" if metrics else message

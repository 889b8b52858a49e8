"""Facts of what scales a revision: HorizontalPodAutoscalers and KEDA's ScaledObjects."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nereid.contract.sentence import as_sentence
from nereid.controller.observed.facts import Problem, ScalerFacts

# KEDA's names of metrics begin with the index of their trigger.
_METRIC: Final = re.compile(r"\bs(?P<index>\d+)-[\w-]+")
# A workload without pods is not scaled, which is as it should be.
_DISABLED: Final = "ScalingDisabled"
# What KEDA says without saying which.
_SOME_TRIGGER: Final = "TriggerError"


def autoscaler_facts(raw: Mapping[str, Any]) -> ScalerFacts:
    """Return the facts of a HorizontalPodAutoscaler, which says nothing about activity."""
    conditions = _conditions(raw)
    for kind in ("AbleToScale", "ScalingActive"):
        told = conditions.get(kind, {})
        if told.get("status") == "False" and told.get("reason") != _DISABLED:
            return ScalerFacts(is_active=None, works=False, problem=_problem(told, told.get("message", "")))
    return ScalerFacts(is_active=None, works=True if "ScalingActive" in conditions else None, problem=None)


def scaled_object_facts(raw: Mapping[str, Any]) -> ScalerFacts:
    """Return the facts of a ScaledObject."""
    conditions = _conditions(raw)
    active, ready = conditions.get("Active", {}).get("status"), conditions.get("Ready", {})
    is_active = {"True": True, "False": False}.get(active or "")
    # That of the autoscaler names the metric, so it comes first.
    for told in (conditions.get("HPAActive", {}), ready):
        if told.get("status") == "False":
            problem = _problem(told, _with_trigger(raw, told))
            return ScalerFacts(is_active=is_active, works=False, problem=problem)
    if ready.get("reason") == "PartialTriggerError":
        return ScalerFacts(is_active=is_active, works=False, problem=_problem(ready, ready.get("message", "")))
    return ScalerFacts(is_active=is_active, works=True if ready.get("status") == "True" else None, problem=None)


def _conditions(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in raw.get("status", {}).get("conditions") or []}


def _problem(told: Mapping[str, Any], message: str) -> Problem:
    return Problem(told.get("reason") or "ScalerFailing", as_sentence(message))


def _with_trigger(raw: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return KEDA's words with the names of the metrics that they are about, which the user knows."""
    message: str = told.get("message", "")
    triggers = [trigger.get("name", "") for trigger in raw.get("spec", {}).get("triggers") or []]
    found = _METRIC.search(message)
    if found and int(found["index"]) < len(triggers):
        triggers = [triggers[int(found["index"])]]
    elif told.get("reason") != _SOME_TRIGGER:
        return message
    named = " or ".join(name for name in triggers if name)
    return f"{named} cannot be read: {message}" if named else message

"""Statuses as the API server stores them, for tests of the metrics."""

from dataclasses import dataclass, field
from typing import Any

MOMENT = "2026-11-20T12:00:00Z"


@dataclass(frozen=True)
class Model:
    """A ModelDeployment, as far as metrics read it."""

    name: str
    status: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=lambda: {"monitoring": {"alerts": False}})
    namespace: str = "shop"


def revision(name: str, version: str, weight: int) -> dict[str, Any]:
    return {
        "revision": name,
        "version": f"{version}-{name}",
        "modelUri": "pvc://models/digits.onnx",
        "weight": weight,
        "replicas": 1,
        "readyReplicas": 1,
    }


def condition(kind: str, status: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": "Because",
        "message": "A sentence.",
        "lastTransitionTime": MOMENT,
        "observedGeneration": 1,
    }


def rollout(state: str, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "strategy": "Canary",
        "step": 0,
        "since": MOMENT,
        "attempt": 1,
        "reason": "Because",
        "message": "A sentence.",
        **more,
    }


def rate(requests: int, bad: int) -> dict[str, Any]:
    return {"requests": requests, "bad": bad}


def metric(name: str, *, failing: float, passing: float, candidate: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "candidate": candidate,
        "stable": rate(2000, 10),
        "failing": {"reached": failing, "needed": 100.0},
        "passing": {"reached": passing, "needed": 20.0},
        "evidence": {},
    }


def analysis(**more: Any) -> dict[str, Any]:
    return {
        "sampledAt": MOMENT,
        "lookedAt": MOMENT,
        "verdict": "Continue",
        "errors": 2,
        "error": "Prometheus did not answer",
        "metrics": [metric("errors", failing=10.0, passing=1.0, candidate=rate(200, 3))],
        **more,
    }


def idle() -> dict[str, Any]:
    return {
        "stable": revision("vvvvvvvv", "1", 100),
        "rollout": rollout("Completed"),
        "conditions": [condition("Ready", "True"), condition("Progressing", "False")],
    }


def analyzing() -> dict[str, Any]:
    return {
        "stable": revision("vvvvvvvv", "1", 80),
        "candidate": revision("wwwwwwww", "2", 20),
        "rollout": rollout("Analyzing", mirror=50, analysis=analysis()),
        "conditions": [condition("Ready", "True")],
    }


def failed() -> dict[str, Any]:
    failure = {
        "revision": "wwwwwwww",
        "attempt": 1,
        "reason": "AnalysisFailed",
        "message": "A sentence.",
        "at": MOMENT,
    }
    return {**idle(), "rollout": rollout("Failed", failed=failure)}


def asleep() -> dict[str, Any]:
    return {**idle(), "scaling": {"state": "Asleep", "since": MOMENT}}

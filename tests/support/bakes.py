"""Specs of tests that are not about the bake."""

from typing import Any


def without_bake(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec whose rollouts are over with their last move, unless it says how long they bake."""
    rollout = spec.get("rollout", {})
    if "bake" in rollout or "holdback" in rollout or rollout.get("strategy") == "BlueGreen":
        return spec
    return {**spec, "rollout": {**rollout, "bake": "0s"}}

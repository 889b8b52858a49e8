"""The results of a search, as a table and as manifests. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml
from rich.console import RenderableType
from rich.text import Text

from nereid.cli.screen.layout import FAINT, PASSED, table
from nereid.cli.tune.cost import cost_per_million, hourly_price, pods_needed, unpriced
from nereid.cli.tune.load import at_objective
from nereid.cli.tune.manifests import chosen
from nereid.cli.tune.search import Goal, Result, best

_LONGEST_FAILURE: Final = 160


def outcome_table(results: Sequence[Result], goal: Goal, rate: float | None) -> RenderableType:
    """Return the results as a table, the best first; what cannot be measured, or breaks the objective, says why."""
    figures = [
        "PER SECOND",
        "P50",
        "P99",
        "AT A TIME",
        *(["PODS"] if rate else []),
        *(["PER MILLION"] if goal.prices else []),
    ]
    rows = table("", "CONFIGURATION", *figures, "", numbers=figures)
    winner = best(results, goal)
    for result in sorted(results, key=goal.merit, reverse=True):
        sign = PASSED if result is winner else Text()
        rows.add_row(
            sign, str(result.configuration), *_figures(result, goal, rate), Text(_why_not(result, goal), FAINT)
        )
    return rows


def free_resources(results: Sequence[Result], goal: Goal) -> list[str]:
    """Return the resources that the pods ask for and for which no price was given, where any was."""
    unpriced_names = {name for result in results for name in unpriced(result.requests or {}, goal.prices)}
    return sorted(unpriced_names) if goal.prices else []


def fragment(document: Mapping[str, Any], winner: Result) -> str:
    """Return what the best configuration changes in the manifest, as a merge patch in YAML; empty for nothing."""
    changed = _changes(document["spec"], chosen(document, winner.configuration)["spec"])
    return yaml.safe_dump({"spec": changed}, sort_keys=False, width=120) if changed else ""


def whole(document: Mapping[str, Any], winner: Result) -> str:
    """Return the ModelDeployment with the best configuration merged in, as YAML."""
    return yaml.safe_dump(chosen(document, winner.configuration), sort_keys=False, width=120)


def milliseconds(seconds: float) -> str:
    """Write a latency with three digits."""
    return f"{seconds * 1000:.3g}ms"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that differ, level by level; None stands for a field to remove, and a list is one value."""
    changed: dict[str, Any] = {}
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if below := _changes(old, new):
                changed[key] = below
        elif old != new:
            changed[key] = new
    return changed


def _figures(result: Result, goal: Goal, rate: float | None) -> list[str]:
    load = at_objective(result.loads, goal.objective)
    if load is None:
        return [""] * (4 + bool(rate) + bool(goal.prices))
    hourly = hourly_price(result.requests or {}, goal.prices)
    return [
        f"{load.throughput:,.4g}",
        milliseconds(load.p50),
        milliseconds(load.p99),
        str(load.concurrency),
        *([str(pods_needed(load.throughput, rate))] if rate else []),
        *([f"{cost_per_million(hourly, load.throughput, rate):.4g}"] if goal.prices else []),
    ]


def _why_not(result: Result, goal: Goal) -> str:
    if result.failure:
        return result.failure if len(result.failure) <= _LONGEST_FAILURE else f"{result.failure[:_LONGEST_FAILURE]}…"
    if goal.merit(result) > 0 or not result.loads:
        return ""
    first = result.loads[0]
    if first.failures:
        return f"{first.failures:.1%} of the requests failed"
    return f"p99 is {milliseconds(first.p99)} with {first.concurrency} at a time"

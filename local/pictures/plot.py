"""Plots panels of the rollout dashboard over a time that was: the queries, legends and colours are the dashboard's own.

A stand-in for a picture of Grafana, if Grafana cannot be installed. Needs matplotlib and nothing of the project.
"""

import argparse
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

_DASHBOARD: Final = Path(__file__).parents[2] / "charts" / "nereid" / "files" / "dashboards" / "nereid-rollout.json"
_PANELS: Final = ("Weights", "Errors by revision", "Evidence (while it judges)", "p99 by revision")
_FAILURES: Final = "Verdicts, failures and alerts (while there are any)"
_FAILED: Final = "Failed: "
_PROMETHEUS: Final = os.environ.get("NEREID_PROMETHEUS_URL") or "http://127.0.0.1:30090"
_STEP_SECONDS: Final = 5
# What this rollout does not have: nothing is mirrored or rejected, and a retired revision gets no requests.
_LEFT_OUT: Final = re.compile(r"mirror|.* rejections|retiring\b.*")
# A version is shown without its revision, for which a small picture has no room.
_REVISION: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{8}$")
_TIMEOUT_SECONDS: Final = 30
_COLOURS: Final[Mapping[str, str]] = {"blue": "#3274d9", "orange": "#ff780a", "red": "#d6323e", "green": "#37872d"}
_UNITS: Final[Mapping[str, FuncFormatter]] = {
    "percentunit": FuncFormatter(lambda value, _: f"{100 * value:.3g}%"),
    "percent": FuncFormatter(lambda value, _: f"{value:g}%"),
    "ms": FuncFormatter(lambda value, _: f"{value:g} ms"),
    "none": FuncFormatter(lambda value, _: f"{value:g}"),
}
_STYLE: Final = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#b0b0b0",
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "nereid",
}

Json = dict[str, Any]
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Which rollout, from when to when, in seconds since 1970."""

    namespace: str
    name: str
    since: float
    until: float


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("namespace")
    parser.add_argument("name")
    parser.add_argument("since", type=float)
    parser.add_argument("until", type=float)
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    draw(Scene(arguments.namespace, arguments.name, arguments.since, arguments.until), arguments.output)


def draw(scene: Scene, output: Path) -> None:
    """Draw the panels two by two."""
    panels = {panel["title"]: panel for panel in json.loads(_DASHBOARD.read_text())["panels"]}
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(2, 2, figsize=(10.5, 5.8), sharex=True, layout="constrained", facecolor="white")
        failures = list(_failures(panels[_FAILURES], scene))
        for axis, title in zip(axes.flat, _PANELS, strict=True):
            _plot(axis, panels[title], scene)
            _mark(axis, failures)
        figure.savefig(output, metadata={"Date": None})


def _plot(axis: Axes, panel: Json, scene: Scene) -> None:
    axis.set_title(panel["title"].partition(" (")[0], loc="left", fontsize=10, fontweight="bold")
    field = panel["fieldConfig"]["defaults"]
    style = "steps-post" if field["unit"] == "percent" else "default"
    for legend, points in _lines(panel, scene):
        label = None if legend in axis.get_legend_handles_labels()[1] else legend
        colour = _colour(panel, legend)
        axis.plot(*zip(*points, strict=True), label=label, color=colour, linewidth=1.6, drawstyle=style)
    axis.yaxis.set_major_formatter(_UNITS[field["unit"]])
    axis.xaxis.set_major_locator(MultipleLocator(60))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:g} min"))
    axis.set_xlim(0, scene.until - scene.since)
    axis.set_ylim(field.get("min"), 1.02 * field["max"] if "max" in field else None)
    for step in field["thresholds"]["steps"][1:]:
        axis.axhline(step["value"], color=_COLOURS["red"], linewidth=1, linestyle="--")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)


def _mark(axis: Axes, failures: list[tuple[str, float]]) -> None:
    for reason, at in failures:
        axis.axvline(at, color=_COLOURS["red"], linewidth=1, linestyle=":")
        place = {"xy": (at, 1.01), "xycoords": ("data", "axes fraction"), "ha": "center"}
        axis.annotate(f"rolled back: {reason}", **place, color=_COLOURS["red"], fontsize=8)


def _failures(panel: Json, scene: Scene) -> Iterator[tuple[str, float]]:
    """Yield why and when rollouts failed."""
    for legend, points in _lines(panel, scene):
        if legend.startswith(_FAILED):
            yield legend.removeprefix(_FAILED), points[0][0]


def _lines(panel: Json, scene: Scene) -> Iterator[tuple[str, Points]]:
    for target in panel["targets"]:
        for legend, points in _series(target, scene):
            if not _LEFT_OUT.fullmatch(legend):
                yield _REVISION.sub("", legend), points


def _series(target: Json, scene: Scene) -> Iterator[tuple[str, Points]]:
    """Yield each series with its legend; a series that pauses is drawn in pieces."""
    values = {"namespace": scene.namespace, "name": scene.name, "__rate_interval": "1m"}
    query = {
        "query": re.sub(r"\$(\w+)", lambda match: values[match[1]], target["expr"]),
        "start": scene.since,
        "end": scene.until,
        "step": _STEP_SECONDS,
    }
    with urlopen(f"{_PROMETHEUS}/api/v1/query_range?{urlencode(query)}", timeout=_TIMEOUT_SECONDS) as response:
        result = json.load(response)["data"]["result"]
    for series in result:
        legend = _legend(target["legendFormat"], series["metric"])
        for points in _pieces([(at - scene.since, float(value)) for at, value in series["values"]]):
            yield legend, points


def _legend(pattern: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), pattern)


def _pieces(points: Points) -> Iterator[Points]:
    piece: Points = []
    for at, value in points:
        if not math.isfinite(value) or (piece and at - piece[-1][0] > _STEP_SECONDS):
            if piece:
                yield piece
            piece = []
        if math.isfinite(value):
            piece.append((at, value))
    if piece:
        yield piece


def _colour(panel: Json, legend: str) -> str | None:
    for override in panel["fieldConfig"]["overrides"]:
        if re.search(override["matcher"]["options"].strip("/"), legend):
            name: str = override["properties"][0]["value"]["fixedColor"]
            return _COLOURS.get(name, name)
    return None


if __name__ == "__main__":
    main()

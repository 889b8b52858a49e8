"""Grafana's dashboards as values: queries, panels, rows, and the JSON that Grafana 10 and later read.

A panel is given its place by `dashboard`, from left to right; only its width and height are said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from string import ascii_uppercase
from typing import Any, Final

Json = dict[str, Any]

_SCHEMA_VERSION: Final = 39
_COLUMNS: Final = 24
_DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}

GREEN, YELLOW, RED, BLUE, ORANGE, GREY = "green", "yellow", "red", "blue", "orange", "#8e8e8e"
# By the words with which legends begin, so that stable, candidate and each outcome look alike on all panels.
_COLOURS: Final[Mapping[str, str]] = {
    "stable": BLUE,
    "candidate": ORANGE,
    "retiring": GREY,
    "ok": GREEN,
    "rejection": YELLOW,
    "error": RED,
    "objective": RED,
    "failing errors": RED,
    "passing errors": GREEN,
}
STALE: Final = "# Has data only"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called; `only` says when there is data, where that is not always."""

    expr: str
    legend: str = ""
    only: str = ""

    @property
    def text(self) -> str:
        """The PromQL as the panel holds it: a comment tells whoever edits it, and the tests, when it is empty."""
        return f"{self.expr}\n{STALE} {self.only}." if self.only else self.expr


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel without a place. `fields` are Grafana's field defaults, `options` and `rest` depend on its kind."""

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    width: int
    height: int
    fields: Json
    options: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    rest: Json = field(default_factory=dict)
    instant: bool = False

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(name, query) for name, query in zip(ascii_uppercase, self.queries, strict=False)],
            "fieldConfig": {"defaults": self.fields, "overrides": list(self.overrides)},
            "options": self.options,
            **self.rest,
        }

    def _target(self, name: str, query: Query) -> Json:
        return {
            "refId": name,
            "datasource": _DATASOURCE,
            "editorMode": "code",
            "expr": query.text,
            "legendFormat": query.legend,
            "instant": self.instant,
            "range": not self.instant,
            "format": "table" if self.kind == "table" else "time_series",
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the head of the dashboard, filled by a query; `many` lets one choose several, or all."""

    name: str
    query: str
    many: bool = False

    def json(self) -> Json:
        """Return the variable as Grafana writes it."""
        variable: Json = {
            "name": self.name,
            "label": self.name.capitalize(),
            "type": "query",
            "datasource": _DATASOURCE,
            "definition": self.query,
            "query": {"query": self.query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
            "refresh": 2,
            "sort": 1,
            "includeAll": self.many,
            "multi": self.many,
        }
        if self.many:
            variable |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
        return variable


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice at the head of the dashboard between given values."""

    name: str
    label: str
    values: tuple[str, ...]
    first: str

    def json(self) -> Json:
        """Return the variable as Grafana writes it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": "custom",
            "query": ",".join(self.values),
            "current": {"text": self.first, "value": self.first},
            "options": [{"text": value, "value": value, "selected": value == self.first} for value in self.values],
        }


def thresholds(first: str, *steps: tuple[float, str]) -> Json:
    """Return a colour for small values, and others from a value on."""
    rest = [{"color": colour, "value": value} for value, colour in steps]
    return {"mode": "absolute", "steps": [{"color": first, "value": None}, *rest]}


def words(meanings: Mapping[int, tuple[str, str]]) -> list[Json]:
    """Return what numbers are shown as: a word and its colour each."""
    options = {str(number): {"text": text, "color": colour} for number, (text, colour) in meanings.items()}
    return [{"type": "value", "options": options}]


def stat(  # noqa: PLR0913 - what is said of a figure
    title: str,
    description: str,
    query: Query,
    *,
    unit: str,
    limits: Json | None = None,
    width: int = 4,
    instant: bool = False,
    **fields: Any,
) -> Panel:
    """Return one present figure in large type, coloured by its limits; `instant` leaves out how it came there."""
    return Panel(
        kind="stat",
        title=title,
        description=description,
        queries=(query,),
        width=width,
        height=4,
        fields={"unit": unit, "thresholds": limits or thresholds(BLUE), "color": {"mode": "thresholds"}, **fields},
        options={
            "colorMode": "value",
            "graphMode": "none" if instant else "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        instant=instant,
    )


def name_stat(title: str, description: str, query: Query, *, width: int = 4) -> Panel:
    """Return the name of the present series in large type."""
    panel = stat(title, description, query, unit="none", width=width)
    return Panel(
        kind=panel.kind,
        title=title,
        description=description,
        queries=panel.queries,
        width=width,
        height=panel.height,
        fields=panel.fields,
        options={**panel.options, "textMode": "name", "graphMode": "none"},
        instant=True,
    )


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int = 8,
    stacked: bool = False,
    line: float | None = None,
    **fields: Any,
) -> Panel:
    """Return lines over time; `line` draws a dashed limit."""
    drawn: Json = {"lineWidth": 2, "fillOpacity": 25 if stacked else 5, "showPoints": "never", "spanNulls": False}
    if stacked:
        drawn["stacking"] = {"mode": "normal", "group": "A"}
    limits = thresholds(GREEN)
    if line is not None:
        limits, drawn["thresholdsStyle"] = thresholds("transparent", (line, RED)), {"mode": "dashed"}
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=8,
        fields={"unit": unit, "color": {"mode": "palette-classic"}, "thresholds": limits, "custom": drawn, **fields},
        overrides=tuple(_coloured(word, colour) for word, colour in _COLOURS.items()),
        options={
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def timeline(title: str, description: str, *queries: Query, colour: str = BLUE, width: int = 24) -> Panel:
    """Return a line for each series, drawn for as long as the series exists."""
    return Panel(
        kind="state-timeline",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=7,
        fields={
            "unit": "none",
            "color": {"mode": "fixed", "fixedColor": colour},
            "custom": {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False},
        },
        options={
            "showValue": "never",
            "mergeValues": True,
            "rowHeight": 0.8,
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the figure of a query, or, without unit, a label of the first one."""

    heading: str
    query: Query
    unit: str
    mappings: Sequence[Json] = ()
    limits: Json | None = None


def table(title: str, description: str, labels: Query, *columns: Column, link: Json, height: int = 9) -> Panel:
    """Return the present figures of each object in a line; `labels` gives the objects by its series' labels."""
    names = dict(zip((f"Value #{letter}" for letter in ascii_uppercase[1:]), columns, strict=False))
    organize = {
        "excludeByName": {"Time": True, "Value #A": True},
        "renameByName": {name: column.heading for name, column in names.items()},
    }
    return Panel(
        kind="table",
        title=title,
        description=description,
        queries=(labels, *(column.query for column in columns)),
        width=24,
        height=height,
        fields={"unit": "none", "custom": {"align": "auto", "filterable": True}},
        overrides=(
            {"matcher": {"id": "byName", "options": "name"}, "properties": [{"id": "links", "value": [link]}]},
            *(_formatted(column) for column in columns),
        ),
        options={"cellHeight": "sm", "showHeader": True, "footer": {"show": False}},
        rest={"transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]},
        instant=True,
    )


def dashboard(  # noqa: PLR0913 - what is said of a dashboard
    uid: str,
    title: str,
    *,
    description: str,
    variables: Iterable[Variable | Choice],
    rows: Iterable[Row],
    links: Iterable[Json] = (),
    since: str = "now-1h",
) -> Json:
    """Return a dashboard; `uid` is part of its address and never changes."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["nereid"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": since, "to": "now"},
        "links": list(links),
        "templating": {"list": [_DATASOURCE_VARIABLE, *(variable.json() for variable in variables)]},
        "panels": _placed(rows),
    }


def link_to(uid: str, title: str, **values: str) -> Json:
    """Return a link to another dashboard of the same data source; `values` are its variables."""
    variables = "".join(f"&var-{name}={value}" for name, value in values.items())
    return {
        "title": title,
        "url": f"/d/{uid}?var-datasource=${{datasource}}{variables}&${{__url_time_range}}",
    }


def head_link(uid: str, title: str, **values: str) -> Json:
    """Return such a link for the head of a dashboard."""
    return {**link_to(uid, title, **values), "type": "link", "icon": "dashboard", "targetBlank": False}


_DATASOURCE_VARIABLE: Final[Json] = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
    "refresh": 1,
}


def _placed(rows: Iterable[Row]) -> list[Json]:
    numbers, panels, y = count(1), [], 0
    for row in rows:
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        panels.append(
            {"id": next(numbers), "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        )
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            panels.append(panel.json(next(numbers), x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return panels


def _coloured(word: str, colour: str) -> Json:
    return {
        "matcher": {"id": "byRegexp", "options": f"/^{word}\\b/"},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
    }


def _formatted(column: Column) -> Json:
    properties: list[Json] = [{"id": "unit", "value": column.unit}]
    if column.mappings:
        properties.append({"id": "mappings", "value": list(column.mappings)})
    if column.mappings or column.limits:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    if column.limits:
        properties.append({"id": "thresholds", "value": column.limits})
    return {"matcher": {"id": "byName", "options": column.heading}, "properties": properties}

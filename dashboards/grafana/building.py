"""Building blocks of Grafana dashboards: panels, variables and the frame, as plain JSON values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA_VERSION = 39
"""Grafana 10.4 and later read it; later ones migrate it when they load it."""
PANELS_MAX = 5
"""A page answers one question; Prometheus advises at most five graphs a console."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
ROW_HEIGHT = 8

Unit = Literal["short", "percentunit", "none", "s", "bytes", "Bps", "reqps", "dateTimeFromNow"]
PanelKind = Literal["timeseries", "state-timeline", "status-history", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    promql: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what it shows, how to read it, and the queries behind it."""

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: PanelKind = "timeseries"
    unit: Unit = "short"
    limit: float | None = None
    """Where a line is drawn."""
    stacked: bool = False
    mappings: tuple[tuple[float, str, str], ...] = ()
    """(value, word, colour): states are shown by word and colour, never by colour alone."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the page, filled from our own series."""

    name: str
    query: str
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = ()
    tags: tuple[str, ...] = field(default=("outrider",))


MODEL = Variable("model", "label_values(outrider_model_info, model)")
VERSION = Variable("version", 'label_values(outrider_model_info{model=~"$model"}, model_version)', multiple=True)
WINDOW = Variable("window", 'label_values(outrider_window_samples{model=~"$model"}, window)')
FEATURE = Variable(
    "feature",
    'label_values(outrider_feature_threshold_ratio{model=~"$model", model_version=~"$version"}, feature)',
    multiple=True,
)
JOB = Variable("job", "label_values(outrider_tap_bytes_total, job)", multiple=True)
OF_MODEL = 'model=~"$model", model_version=~"$version", window=~"$window"'
"""The selector of everything that belongs to the chosen model, versions and window."""
RATE = "$__rate_interval"


def render(dashboard: Dashboard) -> dict[str, Any]:
    """The JSON document that Grafana imports."""
    if len(dashboard.panels) > PANELS_MAX:
        raise ValueError(
            f"{dashboard.uid} has {len(dashboard.panels)} panels, at most {PANELS_MAX} are read at a glance"
        )
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(dashboard.tags),
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [
            {
                "type": "dashboards",
                "title": "Outrider",
                "tags": ["outrider"],
                "asDropdown": True,
                "keepTime": True,
                "includeVars": True,
            }
        ],
        "templating": {"list": [_datasource_variable(), *map(_variable, dashboard.variables)]},
        "annotations": {"list": [_alert_annotation()] if MODEL in dashboard.variables else []},
        "panels": [_panel(panel, i, len(dashboard.panels)) for i, panel in enumerate(dashboard.panels)],
    }


def _datasource_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": variable.query,
        "query": {"query": variable.query, "refId": f"variable-{variable.name}"},
        "refresh": 2,
        "sort": 1,
        "multi": variable.multiple,
        "includeAll": variable.multiple,
        "allValue": ".*" if variable.multiple else None,
    }


def _alert_annotation() -> dict[str, Any]:
    return {
        "name": "Firing alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'outrider_alerts{model=~"$model", state="firing"} == 1',
        "titleFormat": "{{kind}}",
        "step": "60s",
    }


def _panel(panel: Panel, index: int, count: int) -> dict[str, Any]:
    # Two a row; the last of an odd number takes the whole row.
    wide = count % 2 == 1 and index == count - 1
    return {
        "id": index + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {
            "h": ROW_HEIGHT,
            "w": COLUMNS if wide else COLUMNS // 2,
            "x": 0 if index % 2 == 0 else COLUMNS // 2,
            "y": index // 2 * ROW_HEIGHT,
        },
        "targets": [_target(panel, query, i) for i, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, query: Query, index: int) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + index),
        "datasource": DATASOURCE,
        "expr": query.promql,
        "legendFormat": query.legend or "__auto",
        "range": panel.kind != "table",
        "instant": panel.kind == "table",
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[Mapping[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.mappings:
        options = {f"{value:g}": {"text": word, "color": colour} for value, word, colour in panel.mappings}
        defaults["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "lineWidth": 2,
            "fillOpacity": 20 if panel.stacked else 0,
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "line" if panel.limit is not None else "off"},
        }
    else:
        defaults["color"] = {"mode": "thresholds"}
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "table":
        return {"showHeader": True}
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom"}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def panel_queries(dashboards: Sequence[Dashboard]) -> list[tuple[str, str, str]]:
    """(dashboard uid, panel title, PromQL with Grafana's variables) of every query there is."""
    return [(d.uid, panel.title, query.promql) for d in dashboards for panel in d.panels for query in panel.queries]

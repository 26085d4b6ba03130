"""Building blocks of Kibana pages: searches, charts in Vega-Lite, saved objects. Pure.

A chart carries its search body as Kibana sends it (`%context%` adds the page's time range and filters), so a test can
send the same body to Elasticsearch. A page is read-only advice: names of fields come from our mapping, names of
features and models only ever appear as values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

CORE_VERSION = "8.8.0"
"""Saved objects load in the version that wrote them and later: these are as of the oldest Kibana that we support."""
TYPE_VERSIONS = {"index-pattern": "8.0.0", "visualization": "8.5.0", "search": "8.0.0", "dashboard": "8.7.0"}
PREFIX = "outrider-"
"""Ids begin with it, so that importing again overwrites ours and nothing else."""
PANELS_MAX = 5
SERIES_MAX = 30
"""Lines or rows of one chart; more cannot be told apart."""
BUCKETS = 80
COLUMNS, PANEL_HEIGHT = 48, 15

Index = Literal["window", "alert"]
INDICES: Mapping[Index, str] = {"window": "metrics-outrider.window-*", "alert": "logs-outrider.alert-*"}
Filter = Mapping[str, str | Sequence[str]]
"""Field → its value, or one of several."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite picture of one aggregation."""

    name: str
    title: str
    index: Index
    body: Mapping[str, Any]
    mark: Literal["line", "rect", "bar"]
    transform: Sequence[Mapping[str, Any]]
    rows: str
    """Path to the list of rows in the answer."""
    encoding: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A saved search: documents as rows, newest first."""

    name: str
    title: str
    index: Index
    where: Filter
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    title: str
    description: str
    panels: tuple[Chart | Table, ...]


def line_chart(
    name: str, title: str, where: Filter, *, by: str, of: str, label: str, share_of: str | None = None
) -> Chart:
    """The latest value in each interval, a line for each value of `by`. With `share_of` the value is divided by it."""
    of_path, share_path = f"datum.hit.{of}", f"datum.hit.{share_of}"
    value = of_path if share_of is None else f"{share_path} > 0 ? {of_path} / {share_path} : null"
    return Chart(
        name,
        title,
        "window",
        _latest_over_time(where, by, [of] if share_of is None else [of, share_of]),
        "line",
        [*_rows_of_time(), {"calculate": value, "as": "value"}, {"filter": "isValid(datum.value)"}],
        "aggregations.only.by.buckets",
        _time_encoding(y={"field": "value", "type": "quantitative", "title": label}),
    )


def counts_chart(name: str, title: str, counts: Sequence[str]) -> Chart:
    """Counts of the latest window of each interval and model, summed over models, one colour for each count."""
    where = {"outrider.document": "window"}
    paths = [f"outrider.counts.{count}" for count in counts]
    calculated = [{"calculate": f"datum.hit.{path}", "as": count} for path, count in zip(paths, counts, strict=True)]
    return Chart(
        name,
        title,
        "window",
        _latest_over_time(where, "outrider.model.name", paths),
        "bar",
        [*_rows_of_time(), *calculated, {"fold": list(counts), "as": ["series", "value"]}],
        "aggregations.only.by.buckets",
        {
            "x": _TIME,
            "y": {"aggregate": "sum", "field": "value", "type": "quantitative", "title": "exchanges"},
            "color": {"field": "series", "type": "nominal", "title": None},
        },
    )


def heat_map(name: str, title: str, where: Filter, *, by: str, of: str, label: str) -> Chart:
    """The largest value of `of` in each interval, a row for each value of `by`, the worst rows only."""
    worst = {"worst": {"max": {"field": of}}}
    return Chart(
        name,
        title,
        "window",
        _only(where, {"by": _terms(by, {"worst": "desc"}, {**worst, "time": {**_INTERVALS, "aggs": worst}})}),
        "rect",
        [
            {"flatten": ["time.buckets"], "as": ["bucket"]},
            {"calculate": "datum.bucket.key", "as": "time"},
            {"calculate": "datum.bucket.worst.value", "as": "value"},
            {"calculate": "datum.key", "as": "series"},
        ],
        "aggregations.only.by.buckets",
        {
            "x": {"field": "time", "type": "ordinal", "timeUnit": "utcyearmonthdatehoursminutes", "title": None},
            "y": {"field": "series", "type": "nominal", "title": None, "sort": None},
            "color": {"field": "value", "type": "quantitative", "title": label, "scale": {"scheme": "viridis"}},
            "tooltip": [{"field": "series", "type": "nominal"}, {"field": "value", "type": "quantitative"}],
        },
    )


def count_chart(name: str, title: str, index: Index, where: Filter, *, by: str) -> Chart:
    """How many documents in each interval, stacked by `by`."""
    return Chart(
        name,
        title,
        index,
        _only(where, {"by": _terms(by, {"_count": "desc"}, {"time": _INTERVALS})}),
        "bar",
        [
            {"flatten": ["time.buckets"], "as": ["bucket"]},
            {"calculate": "datum.bucket.key", "as": "time"},
            {"calculate": "datum.bucket.doc_count", "as": "value"},
            {"calculate": "datum.key", "as": "series"},
        ],
        "aggregations.only.by.buckets",
        _time_encoding(y={"field": "value", "type": "quantitative", "title": "documents"}),
    )


def search_body(panel: Chart | Table, interval: str) -> dict[str, Any]:
    """The body as Kibana sends it where the page's time range makes for this `interval`, without that range."""
    if isinstance(panel, Chart):
        return dict(_at_interval(panel.body, interval))
    return {"size": 100, "query": _where(panel.where), "sort": [{"@timestamp": "desc"}], "_source": list(panel.columns)}


def _at_interval(part: Any, interval: str) -> Any:
    if isinstance(part, Mapping):
        if "interval" in part:
            return {**{k: v for k, v in part.items() if k != "interval"}, "fixed_interval": interval}
        return {name: _at_interval(value, interval) for name, value in part.items()}
    return part


def saved_objects(pages: Sequence[Page]) -> list[dict[str, Any]]:
    """Data views, charts, tables and pages, each after what it refers to."""
    views = [_data_view(index) for index in INDICES]
    panels = [_chart(p) if isinstance(p, Chart) else _table(p) for page in pages for p in page.panels]
    return [*views, *panels, *map(_dashboard, pages)]


_TIME: Mapping[str, Any] = {"field": "time", "type": "temporal", "title": None}
_INTERVALS: Mapping[str, Any] = {
    "date_histogram": {"field": "@timestamp", "interval": {"%autointerval%": BUCKETS}, "min_doc_count": 1}
}
"""Kibana puts an interval in that suits the page's time range."""


def _latest_over_time(where: Filter, by: str, source: Sequence[str]) -> dict[str, Any]:
    # A revised window is there in every revision: the newest window, and of it the highest revision, is the one to show.
    newest = [{"outrider.window.end": "desc"}, {"outrider.revision": "desc"}]
    latest = {"latest": {"top_hits": {"size": 1, "sort": newest, "_source": list(source)}}}
    return _only(where, {"by": _terms(by, {"_count": "desc"}, {"time": {**_INTERVALS, "aggs": latest}})})


def _only(where: Filter, aggregations: Mapping[str, Any]) -> dict[str, Any]:
    # With `%context%` the query is Kibana's; ours goes into a filter aggregation.
    return {"size": 0, "aggs": {"only": {"filter": _where(where), "aggs": dict(aggregations)}}}


def _terms(field: str, order: Mapping[str, str], aggregations: Mapping[str, Any]) -> dict[str, Any]:
    return {"terms": {"field": field, "size": SERIES_MAX, "order": dict(order)}, "aggs": dict(aggregations)}


def _where(where: Filter) -> dict[str, Any]:
    clauses = [{"terms": {field: _values(value)}} for field, value in where.items()]
    return {"bool": {"filter": clauses}}


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _rows_of_time() -> list[dict[str, Any]]:
    return [
        {"flatten": ["time.buckets"], "as": ["bucket"]},
        {"calculate": "datum.bucket.key", "as": "time"},
        {"calculate": "datum.bucket.latest.hits.hits[0]._source", "as": "hit"},
        {"calculate": "datum.key", "as": "series"},
    ]


def _time_encoding(y: Mapping[str, Any]) -> dict[str, Any]:
    return {"x": _TIME, "y": dict(y), "color": {"field": "series", "type": "nominal", "title": None}}


def _spec(chart: Chart) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": chart.title,
        "data": {
            "url": {
                "%context%": True,
                "%timefield%": "@timestamp",
                "index": INDICES[chart.index],
                "body": chart.body,
            },
            "format": {"property": chart.rows},
        },
        "transform": list(chart.transform),
        "mark": {"type": chart.mark, "tooltip": True},
        "encoding": chart.encoding,
    }


def _object(
    kind: str, name: str, attributes: Mapping[str, Any], references: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    return {
        "id": PREFIX + name,
        "type": kind,
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
        "attributes": dict(attributes),
        "references": list(references),
    }


def _data_view(index: Index) -> dict[str, Any]:
    attributes = {"title": INDICES[index], "timeFieldName": "@timestamp", "name": f"Outrider {index}s"}
    return _object("index-pattern", index, attributes)


def _chart(chart: Chart) -> dict[str, Any]:
    state = {"title": chart.title, "type": "vega", "aggs": [], "params": {"spec": json.dumps(_spec(chart), indent=2)}}
    source = {"query": {"query": "", "language": "kuery"}, "filter": []}
    attributes = {
        "title": f"Outrider: {chart.title}",
        "description": "",
        "visState": json.dumps(state),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return _object("visualization", chart.name, attributes)


def _table(table: Table) -> dict[str, Any]:
    words = [f"{field}: ({' or '.join(json.dumps(v) for v in _values(value))})" for field, value in table.where.items()]
    view = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": {"query": " and ".join(words), "language": "kuery"}, "filter": [], "indexRefName": view}
    attributes = {
        "title": f"Outrider: {table.title}",
        "description": "",
        "columns": list(table.columns),
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    reference = {"name": view, "type": "index-pattern", "id": PREFIX + table.index}
    return _object("search", table.name, attributes, [reference])


def _dashboard(page: Page) -> dict[str, Any]:
    if len(page.panels) > PANELS_MAX:
        raise ValueError(f"{page.name} has {len(page.panels)} panels, at most {PANELS_MAX} are read at a glance")
    kinds = ["visualization" if isinstance(panel, Chart) else "search" for panel in page.panels]
    layout = [
        {
            "type": kind,
            "panelIndex": str(i),
            "panelRefName": f"panel_{i}",
            "gridData": _place(i, len(page.panels)),
            "embeddableConfig": {},
        }
        for i, kind in enumerate(kinds)
    ]
    attributes = {
        "title": page.title,
        "description": page.description,
        "panelsJSON": json.dumps(layout),
        "optionsJSON": json.dumps({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
        "timeRestore": False,
        "version": 1,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": json.dumps({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
    }
    references = [
        {"name": f"{i}:panel_{i}", "type": kind, "id": PREFIX + panel.name}
        for i, (kind, panel) in enumerate(zip(kinds, page.panels, strict=True))
    ]
    return _object("dashboard", page.name, attributes, references)


def _place(index: int, count: int) -> dict[str, Any]:
    # Two a row; the last of an odd number takes the whole row.
    wide = count % 2 == 1 and index == count - 1
    return {
        "x": 0 if index % 2 == 0 else COLUMNS // 2,
        "y": index // 2 * PANEL_HEIGHT,
        "w": COLUMNS if wide else COLUMNS // 2,
        "h": PANEL_HEIGHT,
        "i": str(index),
    }

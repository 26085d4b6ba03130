"""GET grid: the worst decision record of each kind, feature, metric or slice in each column of windows. What the strips and the heat map show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.errors import Fault, InvalidInput
from monitor.findings import WORST_FIRST, Finding, Span, rfc3339
from monitor.ports import Catalog, FindingKey, FindingQuery, WindowEntry
from monitor.query.asked import Between
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore

COLUMNS_DEFAULT, COLUMNS_MAX = 60, 240
"""More columns than this are narrower than a finger or a pixel; what is behind one is found by narrowing the range."""
ROWS_DEFAULT, ROWS_MAX = 40, 100
"""Rows shown of the worst; a page stays under a megabyte with all of them in all columns."""
Order = Literal["worst", "newest", "name"]
WINDOWS_MAX = 50_000
"""Windows of a range: 90 days of windows of 5 minutes, twice."""

_COUNTS = ("n_window", "labelled", "seen", "captured", "sampled_out", "dropped", "undecodable")


class GridsController(Controller):
    """The state of a model over time, small enough to draw."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get(
        "/grid",
        sync_to_thread=True,
        summary="Worst decision record of each kind, feature, metric or slice in each column of windows",
    )
    def grid(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        per: FromQuery[FindingKey] = "kind",
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        metric: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
        columns: Annotated[
            int, QueryParameter(description="Columns at most; a longer range has several windows each.")
        ] = (COLUMNS_DEFAULT),
        rows: Annotated[int, QueryParameter(description="Rows at most, the worst first.")] = ROWS_DEFAULT,
        skip: Annotated[int, QueryParameter(description="Rows to leave out before them.", ge=0)] = 0,
        match: Annotated[
            str | None, QueryParameter(required=False, description="Only rows whose name has this in it.")
        ] = None,
        order: Annotated[
            Order, QueryParameter(description="The worst of all columns first, of the newest column, or by name.")
        ] = "worst",
    ) -> dict[str, Any]:
        """Without `from` and `to`: the newest windows, one a column. Without `version` and `rule`: the newest window's."""
        entry = model_of(catalog, model)
        if not 1 <= columns <= COLUMNS_MAX or not 1 <= rows <= ROWS_MAX:
            raise InvalidInput(Fault("columns, rows", f"{columns}, {rows}", f"up to {COLUMNS_MAX} and {ROWS_MAX}"))
        version, rule = _chosen(catalog, model, version, rule)
        windows = _windows(catalog, model, version, rule, between, columns)
        groups = _grouped(windows, columns)
        found: list[tuple[int, Finding]] = []
        if groups:
            spans = [Span(g[0].span.start_ns, (g[-1].span.start_ns or 0) + 1) for g in groups]
            first, last = spans[0].start_ns, spans[-1].end_ns
            # The segments of a version hold nothing else, and a finding without a version says null.
            segments = catalog.segments("measurements", model, version, first, last)
            query = FindingQuery(
                first, last, None, slice or None, metric, None, kind=kind, rule=rule, whole=slice == ""
            )
            found = store.worst_findings(segments, query, spans, per)
        lines = _lines(found, len(groups), per, order)
        if match:
            lines = [line for line in lines if match.casefold() in line["name"].casefold()]
        return {
            "version": version or None,
            "rule": rule,
            "versions": [v or None for v in catalog.versions(model)],
            "rules": [w.name for w in entry.declaration.windows],
            "slices": [s.name for s in entry.declaration.slices],
            "windows": len(windows),
            "columns": [_column(group) for group in groups],
            "rows": lines[skip : skip + rows],
            "of": len(lines),
            "folded": max(0, len(lines) - skip - rows),
        }


def _chosen(catalog: Catalog, model: str, version: str | None, rule: str | None) -> tuple[str, str | None]:
    """The version and rule asked for; what is left open is as in the newest window."""
    if version is None or rule is None:
        newest = catalog.windows(model, version=version, rule=rule, limit=1, newest_first=True)
        if newest:
            version = newest[0].version if version is None else version
            rule = newest[0].rule if rule is None else rule
    return version or "", rule


def _windows(
    catalog: Catalog,
    model: str,
    version: str,
    rule: str | None,
    between: Span,
    columns: int,
) -> list[WindowEntry]:
    if between == Span(None, None):
        newest = catalog.windows(model, version=version, rule=rule, limit=columns, newest_first=True)
        return newest[::-1]
    start_ns, end_ns = between.start_ns, between.end_ns
    found = catalog.windows(model, version=version, rule=rule, start_ns=start_ns, end_ns=end_ns, limit=WINDOWS_MAX + 1)
    if len(found) > WINDOWS_MAX:
        raise InvalidInput(Fault("from, to", f"more than {WINDOWS_MAX} windows", "a shorter range"))
    return found


def _grouped(windows: Sequence[WindowEntry], columns: int) -> list[Sequence[WindowEntry]]:
    size = max(1, -(-len(windows) // columns))
    return [windows[i : i + size] for i in range(0, len(windows), size)]


def _column(group: Sequence[WindowEntry]) -> dict[str, Any]:
    worst = min(group, key=lambda w: WORST_FIRST.index(w.status))
    return {
        "start": rfc3339(group[0].span.start_ns),
        "end": rfc3339(group[-1].span.end_ns),
        "windows": len(group),
        "status": worst.status.value,
        "reason": worst.reason,
        "revision": max(w.revision for w in group),
        **{name: sum(getattr(w, name) for w in group) for name in _COUNTS},
    }


def _lines(found: Sequence[tuple[int, Finding]], columns: int, per: FindingKey, order: Order) -> list[dict[str, Any]]:
    """A row for each, in the order asked for; a column in which it has no record is null."""
    of: dict[str, list[tuple[int, Finding]]] = {}
    for column, finding in found:
        of.setdefault(str(getattr(finding, per) or ""), []).append((column, finding))

    def rank(item: tuple[str, list[tuple[int, Finding]]]) -> tuple[int, float, str]:
        name, cells = item
        if order == "name":
            return 0, 0.0, name
        if order == "newest":
            cells = [(column, finding) for column, finding in cells if column == columns - 1]
        if not cells:
            return len(WORST_FIRST), 0.0, name
        worst = min(WORST_FIRST.index(f.status) for _, f in cells)
        return worst, -max(f.score or 0.0 for _, f in cells), name

    lines = []
    for name, cells in sorted(of.items(), key=rank):
        drawn: list[dict[str, Any] | None] = [None] * columns
        for column, finding in cells:
            drawn[column] = _cell(finding)
        lines.append({"name": name, "cells": drawn})
    return lines


def _cell(finding: Finding) -> dict[str, Any]:
    limit = list(finding.threshold) if isinstance(finding.threshold, tuple) else finding.threshold
    cell = {
        "start": rfc3339(finding.window.start_ns),
        "end": rfc3339(finding.window.end_ns),
        "status": finding.status.value,
        "metric": finding.metric,
        "feature": finding.feature,
        "slice": finding.slice,
        "value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "threshold": limit,
        "threshold_origin": finding.threshold_origin,
        "score": finding.score,
        "windows": finding.windows,
        "n_window": finding.n_window,
        "reason": finding.reason,
    }
    return {name: value for name, value in cell.items() if value is not None}

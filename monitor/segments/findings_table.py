"""Findings as a table: one row a decision record and revision, one column a field, found again with DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from monitor.findings import WORST_FIRST, AlertKind, Finding, Span, Status
from monitor.ports import FindingKey, FindingQuery
from monitor.segments.querying import literal_path, query

SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("version", pa.string()),
        ("rule", pa.string()),
        ("slice", pa.string()),
        ("feature", pa.string()),
        ("metric", pa.string()),
        ("kind", pa.string()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n_baseline", pa.int64()),
        ("n_window", pa.int64()),
        ("n_missing", pa.int64()),
        ("threshold", pa.float64()),
        ("threshold_low", pa.float64()),
        ("threshold_high", pa.float64()),
        ("threshold_origin", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("score", pa.float64()),
        ("revision", pa.int64()),
        ("baseline", pa.string()),
        ("code", pa.string()),
        ("windows", pa.int64()),
    ]
)
"""`threshold` is null where the limit is a range; then `threshold_low` and `threshold_high` hold it."""
HOUR_NS = 3_600 * 10**9

_LATEST = """
SELECT {columns} FROM {files}
WHERE {conditions}
QUALIFY row_number() OVER (
    PARTITION BY model, version, rule, slice, feature, metric, start_ns, end_ns ORDER BY revision DESC
) = 1
"""
_FILES = "read_parquet(?, hive_partitioning = false)"
_OLDER_FILES = """(
    SELECT * FROM read_parquet(?, hive_partitioning = false, union_by_name = true) UNION ALL BY NAME SELECT * FROM no_findings
)"""
"""Files that lack a column which later ones have: it is null there."""
_SELECT = (
    _LATEST
    + """
ORDER BY start_ns, metric, feature NULLS FIRST, slice NULLS FIRST, version NULLS FIRST, rule, end_ns
LIMIT ? OFFSET ?
"""
)
_RANKS = [status.value for status in WORST_FIRST]
_SELECT_WORST = (
    """
SELECT number, {columns} FROM ("""
    + _LATEST
    + """) AS latest
JOIN wanted ON latest.start_ns >= wanted.first_ns AND latest.start_ns < wanted.last_ns
QUALIFY row_number() OVER (
    PARTITION BY number, {per}
    ORDER BY
        list_position({ranks}, status),
        threshold IS NULL AND threshold_low IS NULL,
        score DESC NULLS LAST, metric, feature, slice, start_ns
) = 1
ORDER BY number, {per} NULLS FIRST
"""
)

_SELECT_THINNED = (
    """
SELECT {columns} FROM ("""
    + _LATEST
    + """) AS latest
QUALIFY row_number() OVER (
    PARTITION BY version, rule, slice, feature, metric, kind, start_ns // {hour_ns}
    ORDER BY list_position({ranks}, status), score DESC NULLS LAST, start_ns DESC
) = 1
ORDER BY rule, metric, slice NULLS FIRST, feature NULLS FIRST, start_ns
"""
)


def to_table(findings: Sequence[Finding], rule: str) -> Any:
    return _table([_to_row(finding, rule) for finding in findings])


def _table(rows: Sequence[tuple[Any, ...]]) -> Any:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA) if rows else SCHEMA.empty_table()


def thinned(files: Sequence[Path]) -> Any:
    """A table with the worst record of each hour of what the files of one model say, the latest where several are as bad."""
    texts = {"columns": ", ".join(SCHEMA.names), "conditions": "true", "ranks": _RANKS, "hour_ns": HOUR_NS}
    sql, of_older = (_SELECT_THINNED.format(files=source, **texts) for source in (_FILES, _OLDER_FILES))
    none = {"no_findings": SCHEMA.empty_table()}
    return _table(query(sql, [[literal_path(file) for file in files]], none, of_older=of_older))


def find(files: Sequence[Path], wanted: FindingQuery) -> list[Finding]:
    """The latest revision of each matching decision record."""
    if not files:
        return []
    conditions, values = _conditions(wanted)
    sql, of_older = (
        _SELECT.format(columns=", ".join(SCHEMA.names), conditions=conditions, files=source)
        for source in (_FILES, _OLDER_FILES)
    )
    found = [[literal_path(file) for file in files], *values, wanted.limit, wanted.offset]
    rows = query(sql, found, {"no_findings": SCHEMA.empty_table()}, of_older=of_older)
    return [_from_row(dict(zip(SCHEMA.names, row, strict=True))) for row in rows]


def find_worst(
    files: Sequence[Path], wanted: FindingQuery, columns: Sequence[Span], per: FindingKey
) -> list[tuple[int, Finding]]:
    """The worst matching decision record of each column and value of `per`, with the number of its column."""
    if not files or not columns:
        return []
    conditions, values = _conditions(wanted)
    sql, of_older = (
        _SELECT_WORST.format(
            columns=", ".join(SCHEMA.names), conditions=conditions, per=per, ranks=_RANKS, files=source
        )
        for source in (_FILES, _OLDER_FILES)
    )
    spans = pa.table(
        {
            "number": pa.array(range(len(columns)), pa.int64()),
            "first_ns": pa.array([span.start_ns for span in columns], pa.int64()),
            "last_ns": pa.array([span.end_ns for span in columns], pa.int64()),
        }
    )
    tables = {"wanted": spans, "no_findings": SCHEMA.empty_table()}
    rows = query(sql, [[literal_path(file) for file in files], *values], tables, of_older=of_older)
    return [(row[0], _from_row(dict(zip(SCHEMA.names, row[1:], strict=True)))) for row in rows]


def _conditions(wanted: FindingQuery) -> tuple[str, list[Any]]:
    """The filter as SQL, with its values in the order of its marks."""
    conditions, values = ["true"], []
    bounds = (("start_ns >= ?", wanted.start_ns), ("start_ns < ?", wanted.end_ns))
    names = ("version", "slice", "metric", "feature", "kind", "rule", "status")
    for condition, value in (*bounds, *((f"{name} = ?", getattr(wanted, name)) for name in names)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.metrics:
        conditions.append("list_contains(?, metric)")
        values.append(list(wanted.metrics))
    if wanted.whole:
        conditions.append("slice IS NULL")
    return " AND ".join(conditions), values


def _to_row(finding: Finding, rule: str) -> tuple[Any, ...]:
    """In the order of SCHEMA."""
    limit, window = finding.threshold, finding.window
    low, high = limit if isinstance(limit, tuple) else (None, None)
    return (
        finding.model,
        finding.version,
        rule,
        finding.slice,
        finding.feature,
        finding.metric,
        str(finding.kind),
        window.start_ns,
        window.end_ns,
        finding.value,
        finding.low,
        finding.high,
        finding.n_baseline,
        finding.n_window,
        finding.n_missing,
        None if isinstance(limit, tuple) else limit,
        low,
        high,
        finding.threshold_origin,
        str(finding.status),
        finding.reason,
        finding.score,
        finding.revision,
        finding.baseline,
        finding.code,
        finding.windows,
    )


def _from_row(row: dict[str, Any]) -> Finding:
    limit = row["threshold"] if row["threshold_low"] is None else (row["threshold_low"], row["threshold_high"])
    return Finding(
        model=row["model"],
        version=row["version"],
        slice=row["slice"],
        feature=row["feature"],
        metric=row["metric"],
        kind=AlertKind(row["kind"]),
        window=Span(row["start_ns"], row["end_ns"]),
        value=row["value"],
        low=row["low"],
        high=row["high"],
        n_baseline=row["n_baseline"],
        n_window=row["n_window"],
        n_missing=row["n_missing"],
        threshold=limit,
        threshold_origin=row["threshold_origin"],
        status=Status(row["status"]),
        reason=row["reason"],
        score=row["score"],
        revision=row["revision"],
        baseline=row["baseline"],
        code=row["code"],
        windows=row["windows"] or 1,
    )

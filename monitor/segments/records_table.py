"""Anomalies and explanations as a table: one JSON text a prediction, with the window that recorded it.

A revision of a window writes a new segment of the same span, and what earlier ones said of that window counts no more.
`registered` is the segment that a compacted record came with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from monitor.findings import Span
from monitor.ports import Segment
from monitor.segments.querying import literal_path, query

PREDICTION_ID, TIME = "prediction_id", "time_ns"
COMPACTED = ".compacted.parquet"
"""Ends the name of a file that holds the records of several windows; being new it revises none of them."""

SCHEMA = pa.schema(
    [
        (PREDICTION_ID, pa.string()),
        (TIME, pa.int64()),
        ("span_start_ns", pa.int64()),
        ("span_end_ns", pa.int64()),
        ("body", pa.string()),
        ("registered", pa.int64()),
    ]
)
_SEGMENTS = pa.schema(
    [
        ("path", pa.string()),
        ("id", pa.int64()),
        ("version", pa.string()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("compacted", pa.bool_()),
    ]
)

_SELECT = """
WITH stored AS (
    SELECT r.*, coalesce(r.registered, s.id) AS origin, s.version AS segment_version
    FROM read_parquet(?, filename = 'path', hive_partitioning = false) r JOIN known_segments s ON r.path = s.path
)
SELECT {columns} FROM stored
WHERE NOT EXISTS (
    SELECT 1 FROM known_segments later
    WHERE NOT later.compacted AND later.version = segment_version AND later.id > origin
      AND later.start_ns = span_start_ns AND later.end_ns = span_end_ns - 1
) AND {conditions}
QUALIFY row_number() OVER (PARTITION BY segment_version, prediction_id, time_ns ORDER BY origin DESC) = 1
ORDER BY time_ns, prediction_id
"""


_IN_SLICE = """list_contains(from_json(body, '{"slices": ["VARCHAR"]}').slices, ?)"""


def to_table(records: Sequence[Mapping[str, Any]], span: Span) -> Any:
    """Raises ValueError where a record lacks its prediction id or time."""
    for i, record in enumerate(records):
        if not isinstance(record.get(PREDICTION_ID), str) or not isinstance(record.get(TIME), int):
            raise ValueError(f"record {i} lacks {PREDICTION_ID} or {TIME}")
    return pa.table(
        {
            PREDICTION_ID: pa.array([record[PREDICTION_ID] for record in records], pa.string()),
            TIME: pa.array([record[TIME] for record in records], pa.int64()),
            "span_start_ns": pa.array([span.start_ns] * len(records), pa.int64()),
            "span_end_ns": pa.array([span.end_ns] * len(records), pa.int64()),
            "body": pa.array(
                [msgspec.json.encode(record, enc_hook=_plain).decode() for record in records], pa.string()
            ),
            "registered": pa.nulls(len(records), pa.int64()),
        }
    )


def find(
    files: Sequence[tuple[Any, Segment]],
    *,
    start_ns: int | None,
    end_ns: int | None,
    prediction_id: str | None,
    limit: int,
    offset: int,
    slice: str | None = None,
) -> list[dict[str, Any]]:
    """Records of (path, segment) pairs, ascending by time and prediction id."""
    if not files:
        return []
    conditions, values = ["true"], []
    filters = (
        ("time_ns >= ?", start_ns),
        ("time_ns < ?", end_ns),
        ("prediction_id = ?", prediction_id),
        (_IN_SLICE, slice),
    )
    for condition, value in filters:
        if value is not None:
            conditions.append(condition)
            values.append(value)
    sql = _SELECT.format(columns="body", conditions=" AND ".join(conditions)) + "LIMIT ? OFFSET ?"
    rows = query(sql, [_paths(files), *values, limit, offset], {"known_segments": _known(files)})
    return [msgspec.json.decode(body) for (body,) in rows]


def surviving(files: Sequence[tuple[Any, Segment]]) -> Any:
    """One table with the records that still count, for a compacted file."""
    names = (PREDICTION_ID, TIME, "span_start_ns", "span_end_ns", "body", "origin")
    sql = _SELECT.format(columns=", ".join(names), conditions="true")
    rows = query(sql, [_paths(files)], {"known_segments": _known(files)})
    fields = dict(zip(SCHEMA.names, zip(*rows, strict=True), strict=True)) if rows else {}
    return pa.table({name: pa.array(fields.get(name, ()), SCHEMA.field(name).type) for name in SCHEMA.names})


def _paths(files: Sequence[tuple[Any, Segment]]) -> list[str]:
    return [literal_path(path) for path, _ in files]


def _known(files: Sequence[tuple[Any, Segment]]) -> Any:
    return pa.Table.from_pylist(
        [
            {
                "path": str(path),
                "id": segment.id,
                "version": segment.version,
                "start_ns": segment.start_ns,
                "end_ns": segment.end_ns,
                "compacted": segment.path.endswith(COMPACTED),
            }
            for path, segment in files
        ],
        _SEGMENTS,
    )


def _plain(value: object) -> object:
    """NumPy's values as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON")

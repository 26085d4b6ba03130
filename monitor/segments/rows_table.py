"""Rows as an Arrow table: four columns that name a prediction, then its features and outputs by their own names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.segments.columns import from_arrow, joined, texts, to_arrow
from monitor.tiles.rows import UNTIMED, Rows

RESERVED = "outrider."
"""Begins the names of our own columns. A user's column whose name begins so is stored behind OWN."""
TIME, ID, ROW, OF = "outrider.time_ns", "outrider.id", "outrider.row", "outrider.of"
INCLUSION, LABEL, TRACE, DURATION = "outrider.inclusion", "outrider.label", "outrider.trace", "outrider.duration_ns"
OWN = "outrider.column."


def to_table(rows: Rows) -> Any:
    arrays = {
        TIME: pa.array(rows.time_ns, pa.int64()),
        ID: pa.array(rows.id, pa.string()),
        ROW: pa.array(rows.row, pa.int32()),
        OF: pa.array(rows.of, pa.int32()),
    }
    if rows.inclusion is not None:
        arrays[INCLUSION] = pa.array(rows.inclusion, pa.float64())
    if rows.trace is not None:
        arrays[TRACE] = pa.array(rows.trace, pa.string())
    if rows.duration_ns is not None:
        arrays[DURATION] = pa.array(rows.duration_ns, pa.int64())
    if rows.label is not None:
        arrays[LABEL] = to_arrow(rows.label)
    arrays |= {_stored_name(name): to_arrow(column) for name, column in rows.columns.items()}
    return pa.table(arrays)


def stored_columns(names: Sequence[str] | None) -> list[str] | None:
    """Names of the file's columns to read for these columns of the rows; all where it is None."""
    if names is None:
        return None
    return [TIME, ID, ROW, OF, INCLUSION, LABEL, TRACE, DURATION, *map(_stored_name, names)]


def own_columns(stored: Sequence[str]) -> list[str]:
    """Of the names of a file's columns those of the rows' columns, as the rows call them."""
    ours = (name.startswith(RESERVED) and not name.startswith(OWN) for name in stored)
    return [name.removeprefix(OWN) for name, is_ours in zip(stored, ours, strict=True) if not is_ours]


def from_tables(tables: Sequence[Any], columns: Collection[str] | None = None) -> Rows:
    """The rows of one or more tables, one after the other. A column that a table lacks is missing in its rows."""
    if len(tables) > 1 and all(table.schema.equals(tables[0].schema) for table in tables[1:]):
        tables = [pa.concat_tables(tables)]
    parts = [_from_table(table, columns) for table in tables]
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    has_label = any(part.label is not None for part in parts)
    has_inclusion = any(part.inclusion is not None for part in parts)
    has_trace = any(part.trace is not None for part in parts)
    has_duration = any(part.duration_ns is not None for part in parts)
    return Rows(
        time_ns=np.concatenate([part.time_ns for part in parts]) if parts else np.empty(0, np.int64),
        id=np.concatenate([part.id for part in parts]) if parts else np.empty(0, object),
        row=np.concatenate([part.row for part in parts]) if parts else np.empty(0, np.int32),
        of=np.concatenate([part.of for part in parts]) if parts else np.empty(0, np.int32),
        columns={name: joined([(part.columns.get(name), len(part)) for part in parts]) for name in names},
        label=joined([(part.label, len(part)) for part in parts]) if has_label else None,
        inclusion=np.concatenate([_inclusion(part) for part in parts]) if has_inclusion else None,
        trace=np.concatenate([_trace(part) for part in parts]) if has_trace else None,
        duration_ns=np.concatenate([_duration(part) for part in parts]) if has_duration else None,
    )


def _from_table(table: Any, columns: Collection[str] | None) -> Rows:
    found = {
        name: from_arrow(table.column(_stored_name(name)))
        for name in own_columns(table.column_names)
        if columns is None or name in columns
    }
    return Rows(
        time_ns=from_arrow(table.column(TIME)).values.astype(np.int64, copy=False),
        id=texts(table.column(ID)),
        row=table.column(ROW).to_numpy(),
        of=table.column(OF).to_numpy(),
        columns=found,
        label=from_arrow(table.column(LABEL)) if LABEL in table.column_names else None,
        inclusion=table.column(INCLUSION).to_numpy() if INCLUSION in table.column_names else None,
        trace=table.column(TRACE).to_numpy().astype(object, copy=False) if TRACE in table.column_names else None,
        duration_ns=table.column(DURATION).to_numpy() if DURATION in table.column_names else None,
    )


def _inclusion(rows: Rows) -> Any:
    return np.ones(len(rows)) if rows.inclusion is None else rows.inclusion


def _trace(rows: Rows) -> Any:
    return np.full(len(rows), None, object) if rows.trace is None else rows.trace


def _duration(rows: Rows) -> Any:
    return np.full(len(rows), UNTIMED, np.int64) if rows.duration_ns is None else rows.duration_ns


def _stored_name(name: str) -> str:
    return OWN + name if name.startswith(RESERVED) else name

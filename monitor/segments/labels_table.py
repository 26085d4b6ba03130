"""Labels as an Arrow table. `registered` is the segment that a compacted label came with: the order in which labels count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from monitor.ports import CAME_UNKNOWN_NS, Labels

PREDICTION_ID, TIME, VALUE, REGISTERED, CAME = "prediction_id", "time_ns", "value", "registered", "came_ns"
KNOWN = "known_ns"
"""Only in files of which some label says it."""
SPELLING = b"outrider.values"
"""Metadata: `json` where the values of one file are of several types and each is spelled as JSON, else `native`."""


def to_table(labels: Labels, registered: npt.NDArray[np.int64] | None = None) -> tuple[Any, dict[bytes, bytes]]:
    """The table and the metadata of its file."""
    values, spelling = _spelled(labels.value.tolist())
    columns = {
        PREDICTION_ID: pa.array(labels.id, pa.string()),
        TIME: pa.array(labels.time_ns, pa.int64()),
        VALUE: values,
        REGISTERED: pa.nulls(len(labels), pa.int64()) if registered is None else pa.array(registered, pa.int64()),
        CAME: pa.nulls(len(labels), pa.int64()) if labels.came_ns is None else pa.array(labels.came_ns, pa.int64()),
    }
    if labels.known_ns is not None and (labels.known_ns != CAME_UNKNOWN_NS).any():
        columns[KNOWN] = pa.array(labels.known_ns, pa.int64())
    return pa.table(columns), {SPELLING: spelling}


def from_tables(tables: Sequence[Any], ids: Sequence[int]) -> tuple[Labels, npt.NDArray[np.int64]]:
    """The latest label of each prediction, by order of registration, in order of time; and when each was registered.

    `ids` are those of the segments that the tables came from.
    """
    parts = [_from_table(table, own) for table, own in zip(tables, ids, strict=True)]
    names = np.concatenate([np.empty(0, object), *(labels.id for labels, _ in parts)])
    values = np.concatenate([np.empty(0, object), *(labels.value for labels, _ in parts)])
    times = np.concatenate([np.empty(0, np.int64), *(labels.time_ns for labels, _ in parts)])
    registered = np.concatenate([np.empty(0, np.int64), *(order for _, order in parts)])
    came = np.concatenate([np.empty(0, np.int64), *(_or_unknown(labels.came_ns, labels) for labels, _ in parts)])
    known = np.concatenate([np.empty(0, np.int64), *(_or_unknown(labels.known_ns, labels) for labels, _ in parts)])
    in_order = np.argsort(registered, kind="stable")
    latest = dict(zip(names[in_order].tolist(), in_order.tolist(), strict=True))
    kept = np.fromiter(latest.values(), np.int64, len(latest))
    kept = kept[np.argsort(times[kept], kind="stable")]
    told = known[kept] if any(labels.known_ns is not None for labels, _ in parts) else None
    return Labels(names[kept], values[kept], times[kept], came[kept], told), registered[kept]


def _or_unknown(times: npt.NDArray[np.int64] | None, labels: Labels) -> npt.NDArray[np.int64]:
    return np.full(len(labels), CAME_UNKNOWN_NS) if times is None else times


def _from_table(table: Any, own: int) -> tuple[Labels, npt.NDArray[np.int64]]:
    value = np.empty(len(table), object)
    value[:] = table.column(VALUE).to_pylist()
    if (table.schema.metadata or {}).get(SPELLING) == b"json":
        value[:] = [json.loads(text) for text in value]
    name = np.empty(len(table), object)
    name[:] = table.column(PREDICTION_ID).to_pylist()
    registered = table.column(REGISTERED).combine_chunks().fill_null(own)
    order = registered.to_numpy() if len(table) else np.empty(0, np.int64)
    # A file of a release before has no such columns.
    came, known = (
        pc.fill_null(table.column(one), CAME_UNKNOWN_NS).to_numpy() if one in table.column_names else None
        for one in (CAME, KNOWN)
    )
    return Labels(name, value, table.column(TIME).to_numpy(), came, known), order


def _spelled(values: list[Any]) -> tuple[Any, bytes]:
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= {bool, float, str}:
        return pa.array(values), b"native"
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64()), b"native"
    if not kinds <= {bool, int, float, str}:
        strange = next(kind.__name__ for kind in kinds - {bool, int, float, str})
        raise TypeError(f"a label of {strange} is none of int, float, bool and str")
    return pa.array([json.dumps(value) for value in values], pa.string()), b"json"

"""A prediction record's tensors as columns of rows: how shapes become names. Pure.

A tensor of shape [n] or [n, 1] is the column of its name; [n, k] the columns `x_0` … `x_{k-1}`, unless the declaration
names them or says `vector`; higher ranks and wide tensors (over COLUMNS_MAX) stay vectors, flattened.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from collectors.records.types import ITEM_BYTES, Prediction, Tensor
from monitor.definitions import MonitoredModel
from monitor.tiles.rows import UNTIMED, Array, Column, Rows

STATUS = "status"
"""The column of a failed exchange: the HTTP status, or what stands for it."""
COLUMNS_MAX = 512
"""Columns that one undeclared tensor may become; a wider one is an embedding or an image and stays a vector."""

TRACEPARENT_PARTS = 4
"""Version, trace id, parent id, flags: W3C trace context."""

_DTYPES: dict[str, str] = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "BF16": "<u2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def fault_of(prediction: Prediction) -> str | None:
    """Why a prediction's tensors cannot become columns: data that its shape does not account for."""
    for tensor in (*prediction.inputs, *prediction.outputs):
        size = prod(tensor.shape)
        found = len(tensor.items) if tensor.datatype == "BYTES" else len(tensor.data) / ITEM_BYTES[tensor.datatype]
        if found != size or any(not 0 <= i < size for i in tensor.missing):
            return f"tensor {tensor.name!r}: {found:g} elements, its shape has {size}"
    return None


def values_of(tensor: Tensor) -> Array:
    """Flat values of a sound tensor: bool, int64, float64, or object of str."""
    if tensor.datatype == "BYTES":
        values = np.empty(len(tensor.items), dtype=object)
        values[:] = [i if isinstance(i, str) else i.decode("utf-8", "backslashreplace") for i in tensor.items]
        return values
    raw = np.frombuffer(tensor.data, dtype=_DTYPES[tensor.datatype])
    if tensor.datatype == "BF16":
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if raw.dtype.kind == "b":
        return raw
    if raw.dtype.kind == "f" or raw.dtype == np.dtype("<u8"):
        return raw.astype(np.float64)
    return raw.astype(np.int64)


def columns_of(tensor: Tensor, rows: int, model: MonitoredModel | None) -> dict[str, Column]:
    """The columns of one sound tensor whose first axis has `rows` entries."""
    values = values_of(tensor)
    width = len(values) // rows
    missing = None
    if tensor.missing:
        missing = np.zeros(len(values), np.bool_)
        missing[list(tensor.missing)] = True
    declared = model.tensors.get(tensor.name) if model is not None else None
    vector = declared == "vector" or (model is not None and model.kind_of(tensor.name) == "vector")
    named = declared if isinstance(declared, tuple) and len(declared) == width else None
    if width == 1 and not vector and named is None:
        return {tensor.name: Column(values, missing)}
    grid = values.reshape(rows, width)
    masks = None if missing is None else missing.reshape(rows, width)
    if named is None and (vector or len(tensor.shape) > 2 or width > COLUMNS_MAX):
        if values.dtype.kind == "O":
            return {}
        rows_missing = None if masks is None else np.asarray(masks.any(axis=1), np.bool_)
        return {tensor.name: Column(grid.astype(np.float32), rows_missing)}
    columns = {}
    for i, name in enumerate(named or [f"{tensor.name}_{i}" for i in range(width)]):
        mask = masks[:, i].copy() if masks is not None and masks[:, i].any() else None
        columns[name] = Column(np.ascontiguousarray(grid[:, i]), mask)
    return columns


def rows_of(predictions: Sequence[Prediction], model: MonitoredModel | None) -> Rows:
    """All predictions of some sound exchanges (`fault_of` is None) of one model and version as rows.

    Row i of an exchange is i nanoseconds after the exchange's own time: rows have an order, and a cut by rows one place.
    """
    alike: dict[object, list[Prediction]] = {}
    for prediction in predictions:
        alike.setdefault(_signature(prediction), []).append(prediction)
    ordered = [p for group in alike.values() for p in group]
    parts = [_columns_of_alike(group, model) for group in alike.values()]
    sizes = [sum(p.rows for p in group) for group in alike.values()]
    names = list(dict.fromkeys(name for part in parts for name in part))
    counts = np.array([p.rows for p in ordered], np.int32)
    ids = np.empty(len(ordered), dtype=object)
    ids[:] = [p.id for p in ordered]
    row = (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.int32)
    return Rows(
        time_ns=np.repeat(np.array([p.time_ns for p in ordered], np.int64), counts) + row,
        id=np.repeat(ids, counts),
        row=row,
        of=np.repeat(counts, counts),
        columns={name: concatenated([part.get(name) for part in parts], sizes) for name in names},
        inclusion=np.repeat(np.array([p.inclusion for p in ordered], np.float64), counts),
        trace=np.repeat(_traces(ordered), counts) if any(p.trace for p in ordered) else None,
        duration_ns=np.repeat(_durations(ordered), counts) if any(p.duration_ns is not None for p in ordered) else None,
    )


def failures_of(predictions: Sequence[Prediction]) -> Rows:
    """Exchanges that the server refused, one row each with the status: they have no predictions."""
    ids = np.empty(len(predictions), dtype=object)
    ids[:] = [p.id for p in predictions]
    return Rows(
        time_ns=np.array([p.time_ns for p in predictions], np.int64),
        id=ids,
        row=np.zeros(len(predictions), np.int32),
        of=np.ones(len(predictions), np.int32),
        columns={STATUS: Column(np.array([p.status for p in predictions], np.int64))},
        inclusion=np.array([p.inclusion for p in predictions], np.float64),
        trace=_traces(predictions),
        duration_ns=_durations(predictions),
    )


def _traces(predictions: Sequence[Prediction]) -> npt.NDArray[np.object_]:
    return np.array([None if p.trace is None else trace_id(p.trace) for p in predictions], object)


def trace_id(trace: str) -> str:
    """What all calls of a request have in common: of a `traceparent` its second part, for each call has a span of its own.

    >>> trace_id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    parts = trace.split("-")
    return parts[1] if len(parts) == TRACEPARENT_PARTS else trace


def _durations(predictions: Sequence[Prediction]) -> npt.NDArray[np.int64]:
    return np.array([UNTIMED if p.duration_ns is None else p.duration_ns for p in predictions], np.int64)


def _by_row(tensor: Tensor, prediction: Prediction) -> bool:
    return (tensor.shape[0] if tensor.shape else 1) == prediction.rows


def _signature(prediction: Prediction) -> object:
    """Exchanges of one signature have the same columns, so their tensors may be joined before they are read."""
    tensors = (*prediction.inputs, *prediction.outputs)
    return tuple((t.name, t.datatype, t.shape[1:], _by_row(t, prediction)) for t in tensors)


def _columns_of_alike(group: Sequence[Prediction], model: MonitoredModel | None) -> dict[str, Column]:
    rows = sum(p.rows for p in group)
    columns: dict[str, Column] = {}
    for tensors in zip(*((*p.inputs, *p.outputs) for p in group), strict=True):
        if _by_row(tensors[0], group[0]):
            for name, column in columns_of(_joined(tensors), rows, model).items():
                # An output that bears an input's name keeps it apart, as `name:output`.
                columns[f"{name}:output" if name in columns else name] = column
    return columns


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor of several along the first axis."""
    missing: list[int] = []
    at = 0
    for tensor in tensors:
        missing.extend(at + i for i in tensor.missing)
        at += prod(tensor.shape)
    return Tensor(
        name=tensors[0].name,
        shape=(sum(t.shape[0] if t.shape else 1 for t in tensors), *tensors[0].shape[1:]),
        datatype=tensors[0].datatype,
        data=b"".join(t.data for t in tensors),
        items=tuple(item for t in tensors for item in t.items),
        missing=tuple(missing),
    )


def concatenated(parts: Sequence[Column | None], counts: Sequence[int]) -> Column:
    """One column of several parts; a part that lacks it is missing there. Types widen: bool → int64 → float64 → text."""
    present = [p for p in parts if p is not None]
    if any(p.values.ndim == 2 for p in present):
        return _concatenated_vectors(parts, counts)
    kinds = {p.values.dtype.kind for p in present}
    kind = next((k for k in "Ofi" if k in kinds), "b")
    widest = {"O": np.dtype(object), "f": np.dtype(np.float64), "i": np.dtype(np.int64), "b": np.dtype(np.bool_)}
    values = np.zeros(sum(counts), widest[kind])
    missing = np.zeros(sum(counts), np.bool_)
    at = 0
    for part, count in zip(parts, counts, strict=True):
        if part is None:
            missing[at : at + count] = True
        else:
            spelled = kind == "O" and part.values.dtype.kind != "O"
            values[at : at + count] = part.values.astype(str).astype(object) if spelled else part.values
            if part.missing is not None:
                missing[at : at + count] = part.missing
        at += count
    return Column(values, missing if missing.any() else None)


def _concatenated_vectors(parts: Sequence[Column | None], counts: Sequence[int]) -> Column:
    width = max(p.values.shape[1] for p in parts if p is not None and p.values.ndim == 2)
    values = np.zeros((sum(counts), width), np.float32)
    missing = np.ones(sum(counts), np.bool_)
    at = 0
    for part, count in zip(parts, counts, strict=True):
        if part is not None and part.values.ndim == 2 and part.values.shape[1] == width:
            values[at : at + count] = part.values
            missing[at : at + count] = False if part.missing is None else part.missing
        at += count
    return Column(values, missing if missing.any() else None)

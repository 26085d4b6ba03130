"""A prediction record's tensors as columns of rows: how shapes become names. Pure.

A tensor of shape [n] or [n, 1] is the column of its name; [n, k] the columns `x_0` … `x_{k-1}`, unless the declaration
names them or says `vector`; higher ranks and wide tensors (over COLUMNS_MAX) stay vectors, flattened.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from collectors.records.types import Prediction, Tensor
from monitor.definitions import MonitoredModel
from monitor.tiles.rows import Array, Column, Rows

COLUMNS_MAX = 512
"""Columns that one undeclared tensor may become; a wider one is an embedding or an image and stays a vector."""

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


def values_of(tensor: Tensor) -> Array:
    """Flat values: bool, int64, float64, or object of str. Raises ValueError where data and shape disagree."""
    size = prod(tensor.shape)
    if tensor.datatype == "BYTES":
        if len(tensor.items) != size:
            raise ValueError(f"tensor {tensor.name!r}: {len(tensor.items)} elements, its shape has {size}")
        texts = [i if isinstance(i, str) else i.decode("utf-8", "backslashreplace") for i in tensor.items]
        values = np.empty(size, dtype=object)
        values[:] = texts
        return values
    raw = np.frombuffer(tensor.data, dtype=_DTYPES[tensor.datatype])
    if len(raw) != size:
        raise ValueError(f"tensor {tensor.name!r}: {len(raw)} elements, its shape has {size}")
    if tensor.datatype == "BF16":
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if raw.dtype.kind == "b":
        return raw
    if raw.dtype.kind == "f" or raw.dtype == np.dtype("<u8"):
        return raw.astype(np.float64)
    return raw.astype(np.int64)


def columns_of(tensor: Tensor, rows: int, model: MonitoredModel | None) -> dict[str, Column]:
    """The columns of one tensor whose first axis is the rows; none where it is not."""
    values = values_of(tensor)
    missing = None
    if tensor.missing:
        missing = np.zeros(len(values), np.bool_)
        missing[list(tensor.missing)] = True
    first = tensor.shape[0] if tensor.shape else 1
    if first != rows or rows == 0:
        return {}
    width = len(values) // rows
    declared = model.tensors.get(tensor.name) if model is not None else None
    vector = declared == "vector" or (model is not None and model.kind_of(tensor.name) == "vector")
    if width == 1 and not vector and not isinstance(declared, tuple):
        return {tensor.name: Column(values, missing)}
    grid = values.reshape(rows, width)
    if (vector or len(tensor.shape) > 2 or width > COLUMNS_MAX) and not isinstance(declared, tuple):  # noqa: PLR2004
        if values.dtype == object:
            return {}
        return {
            tensor.name: Column(
                grid.astype(np.float32), None if missing is None else missing.reshape(rows, width).any(1)
            )
        }
    names = (
        declared
        if isinstance(declared, tuple) and len(declared) == width
        else [f"{tensor.name}_{i}" for i in range(width)]
    )
    masks = None if missing is None else missing.reshape(rows, width)
    return {
        name: Column(
            np.ascontiguousarray(grid[:, i]), None if masks is None or not masks[:, i].any() else masks[:, i].copy()
        )
        for i, name in enumerate(names)
    }


def rows_of(predictions: Sequence[Prediction], model: MonitoredModel | None) -> Rows:
    """All predictions of some exchanges of one model and version as rows.

    Row i of an exchange is i nanoseconds after the exchange's own time: rows have an order, and a cut by rows one place.
    """
    times = [p.time_ns + np.arange(p.rows, dtype=np.int64) for p in predictions]
    counts = [p.rows for p in predictions]
    parts = [_columns_of_exchange(p, model) for p in predictions]
    names = list(dict.fromkeys(name for part in parts for name in part))
    ids = np.empty(len(predictions), dtype=object)
    ids[:] = [p.id for p in predictions]
    return Rows(
        time_ns=np.concatenate(times) if times else np.empty(0, np.int64),
        id=np.repeat(ids, counts),
        row=np.concatenate([np.arange(n, dtype=np.int32) for n in counts]) if counts else np.empty(0, np.int32),
        of=np.repeat(np.array(counts, np.int32), counts),
        columns={name: concatenated([part.get(name) for part in parts], counts) for name in names},
        inclusion=np.repeat(np.array([p.inclusion for p in predictions], np.float64), counts),
    )


def _columns_of_exchange(prediction: Prediction, model: MonitoredModel | None) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for tensor in (*prediction.inputs, *prediction.outputs):
        for name, column in columns_of(tensor, prediction.rows, model).items():
            # An output that bears an input's name keeps it apart, as `name:output`.
            columns[f"{name}:output" if name in columns else name] = column
    return columns


def concatenated(parts: Sequence[Column | None], counts: Sequence[int]) -> Column:
    """One column of several parts; a part that lacks it is missing there. Types widen: bool → int64 → float64 → text."""
    present = [p for p in parts if p is not None]
    kinds = {p.values.dtype.kind for p in present}
    if any(p.values.ndim == 2 for p in present):  # noqa: PLR2004
        return _concatenated_vectors(parts, counts)
    if "O" in kinds:
        dtype: np.dtype[np.generic] = np.dtype(object)
    elif "f" in kinds:
        dtype = np.dtype(np.float64)
    elif "i" in kinds:
        dtype = np.dtype(np.int64)
    else:
        dtype = np.dtype(np.bool_)
    values = np.zeros(sum(counts), dtype)
    missing = np.zeros(sum(counts), np.bool_)
    at = 0
    for part, count in zip(parts, counts, strict=True):
        if part is None:
            missing[at : at + count] = True
        else:
            values[at : at + count] = (
                part.values.astype(str).astype(object)
                if dtype == object and part.values.dtype != object
                else part.values
            )
            if part.missing is not None:
                missing[at : at + count] = part.missing
        at += count
    return Column(values, missing if missing.any() else None)


def _concatenated_vectors(parts: Sequence[Column | None], counts: Sequence[int]) -> Column:
    width = max(p.values.shape[1] for p in parts if p is not None and p.values.ndim == 2)  # noqa: PLR2004
    values = np.zeros((sum(counts), width), np.float32)
    missing = np.ones(sum(counts), np.bool_)
    at = 0
    for part, count in zip(parts, counts, strict=True):
        if part is not None and part.values.ndim == 2 and part.values.shape[1] == width:  # noqa: PLR2004
            values[at : at + count] = part.values
            missing[at : at + count] = False if part.missing is None else part.missing
        at += count
    return Column(values, missing if missing.any() else None)

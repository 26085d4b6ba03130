"""One column, between memory (`Column`) and Arrow, and the columns of several segments as one.

| Column            | Arrow                        |
|-------------------|------------------------------|
| float64           | double                       |
| int64             | int64                        |
| bool              | bool                         |
| object of str     | dictionary of strings        |
| float32 [n, k]    | fixed size list of k floats  |

A missing value is a null; a NaN stays a NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collectors.records.categories import canonical_category
from monitor.tiles.rows import Array, Coding, Column


def to_arrow(column: Column) -> Any:
    """The Arrow array of a column. Raises TypeError where its values are of no known kind."""
    values, missing = column.values, column.missing
    if values.ndim == 2 and values.shape[1] == 0:  # a tensor of shape [n, 3, 0] holds nothing to keep
        return pa.nulls(len(values), pa.float64())
    if values.ndim == 2:
        flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
        mask = None if missing is None else pa.array(missing)
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=mask)
    if values.dtype.kind == "f":
        return pa.array(values.astype(np.float64, copy=False), pa.float64(), mask=missing, from_pandas=False)
    if values.dtype.kind in "iu":
        return pa.array(values.astype(np.int64, copy=False), pa.int64(), mask=missing)
    if values.dtype.kind == "b":
        return pa.array(values, pa.bool_(), mask=missing)
    if values.dtype.kind in "OU":
        return pa.array(values.astype(object, copy=False), pa.string(), mask=missing).dictionary_encode()
    raise TypeError(f"a column of {values.dtype} is none of float64, int64, bool, text and vector")


def from_arrow(array: Any) -> Column:
    """The column of a chunked Arrow array that `to_arrow` made, in one or many pieces."""
    if pa.types.is_dictionary(array.type) or pa.types.is_string(array.type):
        return _texts(array)
    # One piece is looked at where it lies; joining it to itself would copy it.
    array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # of no chunks
        array = pa.array([], array.type)
    missing = _nulls(array)
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        flat = array.values.slice(array.offset * size, len(array) * size)
        return Column(np.array(pc.fill_null(flat, 0.0)).reshape(len(array), size), missing)
    if array.null_count:
        array = pc.fill_null(array, {"double": float("nan"), "int64": 0, "bool": False}[str(array.type)])
    return Column(array.to_numpy(zero_copy_only=False), missing)


def texts(array: Any) -> npt.NDArray[np.object_]:
    """Texts that hardly ever repeat (ids), as they are."""
    if pa.types.is_dictionary(array.type):
        return _texts(array).values.astype(object, copy=False)
    found: npt.NDArray[np.object_] = array.to_numpy(zero_copy_only=False).astype(object, copy=False)
    return found


def _texts(array: Any) -> Column:
    """The codes, with one Python text per distinct value; a text for each row only where somebody asks for it."""
    if pa.types.is_string(array.type):
        array = array.dictionary_encode()
    coded = array.chunk(0) if array.num_chunks == 1 else array.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # of no chunks
        return Column(np.empty(0, object))
    missing = _nulls(coded)
    names = coded.dictionary.to_pylist()
    codes = coded.indices if missing is None else pc.fill_null(coded.indices, len(names))
    numbered = codes.to_numpy(zero_copy_only=False)
    if None in names:  # a dictionary may hold a null of its own
        values = np.array([*names, None], object).take(numbered)
        missing = values == None  # noqa: E711  # by element
        return Column(np.where(missing, "", values), missing)
    return Column(None, missing, Coding(numbered, tuple(names)))


def _nulls(array: Any) -> npt.NDArray[np.bool_] | None:
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None


def all_missing(n: int) -> Column:
    return Column(np.full(n, np.nan), np.ones(n, np.bool_))


def joined(parts: Sequence[tuple[Column | None, int]]) -> Column:
    """Columns of one name from several segments, one after the other; None with a length where a segment lacks it.

    Whole numbers give way to fractions and every scalar to text (in the canonical form of a category, so that 17 and
    "17" stay the same). Where vectors meet scalars or vectors of another size, the kind of more rows is kept and the
    others are missing.
    """
    form = _common_form([part for part, _ in parts if part is not None and not _is_empty(part)])
    pieces = [_in_form(part, n, form) for part, n in parts]
    values = np.concatenate([values for values, _ in pieces])
    missing = np.concatenate([missing for _, missing in pieces])
    return Column(values, missing if missing.any() else None)


def _is_empty(column: Column) -> bool:
    return column.missing is not None and bool(column.missing.all())


def _common_form(columns: Sequence[Column]) -> str:
    """`v` and the size of a vector, else the kind of dtype: `b`, `i`, `f` or `O`."""
    rows: dict[str, int] = {}
    for column in columns:
        form = f"v{column.values.shape[1]}" if column.values.ndim == 2 else "s"
        rows[form] = rows.get(form, 0) + len(column)
    most = max(rows, key=lambda form: rows[form], default="s")
    if most != "s":
        return most
    kinds = {column.values.dtype.kind for column in columns if column.values.ndim == 1}
    return next((kind for kind in "Ofib" if kind in kinds), "f")


_DTYPES = {"b": np.bool_, "i": np.int64, "f": np.float64, "O": np.object_}


def _in_form(column: Column | None, n: int, form: str) -> tuple[Array, npt.NDArray[np.bool_]]:
    missing = np.ones(n, np.bool_)
    if form.startswith("v"):
        size = int(form[1:])
        if column is None or column.values.ndim != 2 or column.values.shape[1] != size:
            return np.zeros((n, size), np.float32), missing
    elif column is None or column.values.ndim == 2 or _is_empty(column):
        return np.full(n, "" if form == "O" else 0, _DTYPES[form]), missing
    missing = np.zeros(n, np.bool_) if column.missing is None else column.missing
    if form == "O" and column.values.dtype.kind != "O":
        return _as_texts(column.values, missing)
    return column.values if form.startswith("v") else column.values.astype(_DTYPES[form], copy=False), missing


def _as_texts(values: Array, missing: npt.NDArray[np.bool_]) -> tuple[Array, npt.NDArray[np.bool_]]:
    distinct, codes = np.unique(values, return_inverse=True)
    names = [canonical_category(value) for value in distinct.tolist()]
    texts = np.array([name or "" for name in names], object)[codes]
    return texts, missing | np.array([name is None for name in names], np.bool_)[codes]

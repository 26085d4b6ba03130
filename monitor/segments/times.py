"""Event times of a user's column as Unix nanoseconds: instants, ISO 8601 texts, or epoch numbers. What has no zone is UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import Fault, InvalidInput
from monitor.segments.inference import column_of_values, numbers_of_texts

_EPOCH_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (float("inf"), 1))
"""An epoch number below the limit counts the unit: 1e11 seconds are the year 5138, 1e11 milliseconds are 1973."""
_ZONED = r"[T ].*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
_EXPECTED = "ISO 8601 such as 2026-03-01T00:00:00Z, or epoch seconds, milliseconds, microseconds or nanoseconds"


def times_of(array: Any, where: str, *, textual: bool) -> npt.NDArray[np.int64]:
    """Raises InvalidInput that names the first row (from 1) without a usable time."""
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _instants(array, where)
    if pa.types.is_string(array.type):
        numbers = numbers_of_texts(array) if textual else None
        return _iso(array, where) if numbers is None else _epoch(array, numbers.values, numbers.missing, where)
    column = column_of_values(array)
    if column.values.ndim != 1 or column.values.dtype.kind not in "if":
        raise InvalidInput(Fault(where, f"a column of {array.type}", _EXPECTED))
    return _epoch(array, column.values, column.missing, where)


def _instants(array: Any, where: str) -> npt.NDArray[np.int64]:
    try:
        # With a zone or without, the stored number is UTC.
        nanoseconds = pc.cast(pc.cast(array, pa.timestamp("ns", getattr(array.type, "tz", None))), pa.int64())
    except pa.ArrowInvalid as error:
        raise InvalidInput(Fault(where, "times beyond 1677 to 2262", "times that nanoseconds can hold")) from error
    _refuse(array, array.is_null().to_numpy(), where)
    times: npt.NDArray[np.int64] = nanoseconds.to_numpy()
    return times


def _iso(array: Any, where: str) -> npt.NDArray[np.int64]:
    texts = pd.Series(array.to_numpy(zero_copy_only=False), dtype=object)
    # Apart: in one list, pandas takes a time without a zone to be in the zone of the one before it.
    zoned = texts.str.contains(_ZONED, na=False)
    parsed = pd.concat(
        [pd.to_datetime(part, utc=True, format="ISO8601", errors="coerce") for part in (texts[zoned], texts[~zoned])]
    )
    parsed = parsed.sort_index()
    _refuse(array, parsed.isna().to_numpy(), where)
    return np.asarray(parsed.dt.as_unit("ns").astype("int64"), np.int64)


def _epoch(
    array: Any, values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None, where: str
) -> npt.NDArray[np.int64]:
    largest = float(np.nanmax(np.abs(values[~missing] if missing is not None else values), initial=0.0))
    unit = next(unit for limit, unit in _EPOCH_UNITS if largest < limit or limit == float("inf"))
    bad = np.zeros(len(values), np.bool_) if missing is None else missing
    bad = bad | ~(np.abs(values.astype(np.float64)) * unit < 2.0**63)
    _refuse(array, bad, where)
    whole = values.astype(np.int64)
    times: npt.NDArray[np.int64] = whole * unit
    return times if values.dtype.kind == "i" else times + np.rint((values - whole) * unit).astype(np.int64)


def _refuse(array: Any, bad: npt.NDArray[np.bool_], where: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        found = repr(array[row].as_py())[:80] if array[row].is_valid else "nothing"
        more = f" (and {int(bad.sum()) - 1} more rows)" if bad.sum() > 1 else ""
        raise InvalidInput(Fault(f"{where}: row {row + 1}", found + more, _EXPECTED))

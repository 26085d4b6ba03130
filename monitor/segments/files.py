"""What users bring, as rows and labels: recorded predictions, baselines and ground truth from CSV, Parquet and JSON.

Rows count from 1 and a header is not a row. A file that cannot be used raises InvalidInput, which names it and the place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import Fault, InvalidInput
from monitor.ports import CAME_UNKNOWN_NS, Labels
from monitor.segments.inference import column_of_texts, column_of_values, texts_of
from monitor.segments.sheets import Sheet, sheet_of_body, sheet_of_file
from monitor.segments.times import times_of
from monitor.tiles.rows import Column, Rows

RATE_MIN, RATE_MAX = 1e-4, 1e9
"""Rows a second: from one in three hours (a million rows stay before 2262) to one a nanosecond."""
NAMES_SHOWN_MAX = 8
"""Columns that a fault lists beside the one that was not found."""


def read_rows(
    path: Path, *, time: str | None, id: str | None, rate: float | None = None, start_ns: int | None = None
) -> Rows:
    """The rows of a CSV (also gzipped), Parquet or JSON file, in the order of the file.

    Event times come from the column `time`, or are `rate` rows a second from `start_ns` on (default: 1970); with
    neither they count the rows in nanoseconds, which keeps the order. Prediction ids come from the column `id`
    where the file has it, else they are `row-1`, `row-2`, ... Every other column is a column of the rows.
    """
    return _rows(sheet_of_file(path), time, id, rate, start_ns)


def rows_from_bytes(
    data: bytes,
    media_type: str,
    name: str,
    *,
    time: str | None = None,
    id: str | None = None,
    rate: float | None = None,
    start_ns: int | None = None,
) -> Rows:
    """As `read_rows`, from a request body called `name`: JSON, NDJSON, CSV or Parquet by its media type, bounded."""
    return _rows(sheet_of_body(data, media_type, name), time, id, rate, start_ns)


def read_labels(path: Path, id_column: str, label_column: str, time: str | None = None) -> Labels:
    """Labels (int, float, bool or str) of a file by prediction id, their predictions not yet looked for; rows without a label are left out.

    `time`: the column that says when each was known; a row may have none.
    """
    return _labels(sheet_of_file(path), id_column, label_column, time)


def labels_from_bytes(
    data: bytes, media_type: str, name: str, id_column: str, label_column: str, time: str | None, *, demanded: bool
) -> Labels:
    """As `read_labels`, from a request body called `name`, which need not have the `time` column unless it is demanded."""
    sheet = sheet_of_body(data, media_type, name)
    return _labels(sheet, id_column, label_column, time if demanded or time in sheet.columns else None)


def _rows(sheet: Sheet, time: str | None, id: str | None, rate: float | None, start_ns: int | None) -> Rows:
    if time is not None and rate is not None:
        raise InvalidInput(Fault(sheet.source, "a time column and a rate", "one of them"))
    n = len(sheet)
    if time is not None:
        times = times_of(_column(sheet, time), f"{sheet.source}: {time}", textual=sheet.textual)
    elif rate is not None:
        times = _paced(n, rate, start_ns or 0, sheet.source)
    else:
        times = np.arange(n, dtype=np.int64) + (start_ns or 0)
    own = {time, id}
    columns = {name: _typed(sheet, array) for name, array in sheet.columns.items() if name not in own}
    return Rows(
        time_ns=times,
        id=_ids(sheet, id),
        row=np.zeros(n, np.int32),
        of=np.ones(n, np.int32),
        columns=columns,
    )


def _labels(sheet: Sheet, id_column: str, label_column: str, time: str | None) -> Labels:
    ids = texts_of(_column(sheet, id_column))
    for row, found in enumerate(ids, 1):
        if found is None:
            raise InvalidInput(Fault(f"{sheet.source}: {id_column}: row {row}", "nothing", "a prediction id"))
    values = _typed(sheet, _column(sheet, label_column))
    if values.values.ndim != 1:
        raise InvalidInput(Fault(f"{sheet.source}: {label_column}", "lists", "one value a row"))
    known = np.ones(len(ids), np.bool_) if values.missing is None else ~values.missing
    if values.values.dtype.kind == "f":
        known &= ~np.isnan(values.values)
    known_ns = None if time is None else _known(sheet, time)
    # `tolist` gives Python's own int, float, bool and str.
    plain = np.array(values.values.tolist(), object)
    labels = Labels(np.array(ids, object), plain, np.zeros(len(ids), np.int64), None, known_ns)
    return labels.take(known)


def _known(sheet: Sheet, time: str) -> npt.NDArray[np.int64]:
    """When each label was known; CAME_UNKNOWN_NS of a row that does not say."""
    array = _column(sheet, time)
    if pa.types.is_null(array.type):
        return np.full(len(array), CAME_UNKNOWN_NS)
    if sheet.textual:
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
    said = pc.is_valid(array).to_numpy(zero_copy_only=False)
    if not said.any():
        return np.full(len(array), CAME_UNKNOWN_NS)
    # Rows that do not say take a time of one that does, so that a fault names its own row.
    times = times_of(pc.fill_null(array, array[int(np.argmax(said))]), f"{sheet.source}: {time}", textual=sheet.textual)
    return np.where(said, times, CAME_UNKNOWN_NS)


def _column(sheet: Sheet, name: str) -> Any:
    if name not in sheet.columns:
        shown = ", ".join(list(sheet.columns)[:NAMES_SHOWN_MAX])
        more = ", ..." if len(sheet.columns) > NAMES_SHOWN_MAX else ""
        raise InvalidInput(Fault(sheet.source, f"no column {name!r} (but {shown}{more})", f"a column {name!r}"))
    return sheet.columns[name]


def _typed(sheet: Sheet, array: Any) -> Column:
    return column_of_texts(array) if sheet.textual else column_of_values(array)


def _ids(sheet: Sheet, name: str | None) -> npt.NDArray[np.object_]:
    found = texts_of(sheet.columns[name]) if name in sheet.columns else [None] * len(sheet)
    return np.array([f"row-{i}" if text is None else text for i, text in enumerate(found, 1)], object)


def _paced(n: int, rate: float, start_ns: int, source: str) -> npt.NDArray[np.int64]:
    """Exact for whole rates: row i happens at floor(i / rate)."""
    if not RATE_MIN <= rate <= RATE_MAX:
        raise InvalidInput(Fault(source, f"a rate of {rate}", f"{RATE_MIN:g} to {RATE_MAX:g} rows a second"))
    index = np.arange(n, dtype=np.int64)
    if float(rate).is_integer():
        seconds, rest = np.divmod(index, int(rate))
        return np.asarray(start_ns + seconds * 10**9 + rest * 10**9 // int(rate), np.int64)
    offsets = index / rate
    whole = np.floor(offsets)
    times: npt.NDArray[np.int64] = start_ns + whole.astype(np.int64) * 10**9
    return times + np.rint((offsets - whole) * 1e9).astype(np.int64)

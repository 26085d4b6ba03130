"""Rows as a user's table, the other way round of `files`: what `outrider compare` and `backfill` read again."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.segments.columns import to_arrow
from monitor.tiles.rows import Rows

TIME_COLUMN = "event_time"


def rows_to_parquet(rows: Rows, id_column: str | None) -> bytes:
    """A Parquet file of the rows' own columns; with `id_column` also each prediction's id and event time, where these
    names are free."""
    arrays = {name: to_arrow(column) for name, column in rows.columns.items()}
    if id_column is not None:
        arrays.setdefault(id_column, pa.array(rows.prediction_ids(), pa.string()))
        arrays.setdefault(TIME_COLUMN, pa.array(rows.time_ns, pa.timestamp("ns", tz="UTC")))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow is untyped

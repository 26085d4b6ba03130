"""Our own Parquet files: what is in them, and how small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.segments.parquet import SMALL_ROWS_MAX, read_table, write_table

ROWS = 4 * SMALL_ROWS_MAX


def table(rows: int) -> pa.Table:
    rng = np.random.default_rng(8)
    odd = rng.normal(size=rows)
    odd[:3] = np.nan, np.inf, -0.0
    return pa.table(
        {
            "outrider.fraction": pa.array(odd, from_pandas=False, mask=np.arange(rows) == 4),
            "rounded": rng.integers(0, 20, rows) / 4,
            "absent": pa.nulls(rows, pa.float64()),
            "name": pa.array(rng.choice(["a", "b"], rows)).dictionary_encode(),
            "vector": pa.FixedSizeListArray.from_arrays(rng.normal(size=2 * rows).astype(np.float32), 2),
        }
    )


@pytest.mark.parametrize("rows", [3, SMALL_ROWS_MAX, ROWS])
def test_what_is_written_is_read(tmp_path: Path, rows: int) -> None:
    """Bit for bit, NaN, infinities and the sign of zero included, whatever the encoding."""
    written = table(rows)
    write_table(tmp_path / "t.parquet", written)
    found = read_table(tmp_path / "t.parquet")
    assert found.column_names == written.column_names
    fraction = [
        t.column("outrider.fraction").combine_chunks().fill_null(7.0).to_numpy().tobytes() for t in (found, written)
    ]
    assert fraction[0] == fraction[1]
    assert found.drop_columns("outrider.fraction").equals(written.drop_columns("outrider.fraction"))


def test_fractions_that_hardly_repeat_have_no_dictionary(tmp_path: Path) -> None:
    """It would hold each of them once more; what repeats keeps one."""
    write_table(tmp_path / "t.parquet", table(ROWS))
    group = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0)
    encodings = {group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)}
    assert "BYTE_STREAM_SPLIT" in encodings["outrider.fraction"]
    assert not any("DICTIONARY" in e for e in encodings["outrider.fraction"])
    assert any("DICTIONARY" in e for e in encodings["rounded"])
    assert any("DICTIONARY" in e for e in encodings["name"])
    plain = tmp_path / "plain.parquet"
    pq.write_table(table(ROWS), plain, compression="zstd", compression_level=1)
    assert (tmp_path / "t.parquet").stat().st_size < 0.95 * plain.stat().st_size

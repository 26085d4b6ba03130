"""Parquet files of our own: written durably with the version of their format, read back or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.errors import Unavailable
from monitor.segments.paths import write_whole

FORMAT = b"outrider.format"
VERSION = 1
SMALL_ROWS_MAX = 1_000
"""A file of so few rows is not compressed and is read by one thread: 50 rows of 20 columns take the same 13 kB either way,
and a window made of hundreds of such files is read in a third of the time. Compaction compresses them."""
ZSTD_LEVEL = 1
"""Level 3 saves 3 % of census rows and takes twice the time."""

SAMPLED_ROWS = 1_000
"""First rows of a column that say whether its values repeat."""


def write_table(path: Path, table: Any, metadata: Mapping[bytes, bytes] | None = None) -> None:
    known = {FORMAT: str(VERSION).encode(), **(metadata or {})}
    table = table.replace_schema_metadata(known)
    options: dict[str, Any] = {"compression": "none"}
    if len(table) > SMALL_ROWS_MAX:
        options = {"compression": "zstd", "compression_level": ZSTD_LEVEL}
        if split := _unrepeated(table):
            options["use_dictionary"] = [name for name in table.column_names if name not in split]
            options["column_encoding"] = dict.fromkeys(split, "BYTE_STREAM_SPLIT")
    write_whole(path, lambda temporary: pq.write_table(table, temporary, **options))


def _unrepeated(table: Any) -> list[str]:
    """Columns of fractions that hardly ever repeat, to go by their first rows: a dictionary of them is all of them once more.

    Their bytes are stored by place, all first ones, all second ones: so what they have in common compresses.
    """
    fractions = [field.name for field in table.schema if pa.types.is_float64(field.type)]
    return [
        name
        for name in fractions
        if pc.count_distinct(table.column(name).slice(0, SAMPLED_ROWS)).as_py() > SAMPLED_ROWS // 2
    ]


def read_table(path: Path, columns: Sequence[str] | None = None) -> Any:
    """The table in a file of ours. Raises Unavailable where it is absent, damaged, or of a newer format."""
    with _opened(path) as file:
        return file.read(
            columns=None if columns is None else list(columns), use_threads=file.metadata.num_rows > SMALL_ROWS_MAX
        )


def read_names(path: Path) -> list[str]:
    """The names of the table's columns, without its rows. Raises as `read_table`."""
    with _opened(path) as file:
        return list(file.schema_arrow.names)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            _check(path, (file.metadata.metadata or {}).get(FORMAT))
            yield file
    except FileNotFoundError as error:
        raise Unavailable("segment", f"{path.name} is absent") from error
    except (pa.ArrowException, OSError) as error:
        raise Unavailable("segment", f"{path.name} is damaged ({error})") from error


def _check(path: Path, found: bytes | None) -> None:
    if found != str(VERSION).encode():
        shown = "no format" if found is None else f"format {found.decode('utf-8', 'replace')}"
        raise Unavailable("segment", f"{path.name} has {shown}, this version reads {VERSION}")

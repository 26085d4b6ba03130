"""DuckDB over Parquet files: a connection a query, with nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from monitor.errors import Unavailable

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # DuckDB would otherwise fetch extensions from its maker's server when a query names one.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
    # Nothing is spilled: a query that needs more than a gigabyte fails, and no rows end up in a folder that nobody named.
    "temp_directory": "",
}


def query(
    sql: str, values: Sequence[Any], tables: Mapping[str, Any] | None = None, *, of_older: str | None = None
) -> list[tuple[Any, ...]]:
    """All rows of one query; `tables` are Arrow tables that it may name. Raises Unavailable where a file cannot be read.

    `of_older`: the query where some files were written before a column was, dearer because it looks at each first.
    """
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        for name, table in (tables or {}).items():
            connection.register(name, table)
        try:
            try:
                rows: list[tuple[Any, ...]] = connection.execute(sql, list(values)).fetchall()
            except (duckdb.BinderException, duckdb.InvalidInputException):
                if of_older is None:
                    raise
                rows = connection.execute(of_older, list(values)).fetchall()
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.OutOfMemoryException) as error:
            raise Unavailable("segments", str(error).splitlines()[0]) from error
        return rows


def literal_path(path: Path) -> str:
    """The path as DuckDB takes it for this one file: `[`, `*` and `?` of a folder's name are no patterns."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path))

"""Small statements that every subject of the catalog uses. Safe because a catalog has one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, insert, select, update

IN_LIST_MAX = 500
"""Values of one IN list: SQLite takes 32,766 parameters a statement, short lists keep the plan cheap."""


def same(table: Table, key: Mapping[str, Any]) -> ColumnElement[bool]:
    """The row of `table` whose columns have these values."""
    return and_(*(table.c[name] == value for name, value in key.items()))


def upsert(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set `values` in the row with this key, or make it."""
    if connection.execute(select(1).select_from(table).where(same(table, key))).first() is None:
        connection.execute(insert(table).values(**key, **values))
    elif values:
        connection.execute(update(table).where(same(table, key)).values(**values))


def insert_keyed(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row; the ascending key that it was given."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise TypeError(f"{table.name} has no ascending key")
    return int(key[0])


def within(column: Column[Any], start_ns: int | None, end_ns: int | None) -> Iterator[ColumnElement[bool]]:
    """The conditions that keep `column` in [start, end); an open end has none."""
    if start_ns is not None:
        yield column >= start_ns
    if end_ns is not None:
        yield column < end_ns


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), IN_LIST_MAX):
        yield values[start : start + IN_LIST_MAX]

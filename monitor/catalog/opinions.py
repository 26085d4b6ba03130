"""Statements about the windows of which another library has yet to be asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, select

from monitor.catalog.statements import same
from monitor.catalog.tables import OWED_OPINIONS, WINDOWS
from monitor.findings import Span
from monitor.ports import OwedOpinion


def owe(connection: Connection, owed: OwedOpinion) -> None:
    """As a new row with a new id, so that whoever is at the old one does not settle what has come to it since."""
    key = {
        "model": owed.model,
        "version": owed.version,
        "rule": owed.rule,
        "start_ns": owed.span.start_ns,
        "end_ns": owed.span.end_ns,
    }
    known = connection.execute(select(OWED_OPINIONS).where(same(OWED_OPINIONS, key))).first()
    of_rows, of_labels, owed_ns = owed.of_rows, owed.of_labels, owed.owed_ns
    if known is not None:
        of_rows, of_labels, owed_ns = of_rows or known.of_rows, of_labels or known.of_labels, known.owed_ns
        forget(connection, known.id)
    values = {"of_rows": of_rows, "of_labels": of_labels, "owed_ns": owed_ns}
    connection.execute(insert(OWED_OPINIONS).values(**key, **values))


def forget(connection: Connection, opinion_id: int) -> None:
    connection.execute(delete(OWED_OPINIONS).where(OWED_OPINIONS.c.id == opinion_id))


def forget_those_of_no_window(connection: Connection) -> None:
    key = ("model", "version", "rule", "start_ns", "end_ns")
    window = exists().where(*(WINDOWS.c[name] == OWED_OPINIONS.c[name] for name in key))
    connection.execute(delete(OWED_OPINIONS).where(~window))


def list_owed(connection: Connection, model: str | None, limit: int) -> list[OwedOpinion]:
    chosen = select(OWED_OPINIONS).order_by(OWED_OPINIONS.c.id).limit(limit)
    if model is not None:
        chosen = chosen.where(OWED_OPINIONS.c.model == model)
    return [_owed(row) for row in connection.execute(chosen)]


def list_first(connection: Connection) -> list[tuple[OwedOpinion, int]]:
    if connection.execute(select(OWED_OPINIONS.c.id).limit(1)).first() is None:
        return []  # mostly there is none, and every pass asks
    first, many = func.min(OWED_OPINIONS.c.id).label("first"), func.count().label("many")
    each = select(first, many).group_by(OWED_OPINIONS.c.model).subquery()
    joined = select(OWED_OPINIONS, each.c.many).join(each, each.c.first == OWED_OPINIONS.c.id)
    return [(_owed(row), row.many) for row in connection.execute(joined.order_by(OWED_OPINIONS.c.id))]


def _owed(row: Row[Any]) -> OwedOpinion:
    return OwedOpinion(
        model=row.model,
        version=row.version,
        rule=row.rule,
        span=Span(row.start_ns, row.end_ns),
        of_rows=row.of_rows,
        of_labels=row.of_labels,
        owed_ns=row.owed_ns,
        id=row.id,
    )

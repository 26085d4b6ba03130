"""Statements about publications: committed results on their way to the exporters."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from monitor.catalog.documents import PublicationBody, pack_publication, unpack_publication
from monitor.catalog.statements import insert_keyed
from monitor.catalog.tables import EXPORTERS, PUBLICATIONS
from monitor.ports import Publication


def add(connection: Connection, body: PublicationBody) -> int:
    return insert_keyed(connection, PUBLICATIONS, {"closed_ns": body.window.closed_ns, "body": pack_publication(body)})


def list_next(connection: Connection, exporter: str, limit: int) -> list[Publication] | None:
    """None for an exporter that the catalog does not know yet."""
    taken = connection.execute(select(EXPORTERS.c.sequence).where(EXPORTERS.c.name == exporter)).scalar()
    if taken is None:
        return None
    later = select(PUBLICATIONS).where(PUBLICATIONS.c.sequence > taken).order_by(PUBLICATIONS.c.sequence).limit(limit)
    return [
        Publication(row.sequence, body.window, body.findings, body.transitions)
        for row in connection.execute(later)
        for body in (unpack_publication(row.body),)
    ]


def register(connection: Connection, exporter: str) -> None:
    """From now on publications are kept until this exporter took them."""
    if connection.execute(select(EXPORTERS.c.name).where(EXPORTERS.c.name == exporter)).first() is None:
        connection.execute(insert(EXPORTERS).values(name=exporter, sequence=0))


def advance(connection: Connection, exporter: str, sequence: int) -> None:
    """Never backwards: an answer that comes late does not undo a later one."""
    register(connection, exporter)
    behind = update(EXPORTERS).where(EXPORTERS.c.name == exporter, EXPORTERS.c.sequence < sequence)
    connection.execute(behind.values(sequence=sequence))

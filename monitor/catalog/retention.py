"""What the catalog forgets with age."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from monitor.catalog import segments
from monitor.catalog.tables import BATCHES, EXPORTERS, GAPS, LEDGERS, PUBLICATIONS, SEGMENTS, WINDOWS
from monitor.ports import Segment


def expire(connection: Connection, before_ns: int) -> list[Segment]:
    """Forget what is older than this. The segments returned are no longer registered; only their files are left."""
    connection.execute(delete(BATCHES).where(BATCHES.c.accepted_ns < before_ns))
    for table in (GAPS, LEDGERS, WINDOWS):
        connection.execute(delete(table).where(table.c.end_ns < before_ns))
    old_publications = delete(PUBLICATIONS).where(PUBLICATIONS.c.end_ns < before_ns)
    taken_by_all = connection.execute(select(func.min(EXPORTERS.c.sequence))).scalar()
    if taken_by_all is not None:
        old_publications = old_publications.where(PUBLICATIONS.c.sequence <= taken_by_all)
    connection.execute(old_publications)
    old = select(SEGMENTS).where(SEGMENTS.c.end_ns < before_ns).order_by(SEGMENTS.c.id)
    found = [segments.entry(row) for row in connection.execute(old)]
    segments.drop(connection, [segment.id for segment in found])
    return found

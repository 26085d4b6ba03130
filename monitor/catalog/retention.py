"""What the catalog forgets with age."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from monitor.catalog import segments
from monitor.catalog.tables import (
    BATCHES,
    EXPORTERS,
    GAPS,
    LEDGERS,
    MISSING_BATCHES,
    PUBLICATIONS,
    TAPS,
    TELEMETRY,
    WINDOWS,
)
from monitor.ports import Segment


def expire(connection: Connection, before_ns: int) -> list[Segment]:
    """Forget what happened, and was written, before this; segments that were dropped or replaced are returned for deletion.

    A window of long ago that was back-filled today is young.
    """
    connection.execute(delete(BATCHES).where(BATCHES.c.accepted_ns < before_ns))
    for table in (GAPS, LEDGERS, MISSING_BATCHES, TAPS, TELEMETRY):
        connection.execute(delete(table).where(table.c.end_ns < before_ns))
    connection.execute(delete(WINDOWS).where(WINDOWS.c.end_ns < before_ns, WINDOWS.c.closed_ns < before_ns))
    old_publications = delete(PUBLICATIONS).where(PUBLICATIONS.c.closed_ns < before_ns)
    taken_by_all = connection.execute(select(func.min(EXPORTERS.c.sequence))).scalar()
    if taken_by_all is not None:
        old_publications = old_publications.where(PUBLICATIONS.c.sequence <= taken_by_all)
    connection.execute(old_publications)
    return segments.take_dropped(connection)

"""What the catalog forgets with age."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, exists, func, select

from monitor.catalog import opinions, segments
from monitor.catalog.alerts import WAITING
from monitor.catalog.statements import chunks
from monitor.catalog.tables import (
    BASELINES,
    BATCHES,
    DELIVERIES,
    EXPORTERS,
    GAPS,
    HOLDS,
    LEDGERS,
    MISSING_BATCHES,
    PUBLICATIONS,
    SILENCES,
    TAPS,
    TELEMETRY,
    TRANSITIONS,
    WINDOWS,
)
from monitor.ports import Segment


def expire(
    connection: Connection,
    before_ns: int,
    *,
    alerts_before_ns: int,
    taken_before_ns: int | None = None,
    exporters: Collection[str],
    windows_before_ns: Mapping[str, int] | None = None,
) -> list[Segment]:
    """Forget what happened, and was written, before this; segments that were dropped or replaced are returned for deletion.

    A window of long ago that was back-filled today is young. An exporter that is not among those in use holds nothing.
    """
    connection.execute(delete(BATCHES).where(BATCHES.c.accepted_ns < before_ns))
    for table in (GAPS, LEDGERS, MISSING_BATCHES, SILENCES, TAPS, TELEMETRY):
        connection.execute(delete(table).where(table.c.end_ns < before_ns))
    _expire_windows(connection, before_ns, windows_before_ns or {})
    opinions.forget_those_of_no_window(connection)
    _expire_publications(connection, before_ns if taken_before_ns is None else taken_before_ns, exporters)
    _expire_alerts(connection, before_ns, alerts_before_ns)
    return segments.take_dropped(connection)


def _expire_windows(connection: Connection, before_ns: int, windows_before_ns: Mapping[str, int]) -> None:
    """With their tiles; those of some models are kept for longer."""
    others = delete(WINDOWS).where(WINDOWS.c.end_ns < before_ns, WINDOWS.c.closed_ns < before_ns)
    connection.execute(others.where(WINDOWS.c.model.not_in(list(windows_before_ns))))
    for model, kept_ns in windows_before_ns.items():
        old = delete(WINDOWS).where(WINDOWS.c.model == model, WINDOWS.c.end_ns < kept_ns, WINDOWS.c.closed_ns < kept_ns)
        connection.execute(old)


def drop_baselines(connection: Connection, before_ns: int) -> list[str]:
    """Old baselines that are not in force, and that no window can be computed again with; returns their paths."""
    in_force = select(func.max(BASELINES.c.sequence)).group_by(BASELINES.c.model)
    named = exists().where(WINDOWS.c.model == BASELINES.c.model, WINDOWS.c.baseline == BASELINES.c.id)
    gone = [BASELINES.c.created_ns < before_ns, BASELINES.c.sequence.not_in(in_force), ~named]
    found = connection.execute(select(BASELINES.c.sequence, BASELINES.c.path).where(*gone)).all()
    for part in chunks([row.sequence for row in found]):
        connection.execute(delete(BASELINES).where(BASELINES.c.sequence.in_(part)))
    return [row.path for row in found]


def _expire_publications(connection: Connection, before_ns: int, exporters: Collection[str]) -> None:
    """What every exporter has taken: it is larger than all else of a window but its tiles, and in the segments too."""
    old = delete(PUBLICATIONS).where(PUBLICATIONS.c.closed_ns < before_ns)
    in_use = select(func.min(EXPORTERS.c.sequence)).where(EXPORTERS.c.name.in_(list(exporters)))
    taken_by_all = connection.execute(in_use).scalar()
    if taken_by_all is not None:
        old = old.where(PUBLICATIONS.c.sequence <= taken_by_all)
    connection.execute(old)


def _expire_alerts(connection: Connection, before_ns: int, alerts_before_ns: int) -> None:
    """Deliveries that are done, and transitions that nobody is owed; the last one of an alert says where it stands."""
    done = DELIVERIES.c.state.not_in(WAITING)
    # The last delivery to each receiver says whether it knows of the alert.
    later = DELIVERIES.alias("later")
    followed = exists().where(
        later.c.fingerprint == DELIVERIES.c.fingerprint,
        later.c.receiver == DELIVERIES.c.receiver,
        later.c.id > DELIVERIES.c.id,
    )
    connection.execute(delete(DELIVERIES).where(done, DELIVERIES.c.finished_ns < before_ns, followed))
    last = select(func.max(TRANSITIONS.c.id)).group_by(TRANSITIONS.c.fingerprint)
    owed = exists().where(DELIVERIES.c.transition_id == TRANSITIONS.c.id)
    old = TRANSITIONS.c.start_ns < alerts_before_ns
    connection.execute(delete(HOLDS).where(HOLDS.c.until_ns < alerts_before_ns))
    connection.execute(delete(TRANSITIONS).where(old, TRANSITIONS.c.id.not_in(last), ~owed))

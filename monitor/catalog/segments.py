"""Statements about segments: which file holds what.

A segment that is dropped or replaced is gone for every reader at once, but its file can only be deleted afterwards. So its
row stays, and `take_dropped` hands it out twice, in two passes of retention: a crash between forgetting the row and deleting
the file would leave a file that nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row, Select, bindparam, delete, func, select, union, update

from monitor.catalog.statements import chunks
from monitor.catalog.tables import SEGMENTS, WINDOWS
from monitor.errors import Stale
from monitor.ports import Arrived, Segment, SegmentKind

LIVE, DROPPED, OFFERED = "live", "dropped", "offered"
"""In force; gone for readers; gone, and handed out once for its file to be deleted."""


def insert(connection: Connection, segments: Sequence[Segment]) -> None:
    """Register in the order given; the ids ascend in it."""
    for segment in segments:
        connection.execute(
            sa.insert(SEGMENTS).values(
                kind=segment.kind,
                model=segment.model,
                version=segment.version,
                path=segment.path,
                rows=segment.rows,
                start_ns=segment.start_ns,
                end_ns=segment.end_ns,
                created_ns=segment.created_ns,
                state=LIVE,
            )
        )


def find(
    connection: Connection,
    kind: SegmentKind,
    model: str,
    *,
    version: str | None,
    start_ns: int | None,
    end_ns: int | None,
    after_id: int,
) -> list[Segment]:
    bounds = {"version": version, "start_ns": start_ns, "end_ns": end_ns}
    given = {name: value for name, value in bounds.items() if value is not None}
    values = {"kind": kind, "model": model, "after_id": after_id, **given}
    return [_entry(row) for row in connection.execute(_live(frozenset(given)), values)]


@cache
def _live(given: frozenset[str]) -> Select[Any]:
    """Segments in force, chosen by kind, model, `after_id` and the bounds that are given; made once, for a window asks ten times."""
    columns = {"version": SEGMENTS.c.version, "start_ns": SEGMENTS.c.end_ns, "end_ns": SEGMENTS.c.start_ns}
    chosen = [
        SEGMENTS.c.kind == bindparam("kind"),
        SEGMENTS.c.model == bindparam("model", type_=SEGMENTS.c.model.type),
        SEGMENTS.c.id > bindparam("after_id"),
        # Nearly all are live, of every model: as an expression, it is no index for SQLite to read all of them by.
        SEGMENTS.c.state.concat("") == LIVE,
    ]
    for name in sorted(given):
        column = columns[name]
        value = bindparam(name, type_=column.type)
        chosen.append(
            column == value if name == "version" else column >= value if name == "start_ns" else column < value
        )
    return select(SEGMENTS).where(*chosen).order_by(SEGMENTS.c.id)


def arrived(connection: Connection, after_id: int) -> tuple[int, list[Arrived]]:
    """The newest id, and what came above `after_id`: by the key alone, for every pass asks it."""
    newest = connection.execute(select(func.max(SEGMENTS.c.id))).scalar() or 0
    if newest <= after_id:
        return newest, []
    of = (SEGMENTS.c.kind, SEGMENTS.c.model, SEGMENTS.c.version)
    came = select(*of, func.min(SEGMENTS.c.start_ns).label("start_ns")).group_by(*of)
    came = came.where(SEGMENTS.c.id > after_id, SEGMENTS.c.kind.in_(("predictions", "failures", "labels")))
    return newest, [Arrived(row.kind, row.model, row.version, row.start_ns) for row in connection.execute(came)]


def replace(connection: Connection, old: Sequence[Segment], new: Sequence[Segment]) -> None:
    """Raises Stale where one of the old ones is gone: its rows must not come back with the new ones."""
    ids = [segment.id for segment in old]
    known = 0
    for part in chunks(ids):
        known += connection.execute(
            select(func.count()).select_from(SEGMENTS).where(SEGMENTS.c.id.in_(part), SEGMENTS.c.state == LIVE)
        ).scalar_one()
    if known != len(set(ids)):
        raise Stale("segments to replace", f"{len(ids) - known} of {len(ids)} are gone")
    drop(connection, ids)
    insert(connection, new)


def drop(connection: Connection, ids: Sequence[int]) -> None:
    for part in chunks(ids):
        connection.execute(
            update(SEGMENTS).where(SEGMENTS.c.id.in_(part), SEGMENTS.c.state == LIVE).values(state=DROPPED)
        )


def registered(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Those of the paths that a segment has, in whatever state."""
    found: set[str] = set()
    for part in chunks(paths):
        found.update(connection.execute(select(SEGMENTS.c.path).where(SEGMENTS.c.path.in_(part))).scalars())
    return found


def take_dropped(connection: Connection) -> list[Segment]:
    """Segments whose files may go."""
    gone = select(SEGMENTS).where(SEGMENTS.c.state != LIVE).order_by(SEGMENTS.c.id)
    found = [_entry(row) for row in connection.execute(gone)]
    connection.execute(delete(SEGMENTS).where(SEGMENTS.c.state == OFFERED))
    connection.execute(update(SEGMENTS).where(SEGMENTS.c.state == DROPPED).values(state=OFFERED))
    return found


def list_versions(connection: Connection, model: str) -> list[str]:
    """Versions that predictions or closed windows of the model name, ascending."""
    predicted = select(SEGMENTS.c.version).where(
        SEGMENTS.c.kind == "predictions", SEGMENTS.c.model == model, SEGMENTS.c.state == LIVE
    )
    judged = select(WINDOWS.c.version).where(WINDOWS.c.model == model)
    return sorted(connection.execute(union(predicted, judged)).scalars())


def _entry(row: Row[Any]) -> Segment:
    return Segment(
        kind=row.kind,
        model=row.model,
        version=row.version,
        path=row.path,
        rows=row.rows,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        created_ns=row.created_ns,
        id=row.id,
    )

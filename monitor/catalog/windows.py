"""Statements about closed windows: the one transaction that commits a result, and what is read back of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from monitor.catalog import alerts, opinions, publications, segments
from monitor.catalog.documents import PublicationBody, compress, decompress
from monitor.catalog.statements import insert_keyed, same, upsert, within
from monitor.catalog.tables import MEMORIES, WINDOW_TILES, WINDOWS
from monitor.definitions import Receiver
from monitor.errors import Stale
from monitor.findings import Span, Status
from monitor.ports import WindowEntry, WindowResult


def commit(connection: Connection, result: WindowResult, receivers: Sequence[Receiver], now_ns: int) -> int:
    """Raises Stale where this revision or a later one is committed: the work was done twice, and no news comes of it."""
    window_id = _put_window(connection, result.window)
    if result.tiles is not None:
        upsert(connection, WINDOW_TILES, {"window_id": window_id}, {"tiles": compress(result.tiles)})
    segments.insert(connection, result.segments)
    for alert in result.alerts:
        alerts.put_alert(connection, alert)
    for transition in result.transitions:
        alerts.add_transition(connection, transition, receivers, now_ns)
    for key, value in result.memory.items():
        upsert(connection, MEMORIES, {"key": key}, {"value": value})
    if result.settles is not None:
        opinions.forget(connection, result.settles)
    if result.owes is not None:
        opinions.owe(connection, result.owes)
    body = PublicationBody(result.window, result.findings, result.transitions)
    return publications.add(connection, body)


def find(connection: Connection, model: str, version: str, rule: str, span: Span) -> WindowEntry | None:
    row = connection.execute(select(WINDOWS).where(same(WINDOWS, _key(model, version, rule, span)))).first()
    return None if row is None else _entry(row)


def list_windows(
    connection: Connection,
    model: str,
    *,
    version: str | None,
    rule: str | None,
    start_ns: int | None,
    end_ns: int | None,
    limit: int | None,
    newest_first: bool,
) -> list[WindowEntry]:
    chosen = [WINDOWS.c.model == model, *within(WINDOWS.c.start_ns, start_ns, end_ns)]
    if version is not None:
        chosen.append(WINDOWS.c.version == version)
    if rule is not None:
        chosen.append(WINDOWS.c.rule == rule)
    start = WINDOWS.c.start_ns.desc() if newest_first else WINDOWS.c.start_ns
    order = (start, WINDOWS.c.version, WINDOWS.c.rule, WINDOWS.c.end_ns)
    return [_entry(row) for row in connection.execute(select(WINDOWS).where(*chosen).order_by(*order).limit(limit))]


def find_tiles(connection: Connection, model: str, version: str, rule: str, span: Span) -> bytes | None:
    joined = select(WINDOW_TILES.c.tiles).join(WINDOWS, WINDOWS.c.id == WINDOW_TILES.c.window_id)
    blob = connection.execute(joined.where(same(WINDOWS, _key(model, version, rule, span)))).scalar()
    return None if blob is None else decompress(blob)


def find_memory(connection: Connection, key: str) -> bytes | None:
    blob = connection.execute(select(MEMORIES.c.value).where(MEMORIES.c.key == key)).scalar()
    return None if blob is None else bytes(blob)


def _put_window(connection: Connection, window: WindowEntry) -> int:
    key = _key(window.model, window.version, window.rule, window.span)
    known = connection.execute(select(WINDOWS.c.id, WINDOWS.c.revision).where(same(WINDOWS, key))).first()
    if known is None:
        return insert_keyed(connection, WINDOWS, {**key, **_values(window)})
    if known.revision >= window.revision:
        raise Stale(
            f"window {window.rule} of {window.model}",
            f"revision {known.revision} is committed, revision {window.revision} came after it",
        )
    connection.execute(WINDOWS.update().where(WINDOWS.c.id == known.id).values(**_values(window)))
    return int(known.id)


def _key(model: str, version: str, rule: str, span: Span) -> dict[str, Any]:
    return {"model": model, "version": version, "rule": rule, "start_ns": span.start_ns, "end_ns": span.end_ns}


_COPIED = (
    "revision",
    "n_window",
    "closed_ns",
    "labelled",
    "seen",
    "captured",
    "sampled_out",
    "dropped",
    "undecodable",
    "baseline",
    "reason",
    "code",
)
"""Columns that are fields of WindowEntry as they stand."""


def _values(window: WindowEntry) -> Mapping[str, Any]:
    return {name: getattr(window, name) for name in _COPIED} | {"status": window.status.value}


def _entry(row: Row[Any]) -> WindowEntry:
    return WindowEntry(
        model=row.model,
        version=row.version,
        rule=row.rule,
        span=Span(row.start_ns, row.end_ns),
        status=Status(row.status),
        **{name: getattr(row, name) for name in _COPIED},
    )

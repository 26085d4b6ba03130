"""Statements about the times in which nobody was told of an open alert."""

from __future__ import annotations

from sqlalchemy import Connection, select

from monitor.catalog.statements import upsert, within
from monitor.catalog.tables import HOLDS
from monitor.findings import AlertKind, HeldFor
from monitor.ports import Hold


def put_hold(connection: Connection, hold: Hold) -> None:
    values = {
        "model": hold.model,
        "version": hold.version,
        "kind": hold.kind.value,
        "reason": hold.reason.value,
        "said": hold.text,
        "until_ns": hold.until_ns,
        "outcome": hold.outcome,
    }
    upsert(connection, HOLDS, {"fingerprint": hold.fingerprint, "since_ns": hold.since_ns}, values)


def list_holds(
    connection: Connection, model: str | None, start_ns: int | None, end_ns: int | None, limit: int | None
) -> list[Hold]:
    chosen = [*within(HOLDS.c.since_ns, start_ns, end_ns)]
    if model is not None:
        chosen.append(HOLDS.c.model == model)
    newest = select(HOLDS).where(*chosen).order_by(HOLDS.c.since_ns.desc(), HOLDS.c.fingerprint).limit(limit)
    return [
        Hold(
            fingerprint=row.fingerprint,
            model=row.model,
            version=row.version,
            kind=AlertKind(row.kind),
            reason=HeldFor(row.reason),
            text=row.said,
            since_ns=row.since_ns,
            until_ns=row.until_ns,
            outcome=row.outcome,
        )
        for row in connection.execute(newest)
    ]

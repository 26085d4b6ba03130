"""Statements about alerts: their states, their transitions, what is owed to receivers, silences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, insert, select, update

from monitor.catalog.documents import pack, read_receiver, unpack_alert, unpack_transition, write_receiver
from monitor.catalog.statements import insert_keyed, upsert, within
from monitor.catalog.tables import ALERTS, DELIVERIES, SILENCES, TRANSITIONS
from monitor.definitions import Receiver
from monitor.errors import NotFound
from monitor.findings import Alert, AlertKind, Transition
from monitor.ports import Delivery, Silence

OWED, HELD, MUTED = "owed", "held", "muted"
"""To be sent; to be sent once nothing mutes it any more; never sent, for what it told was over by then."""
WAITING = (OWED, HELD)


def put_alert(connection: Connection, alert: Alert) -> None:
    upsert(connection, ALERTS, {"fingerprint": alert.fingerprint}, {"model": alert.model, "body": pack(alert)})


def list_alerts(connection: Connection, model: str | None) -> list[Alert]:
    """Ascending by model and fingerprint."""
    found = select(ALERTS.c.body)
    if model is not None:
        found = found.where(ALERTS.c.model == model)
    alerts = map(unpack_alert, connection.execute(found).scalars())
    return sorted(alerts, key=lambda alert: (alert.model, alert.fingerprint))


def add_transition(connection: Connection, transition: Transition, receivers: Sequence[Receiver], now_ns: int) -> None:
    transition_id = insert_keyed(
        connection,
        TRANSITIONS,
        {
            "fingerprint": transition.fingerprint,
            "model": transition.model,
            "start_ns": transition.window.start_ns,
            "body": pack(transition),
        },
    )
    # A receiver that is named twice is told once.
    for receiver in dict.fromkeys(map(write_receiver, receivers)):
        connection.execute(
            insert(DELIVERIES).values(
                transition_id=transition_id,
                fingerprint=transition.fingerprint,
                receiver=receiver,
                state=OWED,
                attempts=0,
                due_ns=now_ns,
            )
        )


def list_transitions(
    connection: Connection, model: str | None, fingerprint: str | None, start_ns: int | None, limit: int
) -> list[Transition]:
    """The newest `limit` of them, ascending."""
    chosen = [*within(TRANSITIONS.c.start_ns, start_ns, None)]
    if model is not None:
        chosen.append(TRANSITIONS.c.model == model)
    if fingerprint is not None:
        chosen.append(TRANSITIONS.c.fingerprint == fingerprint)
    newest = select(TRANSITIONS.c.body).where(*chosen).order_by(TRANSITIONS.c.id.desc()).limit(limit)
    return [unpack_transition(body) for body in reversed(connection.execute(newest).scalars().all())]


@cache
def _due_deliveries() -> Select[Any]:
    """Of `now_ns`, at most `most`; made once, for every pass asks it."""
    other = DELIVERIES.alias("other")
    alike = and_(other.c.fingerprint == DELIVERIES.c.fingerprint, other.c.receiver == DELIVERIES.c.receiver)
    waiting = and_(alike, other.c.state.in_(WAITING))
    overtakes = exists().where(waiting, other.c.id < DELIVERIES.c.id)
    superseded = exists().where(waiting, other.c.id > DELIVERIES.c.id)
    before = select(other.c.state).where(alike, other.c.id < DELIVERIES.c.id).order_by(other.c.id.desc()).limit(1)
    return (
        select(
            DELIVERIES,
            TRANSITIONS.c.body,
            superseded.label("is_superseded"),
            before.scalar_subquery().label("before"),
        )
        .join(TRANSITIONS, TRANSITIONS.c.id == DELIVERIES.c.transition_id)
        .where(DELIVERIES.c.state.in_(WAITING), DELIVERIES.c.due_ns <= bindparam("now_ns"), ~overtakes)
        .order_by(DELIVERIES.c.id)
        .limit(bindparam("most"))
    )


def list_deliveries(connection: Connection, now_ns: int, limit: int) -> list[Delivery]:
    """A delivery waits for the earlier ones of its alert and receiver: a resolve never overtakes its page."""
    return [
        Delivery(
            row.id,
            read_receiver(row.receiver),
            unpack_transition(row.body),
            row.attempts,
            row.due_ns,
            is_held=row.state == HELD,
            is_superseded=bool(row.is_superseded),
            follows_muted=row.before == MUTED,
        )
        for row in connection.execute(_due_deliveries(), {"now_ns": now_ns, "most": limit})
    ]


def finish_delivery(connection: Connection, delivery_id: int, state: str, reason: str | None, now_ns: int) -> None:
    values = {"state": state, "reason": reason, "finished_ns": now_ns, "attempts": DELIVERIES.c.attempts + 1}
    _update_delivery(connection, delivery_id, values)


def postpone_delivery(connection: Connection, delivery_id: int, due_ns: int, reason: str) -> None:
    values = {"due_ns": due_ns, "reason": reason, "attempts": DELIVERIES.c.attempts + 1}
    _update_delivery(connection, delivery_id, values)


def hold_delivery(connection: Connection, delivery_id: int, due_ns: int, reason: str) -> None:
    _update_delivery(connection, delivery_id, {"state": HELD, "due_ns": due_ns, "reason": reason})


def _update_delivery(connection: Connection, delivery_id: int, values: Mapping[str, Any]) -> None:
    done = connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery_id).values(**values))
    if done.rowcount == 0:
        raise NotFound("delivery", str(delivery_id))


def put_silence(connection: Connection, silence: Silence) -> None:
    values = {
        "model": silence.model,
        "kind": None if silence.kind is None else silence.kind.value,
        "start_ns": silence.start_ns,
        "end_ns": silence.end_ns,
        "creator": silence.creator,
        "comment": silence.comment,
    }
    upsert(connection, SILENCES, {"id": silence.id}, values)


def list_silences(connection: Connection, now_ns: int | None) -> list[Silence]:
    """Those in force at `now_ns`, or all; ascending by start."""
    found = select(SILENCES).order_by(SILENCES.c.start_ns, SILENCES.c.id)
    if now_ns is not None:
        found = found.where(SILENCES.c.start_ns <= now_ns, SILENCES.c.end_ns > now_ns)
    return [
        Silence(
            id=row.id,
            model=row.model,
            kind=None if row.kind is None else AlertKind(row.kind),
            start_ns=row.start_ns,
            end_ns=row.end_ns,
            creator=row.creator,
            comment=row.comment,
        )
        for row in connection.execute(found)
    ]

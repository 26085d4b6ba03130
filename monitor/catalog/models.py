"""Statements about models and their baselines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from monitor.catalog.documents import read_model, read_proposal, write_model
from monitor.catalog.statements import same, upsert
from monitor.catalog.tables import BASELINES, MODELS
from monitor.definitions import MonitoredModel
from monitor.errors import NotFound
from monitor.ports import BaselineEntry, ModelEntry


def put_model(connection: Connection, declaration: MonitoredModel, now_ns: int, *, declared: bool) -> None:
    """What traffic proposes never replaces what a user declared."""
    if not declared:
        known = connection.execute(select(MODELS.c.declared).where(MODELS.c.name == declaration.model)).scalar()
        if known:
            return
    values = {"declaration": write_model(declaration), "declared": declared, "updated_ns": now_ns}
    upsert(connection, MODELS, {"name": declaration.model}, values)


def put_proposal(connection: Connection, name: str, proposal: MonitoredModel) -> None:
    done = connection.execute(update(MODELS).where(MODELS.c.name == name).values(proposal=write_model(proposal)))
    if done.rowcount == 0:
        raise NotFound("model", name)


def find_model(connection: Connection, name: str) -> ModelEntry | None:
    row = connection.execute(select(MODELS).where(MODELS.c.name == name)).first()
    return None if row is None else _entry(row)


def list_models(connection: Connection) -> list[ModelEntry]:
    return sorted(map(_entry, connection.execute(select(MODELS))), key=lambda entry: entry.name)


def put_baseline(connection: Connection, entry: BaselineEntry) -> None:
    """A baseline set again is the newest again."""
    connection.execute(delete(BASELINES).where(same(BASELINES, {"model": entry.model, "id": entry.id})))
    connection.execute(
        insert(BASELINES).values(
            id=entry.id,
            model=entry.model,
            rows=entry.rows,
            path=entry.path,
            created_ns=entry.created_ns,
            profile=entry.profile,
        )
    )


def find_baseline(connection: Connection, model: str) -> BaselineEntry | None:
    newest = select(BASELINES).where(BASELINES.c.model == model).order_by(BASELINES.c.sequence.desc()).limit(1)
    row = connection.execute(newest).first()
    return (
        None
        if row is None
        else BaselineEntry(row.id, row.model, row.rows, row.path, row.created_ns, bytes(row.profile))
    )


def list_baselines(connection: Connection) -> dict[str, str]:
    """Model → id of its newest baseline."""
    ascending = select(BASELINES.c.model, BASELINES.c.id).order_by(BASELINES.c.sequence)
    return {row.model: row.id for row in connection.execute(ascending)}


def _entry(row: Row[Any]) -> ModelEntry:
    return ModelEntry(
        name=row.name,
        declaration=read_model(row.declaration),
        declared=row.declared,
        updated_ns=row.updated_ns,
        proposal=None if row.proposal is None else read_proposal(row.proposal),
    )

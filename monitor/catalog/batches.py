"""Statements about what sidecars shipped: batches, gaps, ledgers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from collectors.records.types import Gap, Ledger
from monitor.catalog import segments as segment_statements
from monitor.catalog.documents import Reasons, pack, unpack_reasons
from monitor.catalog.statements import same, upsert, within
from monitor.catalog.tables import BATCHES, GAPS, LEDGERS, SIDECAR_MODELS
from monitor.ports import BatchKey, GapEntry, Segment


def is_accepted(connection: Connection, key: BatchKey) -> bool:
    found = select(1).select_from(BATCHES).where(same(BATCHES, {"sidecar": key.sidecar, "sequence": key.sequence}))
    return connection.execute(found).first() is not None


def accept(
    connection: Connection,
    key: BatchKey,
    segments: Sequence[Segment],
    gaps: Sequence[Gap],
    ledgers: Sequence[Ledger],
    now_ns: int,
) -> bool:
    if is_accepted(connection, key):
        return False
    connection.execute(insert(BATCHES).values(sidecar=key.sidecar, sequence=key.sequence, accepted_ns=now_ns))
    segment_statements.insert(connection, segments)
    carried = {segment.model for segment in segments} | {ledger.model for ledger in ledgers if ledger.model}
    for model in sorted(carried):
        upsert(connection, SIDECAR_MODELS, {"sidecar": key.sidecar, "model": model}, {})
    if gaps:
        connection.execute(insert(GAPS), [_gap_values(key.sidecar, gap) for gap in gaps])
    if ledgers:
        connection.execute(insert(LEDGERS), [_ledger_values(ledger) for ledger in ledgers])
    return True


def list_gaps(connection: Connection, model: str, start_ns: int | None, end_ns: int | None) -> list[GapEntry]:
    """Gaps that meet [start, end), ascending by start."""
    carriers = select(SIDECAR_MODELS.c.sidecar).where(SIDECAR_MODELS.c.model == model)
    meets = [*within(GAPS.c.start_ns, None, end_ns), *within(GAPS.c.end_ns, start_ns, None)]
    found = select(GAPS).where(GAPS.c.sidecar.in_(carriers), *meets).order_by(GAPS.c.start_ns, GAPS.c.id)
    return [
        GapEntry(
            row.sidecar,
            Gap(
                start_ns=row.start_ns,
                end_ns=row.end_ns,
                reason=row.reason,
                connections=row.connections,
                bytes=row.bytes,
                exchanges_estimated=row.exchanges_estimated,
            ),
        )
        for row in connection.execute(found)
    ]


def sum_ledgers(connection: Connection, model: str, version: str | None, start_ns: int, end_ns: int) -> Ledger:
    chosen = [LEDGERS.c.model == model, *within(LEDGERS.c.start_ns, start_ns, end_ns)]
    if version is not None:
        chosen.append(LEDGERS.c.version == version)
    counts = ("seen", "captured", "sampled_out", "not_inference")
    sums = connection.execute(select(*(func.sum(LEDGERS.c[name]).label(name) for name in counts)).where(*chosen)).one()
    dropped: Counter[str] = Counter()
    undecodable: Counter[str] = Counter()
    for blob in connection.execute(select(LEDGERS.c.reasons).where(*chosen, LEDGERS.c.reasons.is_not(None))).scalars():
        reasons = unpack_reasons(blob)
        dropped.update(reasons.dropped)
        undecodable.update(reasons.undecodable)
    return Ledger(
        start_ns=start_ns,
        end_ns=end_ns,
        model=model,
        version=version,
        dropped=dict(dropped),
        undecodable=dict(undecodable),
        # PostgreSQL sums whole numbers to a decimal.
        **{name: int(getattr(sums, name) or 0) for name in counts},
    )


def _gap_values(sidecar: str, gap: Gap) -> dict[str, object]:
    return {
        "sidecar": sidecar,
        "start_ns": gap.start_ns,
        "end_ns": gap.end_ns,
        "reason": gap.reason,
        "connections": gap.connections,
        "bytes": gap.bytes,
        "exchanges_estimated": gap.exchanges_estimated,
    }


def _ledger_values(ledger: Ledger) -> dict[str, object]:
    reasons = pack(Reasons(ledger.dropped, ledger.undecodable)) if ledger.dropped or ledger.undecodable else None
    return {
        "model": ledger.model,
        "version": ledger.version or "",
        "start_ns": ledger.start_ns,
        "end_ns": ledger.end_ns,
        "seen": ledger.seen,
        "captured": ledger.captured,
        "sampled_out": ledger.sampled_out,
        "not_inference": ledger.not_inference,
        "reasons": reasons,
    }

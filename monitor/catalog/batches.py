"""Statements about what sidecars shipped: batches, those that never came, gaps, ledgers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from collectors.records.types import Gap, Ledger, Passed
from monitor.catalog import segments as segment_statements
from monitor.catalog import telemetry
from monitor.catalog.documents import Reasons, Uncopied, pack, unpack_reasons, unpack_uncopied
from monitor.catalog.statements import chunks, upsert, within
from monitor.catalog.tables import BATCHES, GAPS, LEDGERS, MISSING_BATCHES, SIDECAR_MODELS, TAPS
from monitor.ports import BATCH_MISSING, Arrival, BatchKey, GapEntry, Segment


def known(connection: Connection, keys: Sequence[BatchKey]) -> set[BatchKey]:
    """Those of the keys that have been accepted."""
    numbers: dict[str, list[int]] = {}
    for key in keys:
        numbers.setdefault(key.sidecar, []).append(key.sequence)
    found: set[BatchKey] = set()
    for sidecar, sequences in numbers.items():
        for part in chunks(sequences):
            chosen = select(BATCHES.c.sequence).where(BATCHES.c.sidecar == sidecar, BATCHES.c.sequence.in_(part))
            found.update(BatchKey(sidecar, sequence) for sequence in connection.execute(chosen).scalars())
    return found


def accept(connection: Connection, arrivals: Sequence[Arrival], segments: Sequence[Segment], now_ns: int) -> bool:
    keys = [arrival.key for arrival in arrivals]
    if known(connection, keys):
        return False
    values = [{"sidecar": key.sidecar, "sequence": key.sequence, "accepted_ns": now_ns} for key in keys]
    connection.execute(insert(BATCHES), values)
    segment_statements.insert(connection, segments)
    for sidecar, model in sorted({(arrival.key.sidecar, model) for arrival in arrivals for model in arrival.models}):
        upsert(connection, SIDECAR_MODELS, {"sidecar": sidecar, "model": model}, {})
    gaps = [_gap_values(arrival.key.sidecar, gap) for arrival in arrivals for gap in arrival.gaps]
    ledgers = [_ledger_values(ledger) for arrival in arrivals for ledger in arrival.ledgers]
    if gaps:
        connection.execute(insert(GAPS), gaps)
    if ledgers:
        connection.execute(insert(LEDGERS), ledgers)
    passed = [_passed_values(arrival.key.sidecar, entry) for arrival in arrivals for entry in arrival.passed]
    if passed:
        connection.execute(insert(TAPS), passed)
    telemetry.put(connection, arrivals)
    _look_for_missing(connection, [arrival for arrival in arrivals if arrival.previous is not None])
    return True


def _look_for_missing(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    """Note the batches that these were spooled behind and that have not come, and forget those that come now.

    Of a sidecar that nothing is known of nothing is missing: somebody else may have had what came before.
    """
    for arrival in arrivals:
        connection.execute(
            delete(MISSING_BATCHES).where(
                MISSING_BATCHES.c.sidecar == arrival.key.sidecar, MISSING_BATCHES.c.sequence == arrival.key.sequence
            )
        )
    wanted = [(arrival, BatchKey(arrival.key.sidecar, arrival.previous)) for arrival in arrivals if arrival.previous]
    there = known(connection, [key for _, key in wanted])
    for arrival, key in wanted:
        if key in there:
            continue
        earlier = connection.execute(
            select(func.max(BATCHES.c.accepted_ns)).where(
                BATCHES.c.sidecar == key.sidecar, BATCHES.c.sequence < key.sequence
            )
        ).scalar()
        if earlier is not None:
            upsert(
                connection,
                MISSING_BATCHES,
                {"sidecar": key.sidecar, "sequence": key.sequence},
                {"start_ns": min(int(earlier), arrival.start_ns), "end_ns": arrival.start_ns},
            )


def list_gaps(connection: Connection, model: str, start_ns: int | None, end_ns: int | None) -> list[GapEntry]:
    """Gaps that meet [start, end), ascending by start."""
    carriers = select(SIDECAR_MODELS.c.sidecar).where(SIDECAR_MODELS.c.model == model)
    meets = [*within(GAPS.c.start_ns, None, end_ns), *within(GAPS.c.end_ns, start_ns, None)]
    found = select(GAPS).where(GAPS.c.sidecar.in_(carriers), *meets).order_by(GAPS.c.start_ns, GAPS.c.id)
    told = [
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
    spans = [*within(MISSING_BATCHES.c.start_ns, None, end_ns), *within(MISSING_BATCHES.c.end_ns, start_ns, None)]
    absent = select(MISSING_BATCHES).where(MISSING_BATCHES.c.sidecar.in_(carriers), *spans)
    missing = [
        GapEntry(row.sidecar, Gap(start_ns=row.start_ns, end_ns=row.end_ns, reason=BATCH_MISSING))
        for row in connection.execute(absent)
    ]
    return sorted([*told, *missing], key=lambda entry: entry.gap.start_ns)


def sum_passed(connection: Connection, model: str, start_ns: int, end_ns: int) -> Passed:
    carriers = select(SIDECAR_MODELS.c.sidecar).where(SIDECAR_MODELS.c.model == model)
    chosen = [TAPS.c.sidecar.in_(carriers), *within(TAPS.c.start_ns, start_ns, end_ns)]
    counts = ("connections", "connections_copied", "bytes", "bytes_copied")
    sums = connection.execute(select(*(func.sum(TAPS.c[name]).label(name) for name in counts)).where(*chosen)).one()
    connections: Counter[str] = Counter()
    passed_bytes: Counter[str] = Counter()
    for blob in connection.execute(select(TAPS.c.reasons).where(*chosen, TAPS.c.reasons.is_not(None))).scalars():
        reasons = unpack_uncopied(blob)
        connections.update(reasons.connections)
        passed_bytes.update(reasons.bytes)
    return Passed(
        start_ns=start_ns,
        end_ns=end_ns,
        connections_uncopied=dict(connections),
        bytes_uncopied=dict(passed_bytes),
        **{name: int(getattr(sums, name) or 0) for name in counts},
    )


def sum_ledgers(connection: Connection, model: str | None, version: str | None, start_ns: int, end_ns: int) -> Ledger:
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
        seen=int(sums.seen or 0),
        captured=int(sums.captured or 0),
        sampled_out=int(sums.sampled_out or 0),
        not_inference=int(sums.not_inference or 0),
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


def _passed_values(sidecar: str, passed: Passed) -> dict[str, object]:
    uncopied = Uncopied(passed.connections_uncopied, passed.bytes_uncopied)
    return {
        "sidecar": sidecar,
        "start_ns": passed.start_ns,
        "end_ns": passed.end_ns,
        "connections": passed.connections,
        "connections_copied": passed.connections_copied,
        "bytes": passed.bytes,
        "bytes_copied": passed.bytes_copied,
        "reasons": pack(uncopied) if uncopied.connections or uncopied.bytes else None,
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

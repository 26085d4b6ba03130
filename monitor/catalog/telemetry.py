"""Statements about samples of devices and servers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, or_, select

from collectors.records.types import GpuSample, ServerSample, TelemetrySample
from monitor.catalog.statements import within
from monitor.catalog.tables import SIDECAR_MODELS, TELEMETRY
from monitor.errors import Fault, InvalidInput
from monitor.ports import Arrival, TelemetryEntry

ENTRIES_MAX = 200_000
"""Samples that are read at once, some 100 MB: two weeks of one device and model at the default interval."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(TelemetrySample)


def put(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    values = [_values(arrival.key.sidecar, sample) for arrival in arrivals for sample in arrival.telemetry]
    if values:
        connection.execute(insert(TELEMETRY), values)


def find(connection: Connection, model: str, start_ns: int, end_ns: int) -> list[TelemetryEntry]:
    """What sidecars that carried the model, or scraped a server with it, told; and what others told of the same devices."""
    span = list(within(TELEMETRY.c.start_ns, start_ns, end_ns))
    carriers = select(SIDECAR_MODELS.c.sidecar).where(SIDECAR_MODELS.c.model == model)
    scrapers = select(TELEMETRY.c.sidecar).where(TELEMETRY.c.model == model, *span)
    ours = or_(TELEMETRY.c.sidecar.in_(carriers), TELEMETRY.c.sidecar.in_(scrapers))
    devices = select(TELEMETRY.c.device).where(TELEMETRY.c.device.is_not(None), ours, *span).distinct()
    chosen = (
        select(TELEMETRY.c.sidecar, TELEMETRY.c.body)
        .where(or_(ours, TELEMETRY.c.device.in_(devices)), *span)
        .order_by(TELEMETRY.c.id)
        .limit(ENTRIES_MAX + 1)
    )
    found = [TelemetryEntry(row.sidecar, _DECODER.decode(row.body)) for row in connection.execute(chosen)]
    if len(found) > ENTRIES_MAX:
        raise InvalidInput(Fault("from", f"more than {ENTRIES_MAX} samples until `to`", "a shorter span"))
    return found


def _values(sidecar: str, sample: TelemetrySample) -> dict[str, object]:
    return {
        "sidecar": sidecar,
        "start_ns": sample.start_ns,
        "end_ns": sample.end_ns,
        "device": sample.device if isinstance(sample, GpuSample) else None,
        "model": sample.model if isinstance(sample, ServerSample) else None,
        "body": _ENCODER.encode(sample),
    }

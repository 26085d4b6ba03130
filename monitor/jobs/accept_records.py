"""Accept a batch from a sidecar: exactly once in effect, by its identity. Rows become segments before we say yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors.records.encoding import BatchError, decode_batch
from collectors.records.types import Batch, Gap, Ledger, Prediction
from monitor.definitions import MODEL_NAME, MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.jobs.columns import fault_of, rows_of
from monitor.ports import BatchKey, Catalog, Segment, SegmentStore

PROPOSED_MODELS_MAX = 200
"""Models that traffic alone may bring into the catalog: names are foreign data."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a batch brought. `known`: it had been accepted before, and nothing was done."""

    batch: str
    known: bool
    predictions: int = 0
    refused: Mapping[str, int] | None = None
    """Exchanges of the batch that could not become rows, by reason."""
    models: tuple[str, ...] = ()


def accept_records(body: bytes, catalog: Catalog, store: SegmentStore, now_ns: int) -> Accepted:
    """Raises InvalidInput where the bytes are not a batch; then nothing is kept."""
    try:
        batch = decode_batch(body)
    except BatchError as error:
        raise InvalidInput(Fault("body", str(error), "a batch as docs/formats/batch.md draws it")) from error
    return accept_batch(batch, catalog, store, now_ns)


def accept_batch(batch: Batch, catalog: Catalog, store: SegmentStore, now_ns: int) -> Accepted:
    """Store what a batch brings, unless it has been accepted before."""
    key = BatchKey(batch.sidecar, batch.sequence)
    if catalog.accepted(key):
        return Accepted(batch.id, known=True)
    refused: dict[str, int] = {}
    groups = _by_model(batch, refused)
    segments: list[Segment] = []
    predictions = 0
    for (name, version), exchanges in groups.items():
        model = _declaration(name, catalog, now_ns)
        if model is None:
            refused["too_many_models"] = refused.get("too_many_models", 0) + len(exchanges)
            continue
        segment = store.write_rows(name, version, rows_of(exchanges, model), now_ns)
        segments.append(segment)
        predictions += segment.rows
    gaps = [r for r in batch.records if isinstance(r, Gap)]
    ledgers = [r for r in batch.records if isinstance(r, Ledger)]
    if refused:
        ledgers.append(_refusals(batch, refused, now_ns))
    if not catalog.accept(key, segments, gaps, ledgers, now_ns):
        # Another request registered the same batch meanwhile: ours are duplicates.
        store.delete(segments)
        return Accepted(batch.id, known=True)
    return Accepted(batch.id, False, predictions, refused or None, tuple(sorted({s.model for s in segments})))


def _by_model(batch: Batch, refused: dict[str, int]) -> dict[tuple[str, str], list[Prediction]]:
    groups: dict[tuple[str, str], list[Prediction]] = {}
    for record in batch.records:
        if not isinstance(record, Prediction):
            continue
        if not MODEL_NAME.fullmatch(record.model):
            refused["model_name"] = refused.get("model_name", 0) + 1
        elif fault_of(record) is not None:
            refused["tensor_shape"] = refused.get("tensor_shape", 0) + 1
        elif record.rows > 0 and record.outputs:
            groups.setdefault((record.model, record.version), []).append(record)
    return groups


def _declaration(name: str, catalog: Catalog, now_ns: int) -> MonitoredModel | None:
    """The model's declaration; a model that nobody declared is recorded and proposed."""
    entry = catalog.model(name)
    if entry is not None:
        return entry.declaration
    if sum(not m.declared for m in catalog.models()) >= PROPOSED_MODELS_MAX:
        return None
    model = MonitoredModel(model=name)
    catalog.put_model(model, now_ns, declared=False)
    return model


def _refusals(batch: Batch, refused: Mapping[str, int], now_ns: int) -> Ledger:
    """What the monitor could not use moves from captured to undecodable, so that the law still adds up."""
    start_ns = next((r.start_ns for r in batch.records if isinstance(r, Ledger)), now_ns)
    return Ledger(
        start_ns=start_ns,
        end_ns=now_ns,
        captured=-sum(refused.values()),
        undecodable={f"monitor_{reason}": count for reason, count in refused.items()},
    )

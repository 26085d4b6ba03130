"""Accept batches from sidecars: exactly once in effect, by their identity. Rows become segments before we say yes.

Batches that come together are accepted together: one segment for each model and version, one transaction for all, so
that what a store and a catalog cost at each commit is paid once for many small batches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from collectors.records.encoding import BatchError, decode_batch
from collectors.records.types import Batch, Gap, GpuSample, Ledger, Passed, Prediction, ServerSample
from monitor.definitions import MODEL_NAME, MonitoredModel
from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.jobs.columns import failures_of, fault_of, rows_of
from monitor.ports import Arrival, BatchKey, Catalog, Segment, SegmentStore

DAY_NS = 86_400 * 10**9
PROPOSED_MODELS_MAX = 200
"""Models that traffic alone may bring into the catalog: names are foreign data."""

FAILED_STATUS_MIN = 400
"""From here a status says that the server did not answer what it was asked."""
_ONCE = re.compile(r"(kafka|file)-([0-9a-f]{16})")
"""Names of exchanges that are made from what they were read from: the same whenever it is read again."""

REGISTERED_MEANWHILE_MAX = 5
"""How often others may register a batch of ours while we write its rows, before we say that we cannot."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a batch brought. `known`: it had been accepted before, and nothing was done."""

    batch: str
    known: bool
    predictions: int = 0
    refused: Mapping[str, int] | None = None
    """Exchanges of the batch that could not become rows, by reason."""
    models: tuple[str, ...] = ()


def read_batch(body: bytes) -> Batch:
    """Raises InvalidInput where the bytes are not a batch."""
    try:
        return decode_batch(body)
    except BatchError as error:
        raise InvalidInput(Fault("body", str(error), "a batch as docs/formats/batch.md draws it")) from error


def accept_batches(batches: Sequence[Batch], catalog: Catalog, store: SegmentStore, now_ns: int) -> list[Accepted]:
    """Store what the batches bring, each unless it has been accepted before: all of them or, with an error, none.

    Raises Unavailable.
    """
    for _ in range(REGISTERED_MEANWHILE_MAX):
        known = catalog.known(
            [
                *(BatchKey(batch.sidecar, batch.sequence) for batch in batches),
                *(key for batch in batches for record in batch.records if (key := _once(record)) is not None),
            ]
        )
        group = _Group(catalog, now_ns, known)
        answers: list[Accepted | _Sorted] = []
        for batch in batches:
            key = BatchKey(batch.sidecar, batch.sequence)
            answers.append(Accepted(batch.id, known=True) if key in known else group.add(key, batch))
            known.add(key)
        segments = group.write(store)
        if not group.arrivals or catalog.accept(group.arrivals, segments, now_ns):
            return [answer if isinstance(answer, Accepted) else answer.accepted() for answer in answers]
        # Another process registered one of them meanwhile: its rows are among ours.
        store.delete(segments)
    raise Unavailable("catalog", "others register the same batches again and again")


@dataclass(slots=True)
class _Sorted:
    """One batch while its exchanges are looked at."""

    batch: Batch
    predictions: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)

    def refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def accepted(self) -> Accepted:
        return Accepted(self.batch.id, False, self.predictions, self.refused or None, tuple(sorted(self.models)))


class _Group:
    """What several batches bring: exchanges by model and version, and one arrival for each batch."""

    def __init__(self, catalog: Catalog, now_ns: int, known: set[BatchKey]) -> None:
        self._known = known
        self._catalog = catalog
        self._now_ns = now_ns
        self._models: dict[str, MonitoredModel | None] = {}
        self._exchanges: dict[tuple[str, str, int], list[Prediction]] = {}
        """By model, version and UTC day: a clock gone wrong makes no segment that spans years."""
        self._failures: dict[tuple[str, str, int], list[Prediction]] = {}
        """Those that the server refused, of models that are known: the name in a refused request may be anything."""
        self.arrivals: list[Arrival] = []

    def add(self, key: BatchKey, batch: Batch) -> _Sorted:
        sorted_ = _Sorted(batch)
        again: list[Prediction] = []
        for record in batch.records:
            if isinstance(record, Prediction):
                once = _once(record)
                if once in self._known:
                    again.append(record)
                    continue
                if once is not None:
                    self._known.add(once)
                    self.arrivals.append(Arrival(once))
                self._add(record, sorted_)
        gaps = [r for r in batch.records if isinstance(r, Gap)]
        ledgers = [ledger for r in batch.records if isinstance(r, Ledger) for ledger in self._counted(r)]
        ledgers += [_counted_already(record) for record in again]
        carried = sorted_.models | {ledger.model for ledger in ledgers if ledger.model}
        if sorted_.refused:
            ledgers.append(_refusals(batch, sorted_.refused, self._now_ns))
        self.arrivals.append(
            Arrival(
                key,
                tuple(gaps),
                tuple(ledgers),
                tuple(r for r in batch.records if isinstance(r, Passed)),
                previous=batch.previous,
                start_ns=_earliest_ns(batch, self._now_ns),
                models=tuple(sorted(carried)),
                telemetry=tuple(r for r in batch.records if isinstance(r, GpuSample | ServerSample)),
            )
        )
        return sorted_

    def _counted(self, ledger: Ledger) -> list[Ledger]:
        """The entry; of an exchange that has been told of before nothing, but for what its sender took back of it."""
        once = _once(ledger)
        if once is None:
            return [ledger]
        if once in self._known:
            taken_back = min(ledger.captured, 0)
            return (
                [msgspec.structs.replace(ledger, seen=taken_back, captured=taken_back, dropped={})]
                if taken_back
                else []
            )
        self._known.add(once)
        self.arrivals.append(Arrival(once))
        return [ledger]

    def write(self, store: SegmentStore) -> list[Segment]:
        segments = []
        for (name, version, _), exchanges in self._exchanges.items():
            segments.append(store.write_rows(name, version, rows_of(exchanges, self._models[name]), self._now_ns))
        for (name, version, _), failed in self._failures.items():
            segments.append(store.write_rows(name, version, failures_of(failed), self._now_ns, "failures"))
        return segments

    def _add(self, record: Prediction, sorted_: _Sorted) -> None:
        if not MODEL_NAME.fullmatch(record.model):
            sorted_.refuse("model_name")
        elif fault_of(record) is not None:
            sorted_.refuse("tensor_shape")
        elif record.rows > 0 and record.outputs:
            if self._model(record.model) is None:
                sorted_.refuse("too_many_models")
                return
            day = record.time_ns // DAY_NS
            self._exchanges.setdefault((record.model, record.version, day), []).append(record)
            sorted_.models.add(record.model)
            sorted_.predictions += record.rows
        elif _failed(record) and self._is_known(record.model):
            day = record.time_ns // DAY_NS
            self._failures.setdefault((record.model, record.version, day), []).append(record)
            sorted_.models.add(record.model)

    def _is_known(self, name: str) -> bool:
        return self._models.get(name) is not None or self._catalog.model(name) is not None

    def _model(self, name: str) -> MonitoredModel | None:
        if name not in self._models:
            self._models[name] = _declaration(name, self._catalog, self._now_ns)
        return self._models[name]


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


def _earliest_ns(batch: Batch, now_ns: int) -> int:
    """When what the batch tells of began."""
    times = (record.time_ns if isinstance(record, Prediction) else record.start_ns for record in batch.records)
    return min(times, default=now_ns)


def _failed(record: Prediction) -> bool:
    return not record.outputs and (record.error is not None or record.status >= FAILED_STATUS_MIN)


def _once(record: object) -> BatchKey | None:
    """The key of an exchange that is taken once, whichever batch it comes in; None for all that have no such name."""
    if isinstance(record, Ledger):
        name = record.exchange
    else:
        is_named = isinstance(record, Prediction) and record.captured_by in ("kafka", "file")
        name = record.exchange if isinstance(record, Prediction) and is_named else None
    found = _ONCE.fullmatch(name) if name else None
    return BatchKey(found[1], int(found[2], 16) & (2**63 - 1)) if found else None


def _counted_already(record: Prediction) -> Ledger:
    """Takes back what a sender counted of an exchange that it has sent before."""
    second = record.time_ns - record.time_ns % 10**9
    return Ledger(
        start_ns=second, end_ns=second + 10**9, model=record.model, version=record.version, seen=-1, captured=-1
    )


def _refusals(batch: Batch, refused: Mapping[str, int], now_ns: int) -> Ledger:
    """What the monitor could not use moves from captured to undecodable, so that the law still adds up."""
    start_ns = next((r.start_ns for r in batch.records if isinstance(r, Ledger)), now_ns)
    return Ledger(
        start_ns=start_ns,
        end_ns=now_ns,
        captured=-sum(refused.values()),
        undecodable={f"monitor_{reason}": count for reason, count in refused.items()},
    )

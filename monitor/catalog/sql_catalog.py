"""The catalog on a SQL database: every method one transaction, writers one at a time, readers on a snapshot.

Two processes on one catalog are safe too: SQLite locks the file (`BEGIN IMMEDIATE`), PostgreSQL an advisory lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from collectors.records.types import Ledger, Passed
from monitor.catalog import (
    alerts,
    batches,
    holds,
    models,
    opinions,
    publications,
    retention,
    segments,
    telemetry,
    windows,
)
from monitor.definitions import MonitoredModel, Receiver
from monitor.errors import Unavailable
from monitor.findings import Alert, Span, Transition
from monitor.ports import (
    Arrival,
    Arrived,
    BaselineEntry,
    BatchKey,
    Delivery,
    GapEntry,
    Hold,
    ModelEntry,
    OwedOpinion,
    Publication,
    Segment,
    SegmentKind,
    Silence,
    TelemetryEntry,
    WindowEntry,
    WindowResult,
)

T = TypeVar("T")

_FAULTS_OF_OURS = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
"""What a database says of statements that are wrong; everything else it says of itself."""

WRITES = "outrider_writes"
"""Execution option of a connection whose transaction writes; the engine's `begin` listener takes the writer's lock."""


class SqlCatalog:
    """A Catalog on an engine whose tables are up to date. Made by `open_catalog`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = threading.Lock()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that is committed whole, or not at all when it raises."""
        with self._writer:
            return self._in_transaction(work, writes=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        return self._in_transaction(work, writes=False)

    def _in_transaction(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        try:
            with self._engine.connect().execution_options(**{WRITES: writes}) as connection, connection.begin():
                return work(connection)
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, _FAULTS_OF_OURS):
                raise
            raise Unavailable("catalog", str(getattr(error, "orig", None) or error).strip()) from error

    def put_model(self, declaration: MonitoredModel, now_ns: int, *, declared: bool) -> None:
        self.write(lambda c: models.put_model(c, declaration, now_ns, declared=declared))

    def put_proposal(self, name: str, proposal: MonitoredModel) -> None:
        self.write(lambda c: models.put_proposal(c, name, proposal))

    def model(self, name: str) -> ModelEntry | None:
        return self.read(lambda c: models.find_model(c, name))

    def models(self) -> list[ModelEntry]:
        return self.read(models.list_models)

    def put_baseline(self, entry: BaselineEntry) -> None:
        self.write(lambda c: models.put_baseline(c, entry))

    def baseline(self, model: str) -> BaselineEntry | None:
        return self.read(lambda c: models.find_baseline(c, model))

    def baselines(self) -> dict[str, str]:
        return self.read(models.list_baselines)

    def accept(self, arrivals: Sequence[Arrival], segments: Sequence[Segment], now_ns: int) -> bool:
        return self.write(lambda c: batches.accept(c, arrivals, segments, now_ns))

    def known(self, keys: Sequence[BatchKey]) -> set[BatchKey]:
        return self.read(lambda c: batches.known(c, keys))

    def gaps(self, model: str, start_ns: int | None, end_ns: int | None) -> list[GapEntry]:
        return self.read(lambda c: batches.list_gaps(c, model, start_ns, end_ns))

    def passed(self, model: str, start_ns: int, end_ns: int) -> Passed:
        return self.read(lambda c: batches.sum_passed(c, model, start_ns, end_ns))

    def ledger(self, model: str | None, version: str | None, start_ns: int, end_ns: int) -> Ledger:
        return self.read(lambda c: batches.sum_ledgers(c, model, version, start_ns, end_ns))

    def telemetry(self, model: str, start_ns: int, end_ns: int) -> list[TelemetryEntry]:
        return self.read(lambda c: telemetry.find(c, model, start_ns, end_ns))

    def put_segments(self, segments_: Sequence[Segment]) -> None:
        self.write(lambda c: segments.insert(c, segments_))

    def segments(
        self,
        kind: SegmentKind,
        model: str,
        version: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        after_id: int = 0,
    ) -> list[Segment]:
        return self.read(
            lambda c: segments.find(
                c, kind, model, version=version, start_ns=start_ns, end_ns=end_ns, after_id=after_id
            )
        )

    def arrived(self, after_id: int) -> tuple[int, list[Arrived]]:
        return self.read(lambda c: segments.arrived(c, after_id))

    def replace_segments(self, old: Sequence[Segment], new: Sequence[Segment]) -> None:
        self.write(lambda c: segments.replace(c, old, new))

    def drop_segments(self, ids: Iterable[int]) -> None:
        self.write(lambda c: segments.drop(c, list(ids)))

    def segment_paths(self, paths: Sequence[str]) -> set[str]:
        return self.read(lambda c: segments.registered(c, paths))

    def versions(self, model: str) -> list[str]:
        return self.read(lambda c: segments.list_versions(c, model))

    def commit_window(self, result: WindowResult, receivers: Sequence[Receiver], now_ns: int) -> int:
        return self.write(lambda c: windows.commit(c, result, receivers, now_ns))

    def window(self, model: str, version: str, rule: str, span: Span) -> WindowEntry | None:
        return self.read(lambda c: windows.find(c, model, version, rule, span))

    def windows(
        self,
        model: str,
        *,
        version: str | None = None,
        rule: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[WindowEntry]:
        return self.read(
            lambda c: windows.list_windows(
                c,
                model,
                version=version,
                rule=rule,
                start_ns=start_ns,
                end_ns=end_ns,
                limit=limit,
                newest_first=newest_first,
            )
        )

    def owed_opinions(self, model: str | None = None, limit: int = 1_000) -> list[OwedOpinion]:
        return self.read(lambda c: opinions.list_owed(c, model, limit))

    def owed_first(self) -> list[tuple[OwedOpinion, int]]:
        return self.read(opinions.list_first)

    def forget_opinion(self, opinion_id: int) -> None:
        self.write(lambda c: opinions.forget(c, opinion_id))

    def tiles(self, model: str, version: str, rule: str, span: Span) -> bytes | None:
        return self.read(lambda c: windows.find_tiles(c, model, version, rule, span))

    def memory(self, key: str) -> bytes | None:
        return self.read(lambda c: windows.find_memory(c, key))

    def alerts(self, model: str | None = None) -> list[Alert]:
        return self.read(lambda c: alerts.list_alerts(c, model))

    def put_alert(self, alert: Alert) -> None:
        self.write(lambda c: alerts.put_alert(c, alert))

    def transitions(
        self, model: str | None = None, fingerprint: str | None = None, start_ns: int | None = None, limit: int = 1000
    ) -> list[Transition]:
        return self.read(lambda c: alerts.list_transitions(c, model, fingerprint, start_ns, limit))

    def deliveries(self, now_ns: int, limit: int = 100) -> list[Delivery]:
        return self.read(lambda c: alerts.list_deliveries(c, now_ns, limit))

    def delivered(self, delivery_id: int, now_ns: int) -> None:
        self.write(lambda c: alerts.finish_delivery(c, delivery_id, "done", None, now_ns))

    def postpone(self, delivery_id: int, due_ns: int, reason: str) -> None:
        self.write(lambda c: alerts.postpone_delivery(c, delivery_id, due_ns, reason))

    def give_up(self, delivery_id: int, reason: str, now_ns: int) -> None:
        self.write(lambda c: alerts.finish_delivery(c, delivery_id, "given_up", reason, now_ns))

    def hold(self, delivery_id: int, due_ns: int, reason: str) -> None:
        self.write(lambda c: alerts.hold_delivery(c, delivery_id, due_ns, reason))

    def mute(self, delivery_id: int, reason: str, now_ns: int) -> None:
        self.write(lambda c: alerts.finish_delivery(c, delivery_id, alerts.MUTED, reason, now_ns))

    def publications(self, exporter: str, limit: int = 100) -> list[Publication]:
        found = self.read(lambda c: publications.list_next(c, exporter, limit))
        if found is None:
            self.write(lambda c: publications.register(c, exporter))
            found = self.read(lambda c: publications.list_next(c, exporter, limit))
        return found or []

    def published(self, exporter: str, sequence: int) -> None:
        self.write(lambda c: publications.advance(c, exporter, sequence))

    def put_hold(self, hold: Hold, alert: Alert) -> None:
        def both(connection: Connection) -> None:
            holds.put_hold(connection, hold)
            alerts.put_alert(connection, alert)

        self.write(both)

    def holds(
        self, model: str | None = None, start_ns: int | None = None, end_ns: int | None = None, limit: int | None = None
    ) -> list[Hold]:
        return self.read(lambda c: holds.list_holds(c, model, start_ns, end_ns, limit))

    def put_silence(self, silence: Silence) -> None:
        self.write(lambda c: alerts.put_silence(c, silence))

    def silences(self, now_ns: int | None = None) -> list[Silence]:
        return self.read(lambda c: alerts.list_silences(c, now_ns))

    def expire(
        self,
        before_ns: int,
        *,
        alerts_before_ns: int,
        taken_before_ns: int | None = None,
        exporters: Collection[str],
        windows_before_ns: Mapping[str, int] | None = None,
    ) -> list[Segment]:
        return self.write(
            lambda c: retention.expire(
                c,
                before_ns,
                alerts_before_ns=alerts_before_ns,
                taken_before_ns=taken_before_ns,
                exporters=exporters,
                windows_before_ns=windows_before_ns,
            )
        )

    def drop_baselines(self, before_ns: int) -> list[str]:
        return self.write(lambda c: retention.drop_baselines(c, before_ns))

    def ready(self) -> bool:
        try:
            self.read(lambda c: c.execute(text("SELECT 1")).scalar_one())
        except Unavailable:
            return False
        return True

    def close(self) -> None:
        self._engine.dispose()

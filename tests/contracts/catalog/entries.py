"""What the tests put into a catalog, one of each kind; keywords change what matters to a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from collectors.records.types import Gap, Ledger
from monitor.definitions import MonitoredModel, Receiver
from monitor.findings import Alert, AlertKind, AlertStatus, FeatureScore, Finding, Span, Status, Transition
from monitor.ports import Arrival, BatchKey, Catalog, Segment, WindowEntry, WindowResult

HOOK = Receiver("webhook", "http://127.0.0.1:9000/hook", "SECRET")
OTHER_HOOK = Receiver("alertmanager", "http://127.0.0.1:9093")


def declared(name: str = "income", **keys: Any) -> MonitoredModel:
    return MonitoredModel.from_document({"model": name, **keys})


def segment(
    path: str, start: int = 0, end: int = 9, *, model: str = "income", version: str = "1", **more: Any
) -> Segment:
    return replace(Segment("predictions", model, version, path, 10, start, end, 77), **more)


def window(start: int = 0, revision: int = 0, *, model: str = "income", version: str = "1", **more: Any) -> WindowEntry:
    entry = WindowEntry(model, version, "5m", Span(start, start + 10), revision, Status.OK, 100, 99)
    return replace(entry, **more)


def finding(start: int = 0, **more: Any) -> Finding:
    known = Finding(
        model="income",
        version="1",
        slice=None,
        feature="AGEP",
        metric="js_distance",
        kind=AlertKind.DRIFT,
        window=Span(start, start + 10),
        value=0.25,
        low=0.125,
        high=0.5,
        n_baseline=1000,
        n_window=100,
        n_missing=1,
        threshold=0.05,
        threshold_origin="default",
        status=Status.CRITICAL,
        reason=None,
    )
    return replace(known, **more)


def transition(state: AlertStatus = AlertStatus.FIRING, start: int = 0, **more: Any) -> Transition:
    known = Transition(
        fingerprint="f1",
        model="income",
        version="1",
        kind=AlertKind.DRIFT,
        state=state,
        since_ns=start + 10,
        window=Span(start, start + 10),
        value=0.5,
        threshold=0.05,
        features=(FeatureScore("RELP", "js_distance", 3.0, 0.2, "RELP = 17: 69.6 % against 5.2 %"),),
        summary="RELP drifted.",
    )
    return replace(known, **more)


def alert(state: AlertStatus = AlertStatus.FIRING, **more: Any) -> Alert:
    known = Alert("f1", "income", "1", AlertKind.DRIFT, state, 10, Span(0, 10), 0.5, 0.05, memory={"e": 12.5})
    return replace(known, **more)


def accept(
    catalog: Catalog,
    key: BatchKey,
    segments: Sequence[Segment],
    gaps: Sequence[Gap],
    ledgers: Sequence[Ledger],
    now_ns: int,
    previous: int | None = None,
) -> bool:
    """One batch by itself."""
    models = {s.model for s in segments} | {entry.model for entry in ledgers if entry.model}
    told = (tuple(gaps), tuple(ledgers))
    arrival = Arrival(key, *told, previous=previous, start_ns=now_ns, models=tuple(sorted(models)))
    return catalog.accept([arrival], segments, now_ns)


def result(entry: WindowEntry | None = None, **more: Any) -> WindowResult:
    known = WindowResult(entry or window(), b"tiles", (finding(),), (), (), ())
    return replace(known, **more)


def expire(
    catalog: Catalog, before_ns: int, *, alerts_before_ns: int = 0, exporters: Sequence[str] = ()
) -> list[Segment]:
    return catalog.expire(before_ns, alerts_before_ns=alerts_before_ns, exporters=exporters)

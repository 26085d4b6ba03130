"""A small language for window results: tests say what matters and get the rest."""

from __future__ import annotations

from typing import Any

from monitor.definitions import MonitoredModel
from monitor.findings import Alert, AlertKind, AlertStatus, FeatureScore, Finding, Span, Status, Transition
from monitor.metrics.metric import Metric
from monitor.ports import ModelEntry, Publication, WindowEntry

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_772_323_200 * SECOND
"""2026-03-01T00:00:00Z."""


def span(index: int = 0, minutes: int = 5) -> Span:
    """The index-th window of `minutes` since START."""
    return Span(START + index * minutes * MINUTE, START + (index + 1) * minutes * MINUTE)


def finding(metric: str = "psi", kind: AlertKind = AlertKind.DRIFT, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "model": "income",
        "version": "1",
        "slice": None,
        "feature": "age" if kind is AlertKind.DRIFT else None,
        "metric": metric,
        "kind": kind,
        "window": span(),
        "value": 0.3,
        "low": 0.2,
        "high": 0.4,
        "n_baseline": 5_000,
        "n_window": 1_000,
        "n_missing": 0,
        "threshold": 0.25,
        "threshold_origin": "default",
        "status": Status.OK,
        "reason": None,
        "score": 1.2,
        "baseline": "b1",
    }
    return Finding(**(values | changes))


def window(index: int = 0, **changes: Any) -> WindowEntry:
    values: dict[str, Any] = {
        "model": "income",
        "version": "1",
        "rule": "5m",
        "span": span(index),
        "revision": 0,
        "status": Status.OK,
        "n_window": 1_000,
        "closed_ns": (span(index).end_ns or 0) + 2 * SECOND,
        "labelled": 800,
        "seen": 1_010,
        "captured": 1_000,
        "dropped": 10,
        "baseline": "b1",
    }
    return WindowEntry(**(values | changes))


def transition(state: AlertStatus = AlertStatus.FIRING, index: int = 0, **changes: Any) -> Transition:
    line = FeatureScore("RELP", "js_distance", 4.2, 0.2, "RELP = 17: 69.6 % against 5.2 %")
    return Transition(**(_drift(state, index) | {"features": (line,)} | changes))


def alert(state: AlertStatus = AlertStatus.FIRING, **changes: Any) -> Alert:
    return Alert(**(_drift(state) | changes))


def _drift(state: AlertStatus, index: int = 0) -> dict[str, Any]:
    """What an alert and its transitions say alike."""
    return {
        "fingerprint": "f1",
        "model": "income",
        "version": "1",
        "kind": AlertKind.DRIFT,
        "state": state,
        "since_ns": span().end_ns,
        "window": span(index),
        "value": 0.41,
        "threshold": 0.25,
        "summary": "Drift of income 1: JS distance 0.41, limit 0.25, n 1,000.",
    }


def publication(index: int = 0, *findings: Finding, **changes: Any) -> Publication:
    """The result of the index-th window; keyword arguments are those of its WindowEntry."""
    transitions = changes.pop("transitions", ())
    return Publication(index, window(index, **changes), findings or (finding(),), transitions)


def declared(model: str = "income", **document: Any) -> ModelEntry:
    declaration = MonitoredModel.from_document({"model": model, **document})
    return ModelEntry(model, declaration, declared=True, updated_ns=START)


def proposed(model: str) -> ModelEntry:
    return ModelEntry(model, MonitoredModel.from_document({"model": model}), declared=False, updated_ns=START)


def finding_of(metric: Metric, **changes: Any) -> Finding:
    """A finding of a metric of the registry, on the column, pair, group or window that it is about."""
    about: dict[str, Any] = {"feature": None}
    if metric.kind in (AlertKind.DRIFT, AlertKind.QUALITY):
        about = {"feature": "age~wage" if metric.name == "correlation_distance" else "age"}
    elif metric.kind is AlertKind.FAIRNESS:
        about = {"feature": None, "slice": "SEX=2"}
    return finding(metric.name, metric.kind, **(about | changes))

"""What Elasticsearch gets: one document per decision record, per window and per alert transition. Pure.

An id is a hash of what the document says it is, so that a second delivery meets the first one and changes nothing.
Data streams are append-only: a revised window is new documents with the next revision. `outrider.record` is the same
in every revision: collapse on it, highest revision first, to read each value once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.findings import SEVERITIES, Cause, Finding, Transition, rfc3339
from monitor.ports import Publication, WindowEntry

ECS_VERSION = "8.17.0"
FEATURES_OF_ALERT_MAX = 50
"""Ranked features kept in an alert's document; the rest is in the window's documents."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document on its way: `stream` is the dataset's full name, `id` its identity in it."""

    stream: str
    id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Streams:
    """Names of the data streams of one namespace."""

    namespace: str

    @property
    def window(self) -> str:
        return f"metrics-outrider.window-{self.namespace}"

    @property
    def alert(self) -> str:
        return f"logs-outrider.alert-{self.namespace}"

    @property
    def all(self) -> tuple[str, ...]:
        return (self.window, self.alert)


def publication_documents(publication: Publication, streams: Streams) -> Iterator[Document]:
    """Documents of one window result: the window itself, its findings, its transitions."""
    window = publication.window
    yield _window_document(window, streams)
    for finding in publication.findings:
        yield _finding_document(finding, window, streams)
    for transition in publication.transitions:
        yield _alert_document(transition, window, streams)


def _window_document(window: WindowEntry, streams: Streams) -> Document:
    body = {
        "@timestamp": rfc3339(window.span.start_ns if window.span.start_ns is not None else window.closed_ns),
        **_event("metrics", streams.window, kind="metric", ingested_ns=window.closed_ns),
        "outrider": {
            "document": "window",
            "record": _id("window", *_window_key(window)[:-1]),
            **_of_window(window),
            "status": window.status.value,
            "reason": window.reason,
            "counts": {
                "window": window.n_window,
                "labelled": window.labelled,
                "seen": window.seen,
                "captured": window.captured,
                "sampled_out": window.sampled_out,
                "dropped": window.dropped,
                "undecodable": window.undecodable,
            },
        },
    }
    return Document(streams.window, _id("window", *_window_key(window)), body)


def _finding_document(finding: Finding, window: WindowEntry, streams: Streams) -> Document:
    what = (finding.metric, finding.feature or "", finding.slice or "")
    low, high = finding.threshold if isinstance(finding.threshold, tuple) else (None, finding.threshold)
    body = {
        "@timestamp": rfc3339(window.span.start_ns if window.span.start_ns is not None else window.closed_ns),
        **_event("metrics", streams.window, kind="metric", ingested_ns=window.closed_ns),
        "outrider": {
            "document": "finding",
            "record": _id("finding", *_window_key(window)[:-1], *what),
            **_of_window(window),
            "kind": finding.kind.value,
            "metric": finding.metric,
            "feature": finding.feature,
            "slice": finding.slice,
            "value": _finite(finding.value),
            "low": _finite(finding.low),
            "high": _finite(finding.high),
            "threshold": {"low": _finite(low), "high": _finite(high), "origin": finding.threshold_origin},
            "score": _finite(finding.score),
            "windows": finding.windows,
            "status": finding.status.value,
            "reason": finding.reason,
            "counts": {
                "baseline": finding.n_baseline,
                "window": finding.n_window,
                "missing": finding.n_missing,
            },
        },
    }
    return Document(streams.window, _id("finding", *_window_key(window), *what), body)


def _alert_document(transition: Transition, window: WindowEntry, streams: Streams) -> Document:
    body = {
        "@timestamp": rfc3339(transition.window.end_ns if transition.window.end_ns is not None else window.closed_ns),
        **_event("logs", streams.alert, kind="alert", ingested_ns=window.closed_ns),
        "message": transition.summary + (f" {transition.cause.summary}." if transition.cause else ""),
        "rule": {"name": transition.kind.value, "ruleset": "outrider"},
        "outrider": {
            "document": "alert",
            **_of_window(window),
            "kind": transition.kind.value,
            "fingerprint": transition.fingerprint,
            "state": transition.state.value,
            "severity": SEVERITIES[transition.kind],
            "since": rfc3339(transition.since_ns),
            "value": _finite(transition.value),
            "peak": _finite(transition.peak),
            "threshold": {"high": _finite(transition.threshold)},
            "escalated": transition.escalated,
            "revised": transition.revised,
            "reason": transition.reason,
            "features": [
                {
                    "name": f.feature,
                    "metric": f.metric,
                    "slice": f.slice,
                    "score": _finite(f.score),
                    "effect": _finite(f.effect),
                }
                for f in transition.features[:FEATURES_OF_ALERT_MAX]
            ],
            **_of_cause(transition.cause),
        },
    }
    key = (*_window_key(window), transition.fingerprint, transition.state.value, str(transition.escalated))
    return Document(streams.alert, _id("alert", *key), body)


def _of_cause(cause: Cause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    since = cause.since
    times = {} if since is None else {"since": since.at_ns, "since_low": since.low_ns, "since_high": since.high_ns}
    named = {"verdict": cause.verdict, "feature": cause.feature, "slice": cause.slice}
    return {"cause": named | {name: rfc3339(ns) for name, ns in times.items()}}


def _of_window(window: WindowEntry) -> dict[str, Any]:
    return {
        "model": {"name": window.model, "version": window.version},
        "window": {"name": window.rule, "start": rfc3339(window.span.start_ns), "end": rfc3339(window.span.end_ns)},
        "revision": window.revision,
        "baseline": window.baseline,
        "code": window.code,
    }


def _event(kind_of_stream: str, stream: str, *, kind: str, ingested_ns: int) -> dict[str, Any]:
    dataset, namespace = stream.split("-", 2)[1:]
    return {
        "ecs": {"version": ECS_VERSION},
        "data_stream": {"type": kind_of_stream, "dataset": dataset, "namespace": namespace},
        "event": {"kind": kind, "dataset": dataset, "ingested": rfc3339(ingested_ns)},
    }


def _window_key(window: WindowEntry) -> tuple[str, ...]:
    span = f"{window.span.start_ns}/{window.span.end_ns}"
    return (window.model, window.version, window.rule, span, str(window.revision))


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; a score over a limit of nothing is one, and its status tells the rest."""
    return value if value is not None and math.isfinite(value) else None


def _id(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:40]

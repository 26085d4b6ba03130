"""A pipeline: the models that feed one, which requests passed all of them, how long each took, and which changed first.

Components are tied by W3C trace id. A request is one trace that a first component (one that nothing feeds) saw in a window; it has passed
where every component answered it within MARGIN_NS of the window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.alerts.causes.upstream import began, depths, in_order
from monitor.alerts.effects import wilson
from monitor.findings import Alert, Span, UpstreamAlert
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.rows import Rows

COMPONENTS_MAX = 50
"""Models of one pipeline: of each the rows of a window are read."""
MARGIN_NS = 60 * 10**9
"""How long before or after its window another component may have seen a request: clocks differ, and queues wait."""


@dataclass(frozen=True, slots=True)
class Component:
    """`depth` counts the steps to the model that was asked about, which has 0."""

    model: str
    depth: int
    upstream: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """What one component made of a window's requests; seconds are of those that it answered, None where none was timed."""

    model: str
    reached: int
    answered: int
    failed: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One window. `share` with its 95 % interval is of `requests`; None with a reason where nobody can tell."""

    span: Span
    requests: int
    passed: int
    share: float | None
    low: float | None
    high: float | None
    reason: str | None
    p50: float | None
    """Seconds from the first byte that a component saw of a request that passed to the last that one sent."""
    p95: float | None
    stages: tuple[Stage, ...]


def components(catalog: Catalog, model: str) -> list[Component]:
    """The farthest first, the model itself last."""
    upstream = upstream_of(catalog)
    away = depths(upstream, model)
    names = sorted(away, key=lambda name: (-away[name], name))[-COMPONENTS_MAX:]
    return [Component(name, away[name], tuple(upstream.get(name, ())), name in upstream) for name in names]


def upstream_of(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    return {entry.name: entry.declaration.upstream for entry in catalog.models()}


def fed_by(catalog: Catalog, model: str) -> list[str]:
    """Models that this one feeds directly."""
    return sorted(name for name, upstream in upstream_of(catalog).items() if model in upstream)


def upstream_alerts(catalog: Catalog, model: str) -> list[Alert]:
    """Those of the models that feed this one."""
    entry = catalog.model(model)
    if entry is None or not entry.declaration.upstream:
        return []
    return [alert for c in components(catalog, model) if c.depth for alert in catalog.alerts(c.model)]


def upstream_now(catalog: Catalog, alert: Alert) -> list[UpstreamAlert]:
    """The open alerts of the models that feed this alert's, as they are now; its cause has what was known when it spoke."""
    length_ns = None if alert.window is None else (alert.window.end_ns or 0) - (alert.window.start_ns or 0)
    return in_order(upstream_alerts(catalog, alert.model), length_ns, began(alert))


def order_of_changes(catalog: Catalog, found: Sequence[Component]) -> list[UpstreamAlert]:
    """The open alerts of all components, by when they began."""
    return in_order([alert for one in found for alert in catalog.alerts(one.model)])


def passage(catalog: Catalog, store: SegmentStore, found: Sequence[Component], span: Span) -> Passage:
    seen = {one.model: _seen(catalog, store, one.model, span) for one in found if one.known}
    firsts = [one.model for one in found if one.known and not any(name in seen for name in one.upstream)]
    start_ns, end_ns = span.start_ns or 0, span.end_ns or 0
    requests: set[str] = set()
    for name in firsts:
        rows = seen[name].rows
        inside = (rows.time_ns >= start_ns) & (rows.time_ns < end_ns)
        requests |= set(rows.trace[inside].tolist()) if rows.trace is not None else set()
    stages = tuple(_stage(name, one, requests) for name, one in seen.items())
    passed = set(requests).intersection(*(one.answered for one in seen.values()))
    reason = _why_unknown(requests, seen)
    low, high = wilson(len(passed), len(requests)) if reason is None else (None, None)
    p50, p95 = _quantiles(_whole_way(passed, seen))
    share = len(passed) / len(requests) if reason is None else None
    return Passage(span, len(requests), len(passed), share, low, high, reason, p50, p95, stages)


@dataclass(frozen=True, slots=True)
class _Seen:
    """First rows of a component's exchanges that bear a trace, answered and refused."""

    rows: Rows
    refused: np.ndarray[tuple[int], np.dtype[np.bool_]]
    sampled: bool

    @property
    def answered(self) -> set[str]:
        return set() if self.rows.trace is None else set(self.rows.trace[~self.refused].tolist())


def _seen(catalog: Catalog, store: SegmentStore, model: str, span: Span) -> _Seen:
    start_ns, end_ns = (span.start_ns or 0) - MARGIN_NS, (span.end_ns or 0) + MARGIN_NS
    parts = [
        store.read_rows(catalog.segments(kind, model, None, start_ns, end_ns), start_ns, end_ns, columns=())
        for kind in ("predictions", "failures")
    ]
    taken = [part.take((part.row == 0) & _traced(part)) for part in parts]
    both = _joined(taken)
    refused = np.repeat([False, True], [len(part) for part in taken])
    sampled = both.inclusion is not None and bool((both.inclusion < 1).any())
    return _Seen(both, refused, sampled)


def _traced(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if rows.trace is None:
        return np.zeros(len(rows), np.bool_)
    return np.array([trace is not None for trace in rows.trace.tolist()], np.bool_)


def _joined(parts: Sequence[Rows]) -> Rows:
    return Rows(
        time_ns=np.concatenate([p.time_ns for p in parts]),
        id=np.concatenate([p.id for p in parts]),
        row=np.concatenate([p.row for p in parts]),
        of=np.concatenate([p.of for p in parts]),
        inclusion=np.concatenate([np.ones(len(p)) if p.inclusion is None else p.inclusion for p in parts]),
        trace=np.concatenate([np.empty(0, object) if p.trace is None else p.trace for p in parts]),
        duration_ns=np.concatenate(
            [np.full(len(p), -1, np.int64) if p.duration_ns is None else p.duration_ns for p in parts]
        ),
    )


def _stage(name: str, seen: _Seen, requests: set[str]) -> Stage:
    rows = seen.rows
    own = np.array([trace in requests for trace in ([] if rows.trace is None else rows.trace.tolist())], np.bool_)
    answered = own & ~seen.refused
    durations = np.empty(0, np.int64) if rows.duration_ns is None else rows.duration_ns[answered]
    traces = [] if rows.trace is None else rows.trace.tolist()
    ended = {t for t, yes in zip(traces, answered, strict=True) if yes}
    refused = {t for t, yes in zip(traces, own & seen.refused, strict=True) if yes}
    p50, p95 = _quantiles([float(ns) / 1e9 for ns in durations if ns >= 0])
    return Stage(name, len(ended | refused), len(ended), len(refused - ended), p50, p95)


def _whole_way(passed: set[str], seen: Mapping[str, _Seen]) -> list[float]:
    """Seconds of each request that passed, where every component timed it."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    untimed: set[str] = set()
    for one in seen.values():
        rows = one.rows
        if rows.trace is None or rows.duration_ns is None:
            return []
        for trace, at, took in zip(rows.trace.tolist(), rows.time_ns.tolist(), rows.duration_ns.tolist(), strict=True):
            if trace not in passed:
                continue
            if took < 0:
                untimed.add(trace)
            first[trace] = min(first.get(trace, at), at)
            last[trace] = max(last.get(trace, 0), at + max(took, 0))
    return [(last[t] - first[t]) / 1e9 for t in passed if t not in untimed]


def _quantiles(seconds: Sequence[float]) -> tuple[float | None, float | None]:
    if not seconds:
        return None, None
    p50, p95 = np.quantile(np.array(seconds), [0.5, 0.95])
    return float(p50), float(p95)


def _why_unknown(requests: set[str], seen: Mapping[str, _Seen]) -> str | None:
    if len(seen) < 2:
        return "no other model of the pipeline is known here"
    if not requests:
        return "no request with a trace id in this window: servers or clients must send `traceparent`"
    sampled = sorted(name for name, one in seen.items() if one.sampled)
    if sampled:
        return f"{sampled[0]} was sampled: a request that is not there may have passed all the same"
    return None

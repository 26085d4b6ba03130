"""When an alert speaks, its cause is found and stored with it. A failure here costs the cause, never the alert."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from monitor.alerts.causes.cause import HISTORY_MAX, ROWS_MAX, case_of, cause_of, since_of
from monitor.alerts.causes.refresh import refresh_due, refreshed, with_cause
from monitor.alerts.causes.upstream import with_upstream
from monitor.alerts.lifecycle import last_ended_ns
from monitor.findings import Alert, AlertStatus, Cause, Span, Transition
from monitor.jobs.look import Looked, Subject, Track
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import TileSet

log = logging.getLogger("outrider.causes")

History = Sequence[tuple[Span, TileSet]]


@dataclass(frozen=True, slots=True)
class Records:
    """Where the windows and rows around an alert are: read only when one speaks."""

    history: Callable[[], History]
    """The last windows with rows, ascending, that of the look last."""
    rows: Callable[[Span], Rows]
    """The rows of a span with their labels."""
    baseline_rows: Callable[[], Rows | None]
    upstream: Callable[[], Sequence[Alert]] = tuple
    """Alerts of the models that feed this one."""


def with_causes(track: Track, looked: Looked, window: Span, subject: Subject, records: Records) -> tuple[Track, Looked]:
    """The track and the look with the cause of every alert that speaks in it, and of those whose story may have grown."""
    speaking = [t for t in looked.transitions if t.state is AlertStatus.FIRING]
    told_kinds = {t.kind for t in speaking}
    again = [a for a in looked.alerts if a.kind not in told_kinds and refresh_due(a, window)]
    if not speaking and not again:
        return track, looked
    history = tuple(records.history())[-HISTORY_MAX:]
    # Several alerts may speak at once, and a baseline is large.
    records = replace(records, baseline_rows=cache(records.baseline_rows))
    own = {a.kind: _of_this_life(history, a) for a in looked.alerts}
    causes = {t.kind: _cause(t, window, subject, own.get(t.kind, history), records) for t in speaking}
    grown = {a.kind: _cause(a, window, subject, own[a.kind], records) for a in again}

    def told(transition: Transition) -> Transition:
        return replace(transition, cause=causes[transition.kind]) if transition in speaking else transition

    def caused(alert: Alert) -> Alert:
        if alert.kind in causes and alert.state is AlertStatus.FIRING:
            return with_cause(alert, causes[alert.kind])
        return refreshed(alert, grown[alert.kind]) if alert.kind in grown and refresh_due(alert, window) else alert

    alerts = {kind: caused(alert) for kind, alert in track.alerts.items()}
    late = None if track.late is None else caused(track.late)
    return replace(track, alerts=alerts, late=late), replace(
        looked,
        transitions=tuple(map(told, looked.transitions)),
        alerts=tuple(map(caused, looked.alerts)),
    )


def _of_this_life(history: History, alert: Alert) -> History:
    """The windows after those in which the alert was open before: what it told then is not what it tells of now."""
    ended = last_ended_ns(alert)
    if ended is None:
        return history
    return tuple((span, tiles) for span, tiles in history if span.end_ns is None or span.end_ns > ended) or history


def _cause(
    alert: Transition | Alert, window: Span, subject: Subject, history: History, records: Records
) -> Cause | None:
    try:
        since = since_of(alert.kind, alert.features, history, subject.baseline)
        rows = records.rows(_span(history, window, since.at_ns if since is not None else None))
        case = case_of(alert, subject.model, subject.baseline, history, rows, records.baseline_rows())
        return with_upstream(replace(cause_of(case), window=window), window, records.upstream())
    except Exception:
        log.exception("cause not found", extra={"model": alert.model, "kind": alert.kind.value})
        return None


def _span(history: History, window: Span, since_ns: int | None) -> Span:
    """From the change to the end of the window, at most the newest windows that hold ROWS_MAX rows."""
    if since_ns is None:
        return window
    start_ns, rows = window.start_ns, 0
    for span, tiles in reversed(history):
        rows += tiles.rows
        if (span.start_ns or 0) < since_ns or rows > ROWS_MAX:
            break
        start_ns = min(start_ns or 0, span.start_ns or 0)
    return Span(start_ns, window.end_ns)

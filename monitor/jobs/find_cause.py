"""When an alert speaks, its cause is found and stored with it. A failure here costs the cause, never the alert."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from monitor.alerts.causes.cause import HISTORY_MAX, ROWS_MAX, case_of, cause_of, since_of
from monitor.findings import Alert, AlertKind, AlertStatus, Cause, Span, Transition
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


def with_causes(track: Track, looked: Looked, subject: Subject, records: Records) -> tuple[Track, Looked]:
    """The track and the look with the cause of every alert that speaks in it."""
    speaking = [t for t in looked.transitions if t.state is AlertStatus.FIRING]
    if not speaking:
        return track, looked
    history = tuple(records.history())[-HISTORY_MAX:]
    # Several alerts may speak at once, and a baseline is large.
    records = replace(records, baseline_rows=cache(records.baseline_rows))
    causes = {t.kind: _cause(t, subject, history, records) for t in speaking}

    def told(transition: Transition) -> Transition:
        return replace(transition, cause=causes[transition.kind]) if transition in speaking else transition

    alerts = {kind: _caused(alert, causes) for kind, alert in track.alerts.items()}
    late = None if track.late is None else _caused(track.late, causes)
    return replace(track, alerts=alerts, late=late), replace(
        looked,
        transitions=tuple(map(told, looked.transitions)),
        alerts=tuple(_caused(alert, causes) for alert in looked.alerts),
    )


def _caused(alert: Alert, causes: Mapping[AlertKind, Cause | None]) -> Alert:
    if alert.kind not in causes or alert.state is not AlertStatus.FIRING:
        return alert
    return replace(alert, cause=causes[alert.kind])


def _cause(transition: Transition, subject: Subject, history: History, records: Records) -> Cause | None:
    try:
        since = since_of(transition.kind, transition.features, history, subject.baseline)
        rows = records.rows(_span(history, transition, since.at_ns if since is not None else None))
        case = case_of(transition, subject.model, subject.baseline, history, rows, records.baseline_rows())
        return cause_of(case)
    except Exception:
        log.exception("cause not found", extra={"model": transition.model, "kind": transition.kind.value})
        return None


def _span(history: History, transition: Transition, since_ns: int | None) -> Span:
    """From the change to the end of the window, at most the newest windows that hold ROWS_MAX rows."""
    if since_ns is None:
        return transition.window
    start_ns, rows = transition.window.start_ns, 0
    for span, tiles in reversed(history):
        rows += tiles.rows
        if (span.start_ns or 0) < since_ns or rows > ROWS_MAX:
            break
        start_ns = min(start_ns or 0, span.start_ns or 0)
    return Span(start_ns, transition.window.end_ns)

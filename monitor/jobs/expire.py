"""Forget what is past its retention, and join the small segments of a closed hour into one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from monitor.jobs.context import Context
from monitor.ports import Segment, SegmentKind

DAY_NS = 86_400 * 10**9
HOUR_NS = 3_600 * 10**9
ORPHAN_AGE_NS = HOUR_NS
"""A younger file may be one that is being registered just now."""
COMPACT_SEGMENTS_MIN = 8
"""Fewer files than this in an hour are not worth joining."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that each kind is kept: rows for drill-down and late labels, results for a year."""

    rows_days: int = 30
    records_days: int = 90
    measurements_days: int = 400
    bookkeeping_days: int = 30
    published_days: int = 1
    """Results that every exporter has taken: enough for one that is switched on late to begin with yesterday."""


def expire(context: Context, retention: Retention) -> int:
    """Drop what is older than its retention; returns how many segments went."""
    now_ns = context.clock()
    days: dict[SegmentKind, int] = {
        "predictions": retention.rows_days,
        "failures": retention.rows_days,
        "labels": retention.records_days,
        "anomalies": retention.records_days,
        "explanations": retention.records_days,
        "measurements": retention.measurements_days,
    }
    old: list[Segment] = []
    for entry in context.catalog.models():
        for kind, kept in days.items():
            before = now_ns - kept * DAY_NS
            found = context.catalog.segments(kind, entry.name, end_ns=before)
            old.extend(s for s in found if s.end_ns < before and s.created_ns < before)
    context.catalog.drop_segments([s.id for s in old])
    # The catalog names a file once nobody can be reading it any more.
    before_ns = now_ns - retention.bookkeeping_days * DAY_NS
    gone = context.catalog.expire(
        before_ns,
        alerts_before_ns=now_ns - retention.measurements_days * DAY_NS,
        taken_before_ns=now_ns - retention.published_days * DAY_NS,
        exporters=[exporter.name for exporter in context.exporters],
    )
    context.store.delete(gone)
    for path in context.catalog.drop_baselines(before_ns):
        context.store.delete_baseline(path)
    return len(gone) + sweep(context)


def sweep(context: Context) -> int:
    """Delete files that no segment names: written before a crash that kept the catalog from hearing of them. Returns how many."""
    return context.store.sweep(context.catalog.segment_paths, context.clock() - ORPHAN_AGE_NS)


def compact(context: Context, kind: SegmentKind, model: str) -> int:
    """Join the segments of each hour that ended over an hour ago; returns how many files became fewer."""
    now_ns = context.clock()
    segments = context.catalog.segments(kind, model, end_ns=now_ns - HOUR_NS)
    done = [s for s in segments if s.end_ns < now_ns - HOUR_NS and s.created_ns < now_ns - HOUR_NS and s.end_ns > 0]
    saved = 0
    for _, group in groupby(sorted(done, key=_hour), key=_hour):
        alike = list(group)
        if len(alike) >= COMPACT_SEGMENTS_MIN:
            joined = context.store.compact(sorted(alike, key=lambda s: s.id), now_ns)
            context.catalog.replace_segments(alike, [joined])
            saved += len(alike) - 1
    return saved


def _hour(segment: Segment) -> tuple[str, int, int]:
    return segment.version, segment.start_ns // HOUR_NS, segment.end_ns // HOUR_NS

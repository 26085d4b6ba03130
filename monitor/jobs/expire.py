"""Forget what is past its retention, join the small segments of a closed hour into one, and thin measurements of long ago."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from monitor.jobs.context import Context
from monitor.ports import ModelEntry, Segment, SegmentKind

DAY_NS = 86_400 * 10**9
HOUR_NS = 3_600 * 10**9
ORPHAN_AGE_NS = HOUR_NS
"""A younger file may be one that is being registered just now."""
COMPACT_SEGMENTS_MIN = 8
"""Fewer files than this in an hour are not worth joining."""
REACHES = 2
"""Of a baseline that moves, twice the length is read: how its stretches differ among each other tells what is out of the ordinary."""
THINNED_DAYS_MAX = 8
"""Days of one model that are thinned at a time: a few where a monitor was away, and nobody waits long for the first year."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that each kind is kept: rows for drill-down and late labels, results for a year."""

    rows_days: int = 30
    records_days: int = 90
    measurements_days: int = 400
    measurements_whole_days: int = 30
    """After these the worst of each hour is kept: what is drawn of a year has no room for each five minutes."""
    bookkeeping_days: int = 30
    """Windows with their tiles among it; where a baseline moves, those it is made of are kept as much longer."""
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
    entries = context.catalog.models()
    for entry in entries:
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
        windows_before_ns={entry.name: before_ns - REACHES * reach for entry in entries if (reach := _reach_ns(entry))},
    )
    context.store.delete(gone)
    for path in context.catalog.drop_baselines(before_ns):
        context.store.delete_baseline(path)
    return len(gone) + sweep(context)


def _reach_ns(entry: ModelEntry) -> int:
    """How far back the windows are that a model's windows are compared with."""
    return entry.declaration.baseline.reach_ns


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


def thin(context: Context, model: str, whole_days: int) -> int:
    """Of each day that is older, keep the worst measurement of each hour, in one segment; returns how many days were thinned.

    A day in one segment has been thinned, or had only one window; what comes late for it makes a second.
    """
    now_ns = context.clock()
    before_ns = (now_ns - whole_days * DAY_NS) // DAY_NS * DAY_NS
    segments = context.catalog.segments("measurements", model, end_ns=before_ns)
    old = [s for s in segments if s.end_ns < before_ns and s.created_ns < now_ns - HOUR_NS]
    days = [list(group) for _, group in groupby(sorted(old, key=_day), key=_day)]
    several = [day for day in days if len(day) > 1][:THINNED_DAYS_MAX]
    for day in several:
        thinned = context.store.thin(sorted(day, key=lambda s: s.id), now_ns)
        context.catalog.replace_segments(day, [thinned])
    return len(several)


def _day(segment: Segment) -> tuple[str, int, int]:
    return segment.version, segment.start_ns // DAY_NS, segment.end_ns // DAY_NS

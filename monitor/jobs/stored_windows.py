"""What the catalog holds of one place: its closed windows and segments, and which windows were closed too early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.findings import Span
from monitor.jobs.due_windows import meets
from monitor.jobs.track import Place
from monitor.ports import Catalog, RowsKind, Segment, SegmentKind, SegmentStore, WindowEntry
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.tileset import TileSet
from monitor.windows.spans import depends_on_rows, sessions_between, spans_between

ROWS_KINDS: tuple[RowsKind, RowsKind] = ("predictions", "failures")


@dataclass(frozen=True, slots=True)
class StoredWindows:
    """Of one version of a model under one window rule."""

    catalog: Catalog
    place: Place

    def segments(
        self, kind: SegmentKind, start_ns: int | None = None, end_ns: int | None = None, *, after_id: int = 0
    ) -> list[Segment]:
        if kind == "labels":
            return self.catalog.segments("labels", self.place.model, None, start_ns, end_ns, after_id=after_id)
        return self.catalog.segments(kind, self.place.model, self.place.version, start_ns, end_ns, after_id=after_id)

    def traffic(self, start_ns: int | None) -> list[Segment]:
        """What windows are due for: rows, and refused exchanges too where windows do not count rows."""
        refused = [] if depends_on_rows(self.place.rule) else self.segments("failures", start_ns)
        return [*self.segments("predictions", start_ns), *refused]

    def windows(self, **filters: int | bool) -> list[WindowEntry]:
        place = self.place
        return self.catalog.windows(place.model, version=place.version, rule=place.rule.name, **filters)  # type: ignore[arg-type]  # keyword subset

    def unjudged(self, most: int) -> list[WindowEntry]:
        """Of the last so many windows those with rows that had no baseline, ascending."""
        last = self.windows(limit=most, newest_first=True)[::-1]
        return [w for w in last if w.n_window and w.baseline is None]

    def closed_until(self) -> int | None:
        last = self.windows(limit=1, newest_first=True)
        return last[0].span.end_ns if last else None

    def newest(self, kind: SegmentKind, seen: int) -> int:
        """The last segment that is here, where `seen` is one that was the last before."""
        return max((s.id for s in self.segments(kind, after_id=seen)), default=seen)

    def late_segments(self, seen: int, seen_refused: int, closed_ns: int | None) -> list[Segment]:
        """Segments of rows and of refused exchanges that came since the last pass and reach back behind what is closed."""
        if closed_ns is None:
            return []
        refused = self.segments("failures", None, closed_ns, after_id=seen_refused)
        return [*self.segments("predictions", None, closed_ns, after_id=seen), *refused]

    def is_counted(self, window: WindowEntry, store: SegmentStore) -> bool:
        """Whether a closed window has all rows and refused exchanges that are here: files that were joined look like new ones."""
        start_ns, end_ns = window.span.start_ns, window.span.end_ns
        rows, refused = (
            len(store.read_rows(found, start_ns, end_ns, columns=())) if found else 0
            for found in (self.segments(kind, start_ns, end_ns) for kind in ROWS_KINDS)
        )
        return self._has(window, rows, refused)

    def is_of(self, window: WindowEntry, tiles: TileSet) -> bool:
        """Whether a closed window was of as many rows and refused exchanges."""
        return self._has(window, tiles.rows, 0 if tiles.service is None else tiles.service.failed)

    def _has(self, window: WindowEntry, rows: int, refused: int) -> bool:
        if rows != window.n_window:
            return False
        data = self.catalog.tiles(window.model, window.version, window.rule, window.span)
        service = decode_tileset(data).service if data else None
        return refused == (0 if service is None else service.failed)

    def late_windows(self, late: Sequence[Segment], closed_ns: int | None) -> list[WindowEntry]:
        """Closed windows into which late segments reach."""
        if not late:
            return []
        windows = self.windows(start_ns=self.earliest(min(s.start_ns for s in late)), end_ns=closed_ns or 0)
        return [w for w in windows if any(meets(s, w.span) for s in late)]

    def missed_spans(
        self,
        late: Sequence[Segment],
        windows: Sequence[WindowEntry],
        closed_ns: int | None,
        most: int,
        store: SegmentStore,
    ) -> list[Span]:
        """Spans behind what is closed that have no window, and now have rows: nobody told of them while they were silent."""
        rows = [s for s in late if s.kind == "predictions"]
        if rows and closed_ns is not None and self.place.rule.session_gap_ns is not None:
            times = np.sort(store.read_rows(rows, None, closed_ns, columns=()).time_ns)
            return sessions_between(self.place.rule, times, [w.span for w in windows])[:most]
        if not late or closed_ns is None or depends_on_rows(self.place.rule):
            return []
        known = {w.span for w in windows}
        spans = {
            span: None
            for segment in late
            for span in spans_between(self.place.rule, segment.start_ns, min(segment.end_ns, closed_ns - 1))
            if (span.end_ns or 0) <= closed_ns
        }
        return sorted((s for s in spans if s not in known), key=start_of)[:most]

    def earliest(self, ns: int) -> int:
        """Start of the earliest closed window that may hold this instant: a pass must not read all there ever were."""
        before = self.windows(end_ns=ns + 1, limit=1, newest_first=True)
        start_ns = before[0].span.start_ns if before else None
        return min(ns if start_ns is None else start_ns, ns - (self.place.rule.sliding_ns or 0))


def start_of(span: Span) -> int:
    return span.start_ns or 0

"""The last values of each metric of a place, for the forecast of its crossing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitor.alerts.forecast import WINDOWS_MAX, Point, forecast
from monitor.findings import AlertKind, Finding
from monitor.ports import WindowEntry

Record = tuple[AlertKind, str, str | None, str | None]
"""What a finding is about, whichever revision says it."""

RECORDS_MAX = 150
"""Metrics of one place whose values are kept, nearest their limits first: with 48 values each one megabyte."""


@dataclass(frozen=True, slots=True)
class Trends:
    """Points by record, ascending in time. After a restart they begin anew: a forecast needs a dozen windows."""

    points: Mapping[Record, tuple[Point, ...]] = field(default_factory=dict)

    def then(self, window: WindowEntry, findings: Mapping[Record, Finding]) -> Trends:
        """With what a window says; a later revision takes the place of an earlier one."""
        judged = {
            record: Point(window.span.end_ns or 0, f.value, f.threshold)
            for record, f in sorted(findings.items(), key=lambda item: -(item[1].score or 0.0))
            if f.value is not None and f.threshold is not None
        }
        kept = dict(self.points)
        for record, point in judged.items():
            if record in kept or len(kept) < RECORDS_MAX:
                others = [p for p in kept.get(record, ()) if p.end_ns != point.end_ns]
                kept[record] = tuple(sorted((*others, point), key=lambda p: p.end_ns)[-WINDOWS_MAX:])
        longest = max(kept.values(), key=lambda points: points[-1].end_ns, default=())
        oldest_ns = longest[0].end_ns if longest else 0
        # A feature that went away is no trend any more.
        return Trends({record: points for record, points in kept.items() if points[-1].end_ns >= oldest_ns})

    def breaches(self) -> Iterator[tuple[Record, float]]:
        """Records with a crossing ahead, and the seconds until it from their last window's end."""
        for record, points in self.points.items():
            at_ns = forecast(points).at_ns
            if at_ns is not None:
                yield record, (at_ns - points[-1].end_ns) / 1e9

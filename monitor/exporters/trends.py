"""The last values of each metric of a place, for the forecast of its crossing."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from monitor.alerts.forecast import WINDOWS_MAX, Point, forecast, may_trend
from monitor.findings import AlertKind, Finding
from monitor.ports import WindowEntry

Record = tuple[AlertKind, str, str | None, str | None]
"""What a finding is about, whichever revision says it."""

RECORDS_MAX = 150
"""Metrics of one place whose values are kept, nearest their limits first: with 48 values each a fifth of a megabyte."""


@dataclass(frozen=True, slots=True)
class Run:
    """The last values of one record, ascending in time, packed: a monitor keeps some ten thousand runs."""

    ends_ns: array[int]
    values: array[float]
    threshold: float | tuple[float, float]
    """Of the last window: the only one a forecast asks for."""

    def then(self, point: Point) -> Run:
        """With a window; of one that is there already the value is another one."""
        if point.end_ns > self.ends_ns[-1]:
            ends_ns, values = self.ends_ns[1 - WINDOWS_MAX :], self.values[1 - WINDOWS_MAX :]
            ends_ns.append(point.end_ns)
            values.append(point.value)
            return Run(ends_ns, values, point.threshold)
        threshold = point.threshold if point.end_ns == self.ends_ns[-1] else self.threshold
        known = dict(zip(self.ends_ns, self.values, strict=True)) | {point.end_ns: point.value}
        kept = sorted(known.items())[-WINDOWS_MAX:]
        return Run(array("q", [end_ns for end_ns, _ in kept]), array("d", [value for _, value in kept]), threshold)

    def points(self) -> list[Point]:
        return [Point(*pair, self.threshold) for pair in zip(self.ends_ns, self.values, strict=True)]


@dataclass(frozen=True, slots=True)
class Trends:
    """Runs by record. After a restart they begin anew: a forecast needs a dozen windows."""

    runs: Mapping[Record, Run] = field(default_factory=dict)

    def then(self, window: WindowEntry, findings: Mapping[Record, Finding]) -> Trends:
        """With what a window says; a later revision takes the place of an earlier one."""
        judged = {
            record: Point(window.span.end_ns or 0, f.value, f.threshold)
            for record, f in sorted(findings.items(), key=lambda item: -(item[1].score or 0.0))
            if f.value is not None and f.threshold is not None
        }
        kept = dict(self.runs)
        for record, point in judged.items():
            if (run := kept.get(record)) is not None:
                kept[record] = run.then(point)
            elif len(kept) < RECORDS_MAX:
                kept[record] = Run(array("q", [point.end_ns]), array("d", [point.value]), point.threshold)
        longest = max(kept.values(), key=lambda run: run.ends_ns[-1], default=None)
        oldest_ns = 0 if longest is None else longest.ends_ns[0]
        # A feature that went away is no trend any more.
        return Trends({record: run for record, run in kept.items() if run.ends_ns[-1] >= oldest_ns})

    def breaches(self) -> Iterator[tuple[Record, float]]:
        """Records with a crossing ahead, and the seconds until it from their last window's end."""
        for record in self._moving():
            run = self.runs[record]
            at_ns = forecast(run.points()).at_ns
            if at_ns is not None:
                yield record, (at_ns - run.ends_ns[-1]) / 1e9

    def _moving(self) -> list[Record]:
        """Records whose values may have a trend: mostly few, and a forecast takes long."""
        of_length: dict[int, list[Record]] = {}
        for record, run in self.runs.items():
            of_length.setdefault(len(run.values), []).append(record)
        found: set[Record] = set()
        for records in of_length.values():
            may = may_trend(np.array([self.runs[record].values for record in records]))
            found.update(record for record, moves in zip(records, may.tolist(), strict=True) if moves)
        return [record for record in self.runs if record in found]

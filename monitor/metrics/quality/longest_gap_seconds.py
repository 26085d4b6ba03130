"""The longest time without a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.quality import GAP_METRIC, Times
from monitor.tiles.tileset import TileSet

SECOND_NS = 10**9


def longest_gap_seconds(before: Times | None, now: Times | None, rows_before: int, rows: int) -> Value:
    """The longest time between two successive rows of a window, in seconds.

    **What it tells.** How fresh the data was kept: a feed that stopped for a while and came back, a server that was away,
    a batch that came late and in one lump.

    **Formula.** max(t(i+1) - t(i)) over the rows in the order of their event times.

    **Range.** 0 up to the window's length.

    **How to read.** Against the baseline's own longest gap, given as the reason where its rows have times. The value is
    a fact of the window, so the interval is the value. With n rows of random arrival over T seconds about T ln(n) / n is
    to be expected.

    **When it misleads.** Silence before the first and after the last row of a window does not count: a window without
    rows is `no_data`, and says so. Night is a gap too.

    **Reference.** Lévy 1939 (the longest spacing of random points).

    >>> longest_gap_seconds(None, Times(0, 60 * 10**9, 45 * 10**9), 0, 100).value
    45.0
    """
    if now is None:
        return nothing(Status.NO_DATA, "the window has no rows", n_baseline=rows_before)
    if rows < 2:
        return nothing(Status.UNDEFINED, "one row has no gap", n_baseline=rows_before, n_window=rows)
    gap = now.gap_ns / SECOND_NS
    reason = None if before is None else f"in the baseline {before.gap_ns / SECOND_NS:g} s"
    return Value(gap, gap, gap, rows_before, rows, reason=reason)


@dataclass(frozen=True, slots=True)
class LongestGap:
    """Measured of the window as a whole; of the baseline only where its rows have times."""

    name: str = GAP_METRIC
    prometheus: str = "outrider_longest_gap_seconds"
    help: str = "Longest time between two rows of the window."
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def of(self, before: TileSet, now: TileSet, *, timed: bool) -> Value:
        known = before.quality.times if before.quality is not None and timed else None
        return longest_gap_seconds(known, None if now.quality is None else now.quality.times, before.rows, now.rows)

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        baseline = comparison.baseline
        if baseline.tiles.quality is not None or comparison.window.quality is not None:
            value = self.of(baseline.tiles, comparison.window, timed=baseline.time_ordered)
            yield Measurement(self.name, self.kind, None, None, value)


LONGEST_GAP_SECONDS = LongestGap()

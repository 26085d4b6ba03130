"""The change of how a category hangs together with another feature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import noncentrality_interval
from monitor.metrics.metric import Comparison, nothing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROWS_MIN = 5
"""Fewest complete rows of a pair on either side."""


def association_distance(before: Ints, now: Ints, effect: float = 1.0) -> Value:
    """How far the association of two features moved, one of them at least a category; the feature's name is `a~b`.

    **What it tells.** Whether a category still goes with what it went with: codes that were swapped between two columns, a
    group whose numbers come from another source. No feature by itself shows it. Of two numbers `correlation_distance` tells.

    **Formula.** ‖R - R'‖ / √(min(r, c) - 1), R the table of (p_ab - p_a p_b) / √(p_a p_b), whose own length is Cramér's V on
    this scale: where the baseline's features are independent it is V of the window. Of a category the 8 most frequent values of
    the baseline count, of a number its quarters; rows with other values do not. The first 24 features enter.

    **Range.** 0 to 2; two samples of one population differ by about √((r - 1)(c - 1) (1/n + 1/m) / (min(r, c) - 1)).

    **How to read.** As a change of Cramér's V: 0.1 is a weak association that came or went. The interval inverts the
    non-central chi-square law of the squared distance; it reaches 0 wherever chance explains the change. Alerts rest on exact
    tests of the odds ratios, given how frequent each value was on both sides.

    **When it misleads.** Where one of the features moved by itself, R moves a little with it: look at the features' own
    drift first. An association within the quarters of a number, or among rare categories, is not seen.

    **Reference.** Cramér 1946; `scipy.stats.contingency.association`; Zelen 1971 (Biometrika 58, 129) for the tests.

    >>> import numpy as np
    >>> even, tied = np.full((2, 2), 500), np.array([[400, 100], [100, 400]])
    >>> found = association_distance(even, tied)
    >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
    (0.6, 0.52, 0.68)
    """
    n, m = int(before.sum()), int(now.sum())
    if min(n, m) < ROWS_MIN:
        reason = f"{n} complete rows in the baseline, {m} in the window, {ROWS_MIN} needed"
        return nothing(Status.UNDEFINED if m else Status.NO_DATA, reason, n_baseline=n, n_window=m)
    lines, columns = (
        np.flatnonzero(before.sum(axis=axis) + now.sum(axis=axis)) for axis in (1, 0)
    )  # fmt: skip
    smaller = min(len(lines), len(columns))
    if smaller < 2 or min(_varying(before), _varying(now)) < 2:
        return nothing(Status.UNDEFINED, "one of the two features is constant", n_baseline=n, n_window=m)
    away = _residuals(before[np.ix_(lines, columns)], n) - _residuals(now[np.ix_(lines, columns)], m)
    square, rows = float(np.square(away).sum()), n * m / (n + m) / effect
    low, high = noncentrality_interval(rows * square, float((len(lines) - 1) * (len(columns) - 1)))
    value, low, high = (math.sqrt(one / (smaller - 1)) for one in (square, low / rows, high / rows))
    return Value(value, min(low, value), min(2.0, max(high, value)), n_baseline=n, n_window=m)


def _varying(table: Ints) -> int:
    return min(int(np.count_nonzero(table.sum(axis=0))), int(np.count_nonzero(table.sum(axis=1))))


def _residuals(table: Ints, n: int) -> Floats:
    p = table / n
    expected = np.outer(p.sum(axis=1), p.sum(axis=0))
    found: Floats = np.divide(p - expected, np.sqrt(expected), out=np.zeros_like(p), where=expected > 0)
    return found


@dataclass(frozen=True, slots=True)
class TablesMetric:
    """One measurement a pair of which one is a category."""

    name: str
    prometheus: str
    help: str
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        before, now = comparison.baseline.tiles.tables, comparison.window.tables
        names = [binning.column for binning in comparison.baseline.grids.tables]
        if before is None:
            if not comparison.baseline.grids.tables:
                reason = "the baseline holds no tables: no two features that vary, one of them a category, or set before this metric was declared"
                yield Measurement(self.name, self.kind, None, None, nothing(Status.NO_DATA, reason))
            return
        tables = before.tables() if now is None else now.tables()
        for (i, j), there, here in zip(before.pairs, before.tables(), tables, strict=True):
            if now is None:
                value = nothing(Status.NO_DATA, "the window has no rows", n_baseline=int(there.sum()))
            else:
                value = association_distance(there, here)
            yield Measurement(self.name, self.kind, f"{names[i]}~{names[j]}", None, value)


ASSOCIATION_DISTANCE = TablesMetric(
    name="association_distance",
    prometheus="outrider_drift_association_distance",
    help="Change of the association of a category with another feature, as a change of Cramér's V.",
)

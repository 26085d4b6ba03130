"""A change of the mean along a stream: where it most likely was, how large it is, and how that is said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.findings import Status, Value, rfc3339
from monitor.metrics.metric import nothing
from monitor.metrics.streaming.changepoint import change_of_means
from monitor.tiles.stream import Point

POINTS_MIN = 4
"""Fewer windows have no before and after worth the name."""
Z = 1.959963984540054
_NO_WEIGHT = 1e300
"""Variance of a baseline that is to say nothing."""


@dataclass(frozen=True, slots=True)
class Located:
    """The mean before and after; positions are of the first window that is different, with its 95 % interval."""

    at: int
    low: int
    high: int
    before: float
    after: float
    half: float
    """Half the 95 % interval of the difference, as if the place had been known."""
    rows_before: int
    rows_after: int

    @property
    def size(self) -> float:
        return self.after - self.before


def locate(points: Sequence[Point], first: int, effect: float) -> Located | None:
    """The step that tells the points from `first` on best apart; None where no place does."""
    part = points[first:]
    n = np.array([p.n for p in part], np.float64)
    means, variance = np.array([p.mean for p in part]), pooled_variance(part)
    if len(part) < 2 or variance <= 0:
        return None
    found = change_of_means(means, effect * variance / n, float(means[0]), _NO_WEIGHT)
    if found is None or not 0 < found.at < len(part):
        return None
    before, after = slice(0, found.at), slice(found.at, len(part))
    own, new = (float(np.average(means[s], weights=n[s])) for s in (before, after))
    rows, rows_new = n[before].sum(), n[after].sum()
    half = Z * math.sqrt(effect * variance * (1 / rows + 1 / rows_new))
    return Located(
        first + found.at,
        first + max(found.low, 1),
        first + found.high,
        own,
        new,
        half,
        int(rows),
        int(rows_new),
    )


def pooled_variance(points: Sequence[Point]) -> float:
    """Of one row, within its window."""
    n = np.array([p.n for p in points], np.float64)
    return max(float(np.average([p.variance for p in points], weights=n)), least_variance(points[0]))


def least_variance(point: Point) -> float:
    """A number that never varies is taken to vary by a millionth of its range: that it is another one now is sure."""
    return (1e-6 * point.unit) ** 2


def told(points: Sequence[Point], found: Located | None, what: str, by: str) -> Value:
    """The size of the change; 0 where there is none, with how many windows say so."""
    rows = sum(p.n for p in points)
    if len(points) < POINTS_MIN:
        reason = f"{len(points)} of {POINTS_MIN} windows that a change needs"
        return nothing(Status.NO_DATA, reason, n_window=rows)
    if found is None:
        return Value(0.0, n_window=rows, reason=f"no change of the {what} in the last {len(points)} windows ({by})")
    at, low, high = (rfc3339(points[i].span.start_ns) for i in (found.at, found.low, found.high))
    reason = f"{what} {found.before:.4g} to {found.after:.4g} since {at} ({low} to {high}) by {by}"
    size = found.size
    return Value(size, size - found.half, size + found.half, found.rows_before, found.rows_after, reason=reason)


def age(points: Sequence[Point], found: Located | None, what: str, by: str) -> Value:
    """Seconds from the change to the end of the newest window; none where there is no change."""
    value = told(points, found, what, by)
    if value.value is None:
        return value
    if found is None:
        return nothing(Status.UNDEFINED, value.reason or "", n_window=value.n_window)
    end_ns = points[-1].span.end_ns or 0
    at, low, high = ((end_ns - (points[i].span.start_ns or 0)) / 1e9 for i in (found.at, found.high, found.low))
    return Value(at, low, high, value.n_baseline, value.n_window, reason=value.reason)

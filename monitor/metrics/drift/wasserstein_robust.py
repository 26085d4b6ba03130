"""The Wasserstein distance in units of the baseline's interquartile range."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.drift.wasserstein_normalized import bounds, chance, standard_deviation
from monitor.metrics.metric import DriftMetric, nothing
from monitor.tiles.numeric import NumericGrid, NumericTile

NORMAL_IQR = 1.3489795003921634
"""Interquartile range of the standard normal law."""


def wasserstein_robust(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """First Wasserstein distance of a number, divided by the baseline's interquartile range over 1.349.

    **What it tells.** How far values moved on average, in the spread of the baseline's middle half: for a normal
    feature the same as `wasserstein_normalized`, for a heavy-tailed one what outliers in the baseline cannot shrink.

    **Formula.** ∫ |F(x) - G(x)| dx / s with s = (75 % point - 25 % point of the baseline) / 1.349; where both points
    are one value, s is the standard deviation, which the reason says. Cells as in `wasserstein_normalized`.

    **Range.** 0 upward without bound.

    **How to read.** 0.25: values moved by a quarter of what would be the standard deviation of a normal feature with
    this middle half. The interval is the value ± the 97.5 % point of the distance of two samples of one population.

    **When it misleads.** The scale is robust, the distance is not: one outlier of 10,000 s among 1,000 rows adds 10.
    A feature whose middle half is nearly one value has a tiny s, and every change is large.

    **Reference.** Vallender 1974; Rousseeuw and Croux 1993; `scipy.stats.wasserstein_distance`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0, discrete=True)
    >>> def tile(zeros, ones):
    ...     squares = 0.25 * (zeros + ones)
    ...     return NumericTile(np.array([zeros, ones, 0]), np.array([0.0, ones, 0.0]), squares, 0.0, 1.0)
    >>> round(wasserstein_robust(tile(500, 500), tile(40, 60), grid).value, 4)
    0.1349
    """
    counts = {"n_baseline": before.n, "n_window": now.n, "n_missing": now.n_missing}
    s, reason = _interquartile(before, grid) / NORMAL_IQR, None
    if not s > 0.0:
        s = standard_deviation(before, grid)
        reason = "half of the baseline's values are one: measured in its standard deviation"
    if not s > 0.0:
        return nothing(Status.UNDEFINED, "the baseline's standard deviation is 0", **counts)
    least, value = (end / s for end in bounds(before, now, grid.edges))
    half = chance(before, now, grid.edges) / s
    if not (math.isfinite(s) and math.isfinite(value) and math.isfinite(half)):
        return nothing(Status.UNDEFINED, "the values are too large for the arithmetic of doubles", **counts)
    return Value(value, max(0.0, least - half), value + half, before.n, now.n, now.n_missing, reason=reason)


def _interquartile(tile: NumericTile, grid: NumericGrid) -> float:
    """Between the first edges that have a quarter and three quarters of the rows at or below them."""
    if not len(grid.edges):
        return 0.0
    below = np.cumsum(tile.counts)[:-1] / tile.n
    ends = np.minimum(np.searchsorted(below, (0.25, 0.75)), len(grid.edges) - 1)
    return float(grid.edges[ends[1]]) - float(grid.edges[ends[0]])


WASSERSTEIN_ROBUST = DriftMetric(
    name="wasserstein_robust",
    prometheus="outrider_drift_wasserstein_robust",
    help="First Wasserstein distance divided by the baseline's interquartile range over 1.349.",
    numeric=wasserstein_robust,
)

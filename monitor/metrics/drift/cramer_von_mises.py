"""The Cramér-von Mises distance."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Value
from monitor.metrics.drift.noise import difference_variances
from monitor.metrics.intervals import Z
from monitor.metrics.metric import DriftMetric
from monitor.tiles.numeric import NumericGrid, NumericTile


def cramer_von_mises(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Mean square of the gap between the distribution functions of a number in the baseline and in the window.

    **What it tells.** How far the two distributions are apart everywhere, where `ks_statistic` tells it at one place.

    **Formula.** ω² = ∫ (F - G)² dH, F and G the empirical distribution functions, H that of all rows of both: the
    two-sample statistic T times (n + m)/(nm), so that it does not grow with the rows. Within a cell between two of the
    260 baseline quantiles, and among rows of one value, the rows of both sides are taken to be spread evenly.

    **Range.** 0 (equal) to 1/3 (no overlap).

    **How to read.** A mean shift of 0.25 standard deviations of a normal feature is 0.006, of 0.5 it is 0.022. The
    interval is that of ω: ± 1.96 · sqrt(∫ Var(F - G) dH), squared; no sum of chi-squares with one mean exceeds 3.84
    times that mean more often than a single one does.

    **When it misleads.** Its mean under no drift is (1/n + 1/m)/6: judge the lower end. It is weak in the tails;
    `anderson_darling` weighs them. How H mixes both sides depends on their rows.

    **Reference.** Anderson 1962; Székely and Bakirov 2003 (the bound); `scipy.stats.cramervonmises_2samp`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0)
    >>> before = NumericTile(np.array([100, 0, 0]), np.zeros(3))
    >>> now = NumericTile(np.array([0, 0, 100]), np.array([0.0, 0.0, 500.0]))
    >>> round(cramer_von_mises(before, now, grid).value, 4)
    0.3333
    """
    n, m = before.n, now.n
    f, g = (np.concatenate(([0.0], np.cumsum(tile.counts) / tile.n)) for tile in (before, now))
    h = (before.counts + now.counts) / (n + m)
    gap = f - g
    value = float((h * (gap[:-1] ** 2 + gap[:-1] * gap[1:] + gap[1:] ** 2)).sum()) / 3.0
    middle = (f[:-1] + f[1:]) / 2.0, (g[:-1] + g[1:]) / 2.0
    half = Z * math.sqrt(float(h @ difference_variances(*middle, n, m)))
    low, high = max(0.0, math.sqrt(value) - half) ** 2, (math.sqrt(value) + half) ** 2
    return Value(value, low, max(value, min(1.0 / 3.0, high)), n_baseline=n, n_window=m, n_missing=now.n_missing)


CRAMER_VON_MISES = DriftMetric(
    name="cramer_von_mises",
    prometheus="outrider_drift_cramer_von_mises",
    help="Mean square gap between the distribution functions of baseline and window (0 to 1/3).",
    numeric=cramer_von_mises,
)

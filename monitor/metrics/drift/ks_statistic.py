"""The Kolmogorov-Smirnov statistic."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Value
from monitor.metrics.metric import DriftMetric
from monitor.tiles.numeric import NumericGrid, NumericTile

KOLMOGOROV_95 = 1.3581015157406195
"""95 % point of the Kolmogorov law: sqrt(-ln(0.025) / 2), its leading term."""


def ks_statistic(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Largest gap between the distribution functions of a number in the baseline and in the window.

    **What it tells.** The share of rows that would have to move to the other side of some value to make the two
    distributions agree there. It sees shifts of the middle best and is blind to nothing, but weak in the tails.

    **Formula.** D = max over x of |F(x) - G(x)|, F and G the empirical distribution functions. They are known exactly
    at the 260 baseline quantiles that are the cells' edges, so the maximum is taken there: the true one is larger by
    at most the mass of one cell (about 1/260), by nothing where the baseline has at most 260 values.

    **Range.** 0 (equal) to 1 (no overlap).

    **How to read.** 0.1: ten rows in a hundred lie on another side. The same number means the same for every feature,
    whatever its unit. The interval is D ± 1.358 · sqrt(1/n + 1/m), the upper end widened by the mass within a cell.

    **When it misleads.** Under no drift D is not 0 but about 0.87 · sqrt(1/n + 1/m): judge the lower end. Rows that
    depend on each other make it larger than the interval says. A vanished tail of 1 % gives 0.01, whatever it meant.

    **Reference.** Smirnov 1939; Massey 1951; `scipy.stats.ks_2samp`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([1.0, 2.0]), (0, 1), 1.5, 1.0, 2.0, discrete=True)
    >>> def tile(ones, twos):
    ...     return NumericTile(np.array([ones, twos, 0]), np.array([ones, 2.0 * twos, 0.0]), minimum=1.0, maximum=2.0)
    >>> round(ks_statistic(tile(500, 500), tile(80, 20), grid).value, 3)
    0.3
    """
    n, m = before.n, now.n
    f, g = np.cumsum(before.counts) / n, np.cumsum(now.counts) / m
    value = float(np.abs(f - g).max())
    slack = 0.0
    if not grid.discrete and len(f) > 1:
        # Between two edges F may already stand at its upper value while G still stands at its lower one.
        slack = max(0.0, float(np.maximum(f[1:] - g[:-1], g[1:] - f[:-1]).max()) - value)
    half = KOLMOGOROV_95 * math.sqrt(1.0 / n + 1.0 / m)
    return Value(
        value, max(0.0, value - half), min(1.0, value + half + slack), n_baseline=n, n_window=m, n_missing=now.n_missing
    )


KS_STATISTIC = DriftMetric(
    name="ks_statistic",
    prometheus="outrider_drift_ks_statistic",
    help="Largest gap between the distribution functions of baseline and window (0 to 1).",
    numeric=ks_statistic,
)

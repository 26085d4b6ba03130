"""The Kolmogorov-Smirnov statistic."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.metric import DriftMetric
from monitor.tiles.numeric import NumericGrid, NumericTile

Floats = npt.NDArray[np.float64]

KOLMOGOROV_95 = 1.3581015157406195
"""95 % point of the Kolmogorov law: sqrt(-ln(0.025) / 2), its leading term."""


def ks_statistic(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Largest gap between the distribution functions of a number in the baseline and in the window.

    **What it tells.** The share of rows that would have to move to the other side of some value to make the two
    distributions agree there. It sees shifts of the middle best and is blind to nothing, but weak in the tails.

    **Formula.** D = max over x of |F(x) - G(x)|, F and G the empirical distribution functions. They are known exactly
    at the 260 baseline quantiles that are the cells' edges, so the maximum is taken there: the true one is larger by
    at most the mass of one cell (about 1/260 of the baseline), by nothing where all values are among the baseline's and
    those are at most 260.

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
    # Between two edges one function may already stand at its upper value while the other still stands at its lower one.
    most_f, most_g = _below_next_edge(before, f, grid), _below_next_edge(now, g, grid)
    slack = max(0.0, float(np.maximum(most_f - g[:-1], most_g - f[:-1]).max(initial=0.0)) - value)
    half = KOLMOGOROV_95 * math.sqrt(1.0 / n + 1.0 / m)
    return Value(
        value, max(0.0, value - half), min(1.0, value + half + slack), n_baseline=n, n_window=m, n_missing=now.n_missing
    )


def _below_next_edge(tile: NumericTile, share: Floats, grid: NumericGrid) -> Floats:
    """The most that the distribution function can be just below the next edge: what it is at the one before, where all
    rows between the two stand at the upper one, as those of a discrete number do."""
    if not grid.discrete:
        return share[1:]
    counts, edges = tile.counts[1:-1].astype(np.float64), grid.edges[1:]
    with np.errstate(over="ignore", invalid="ignore"):
        total = counts * edges
        at_edge = np.isfinite(total) & (np.abs(tile.sums[1:-1] - total) <= counts * _EPS * np.abs(total))
    return np.where(np.append(at_edge, False), share[:-1], share[1:])


_EPS = float(np.finfo(np.float64).eps)

KS_STATISTIC = DriftMetric(
    name="ks_statistic",
    prometheus="outrider_drift_ks_statistic",
    help="Largest gap between the distribution functions of baseline and window (0 to 1).",
    numeric=ks_statistic,
)

"""The Wasserstein distance in units of the baseline's standard deviation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Status, Value
from monitor.metrics.metric import DriftMetric, nothing
from monitor.tiles.numeric import NumericGrid, NumericTile

BRIDGE_975 = 2.1
"""97.5 % point of the area under a Brownian bridge over its mean (0.3133): 0.65 by Johnson and Killeen 1983."""


def wasserstein_normalized(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """First Wasserstein distance of a number, divided by the baseline's standard deviation.

    **What it tells.** How far values moved on average, in standard deviations of the baseline: the least total
    distance by which the window's values must be moved to become the baseline's.

    **Formula.** ∫ |F(x) - G(x)| dx / s, F and G the empirical distribution functions, s the baseline's standard
    deviation. Between two of the 260 baseline quantiles the rows of either side are taken to stand at their mean,
    which is exact for a discrete number and where the sign of F - G does not change; beyond the baseline's range it is
    exact too. The error stays under 0.01 but for a baseline with fewer rows than cells, or whose outer cells are much of its
    spread (Cauchy): there the value may be 0.05 too large, and the interval's lower end is below what the cells leave open.

    **Range.** 0 upward without bound.

    **How to read.** 0.25: values moved by a quarter of a standard deviation. It grows with the size of the move, where
    `ks_statistic` and `js_distance` saturate. The interval is the value ± the 97.5 % point of the distance between two
    samples of one population, 2.1 · sqrt(2/π) · sqrt(1/n + 1/m) · ∫ sqrt(H (1 - H)) dx / s, which is wide but honest.

    **When it misleads.** One outlier of 10,000 standard deviations among 1,000 rows adds 10. Heavy tails in the
    baseline make s large and the distance small. Under no drift it is not 0: judge the lower end.

    **Reference.** Vallender 1974; `scipy.stats.wasserstein_distance`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0, discrete=True)
    >>> def tile(zeros, ones):
    ...     squares = 0.25 * (zeros + ones)
    ...     return NumericTile(np.array([zeros, ones, 0]), np.array([0.0, ones, 0.0]), squares, 0.0, 1.0)
    >>> round(wasserstein_normalized(tile(500, 500), tile(40, 60), grid).value, 3)
    0.2
    """
    counts = {"n_baseline": before.n, "n_window": now.n, "n_missing": now.n_missing}
    s = standard_deviation(before, grid)
    if not s > 0.0:
        return nothing(Status.UNDEFINED, "the baseline's standard deviation is 0", **counts)
    least, value = (end / s for end in bounds(before, now, grid.edges))
    half = chance(before, now, grid.edges) / s
    if not (math.isfinite(s) and math.isfinite(value) and math.isfinite(half)):
        return nothing(Status.UNDEFINED, "the values are too large for the arithmetic of doubles", **counts)
    return Value(value, max(0.0, least - half), value + half, before.n, now.n, now.n_missing)


def standard_deviation(tile: NumericTile, grid: NumericGrid) -> float:
    """Of the sample (n - 1 below), from the squares about the grid's centre; infinite where a double cannot hold them."""
    if tile.n < 2:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        offset = float(tile.sums.sum()) / tile.n - grid.center
    variance = (tile.square_sum - tile.n * offset * offset) / (tile.n - 1)
    return math.sqrt(max(0.0, variance)) if math.isfinite(variance) else math.inf


def bounds(before: NumericTile, now: NumericTile, edges: npt.NDArray[np.float64]) -> tuple[float, float]:
    """∫ |F - G| dx: the least that the cells leave open, and what it is with the rows of each cell at their mean."""
    if not len(edges):
        return 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        share, share_now = before.counts / before.n, now.counts / now.n
        gap = np.cumsum(share - share_now)
        moment = before.sums / before.n - now.sums / now.n
        # Beyond the edges one of both functions stands still: the integral of the gap is exact.
        outside = abs(edges[0] * gap[0] - moment[0]) + abs(edges[-1] * gap[-2] + moment[-1])
        left, right = edges[:-1], edges[1:]
        step = cell_means(before, left, right), cell_means(now, left, right)
        first, second = np.minimum(*step), np.maximum(*step)
        between = gap[:-2] + np.where(step[0] <= step[1], share[1:-1], -share_now[1:-1])
        inside = (
            np.abs(gap[:-2]) * (first - left)
            + np.abs(between) * (second - first)
            + np.abs(gap[1:-1]) * (right - second)
        )
        # Within a cell the integral of the gap is known; that of its size is no less.
        signed = gap[:-2] * (right - left) + share[1:-1] * (right - step[0]) - share_now[1:-1] * (right - step[1])
        least = np.minimum(np.abs(signed), inside)
        return float(outside + least.sum()), float(outside + inside.sum())


def cell_means(
    tile: NumericTile, left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Mean of each inner cell's rows, kept within the cell where rounding would move it out; its right end where it has none."""
    counts = tile.counts[1:-1]
    means = np.where(counts > 0, tile.sums[1:-1] / np.maximum(counts, 1), right)
    return np.clip(means, left, right)


def chance(before: NumericTile, now: NumericTile, edges: npt.NDArray[np.float64]) -> float:
    """97.5 % point of the distance that two samples of the pooled population have by chance."""
    total = before.n + now.n
    pooled = np.cumsum(before.counts + now.counts)[:-1] / total
    spread = np.sqrt(pooled * (1.0 - pooled))
    low, high = min(before.minimum, now.minimum), max(before.maximum, now.maximum)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = max(0.0, edges[0] - low) * spread[0] + max(0.0, high - edges[-1]) * spread[-1] if len(edges) else 0.0
        area = float((np.diff(edges) * np.maximum(spread[:-1], spread[1:])).sum() + ends)
    return BRIDGE_975 * math.sqrt(2.0 / math.pi) * math.sqrt(1.0 / before.n + 1.0 / now.n) * area


WASSERSTEIN_NORMALIZED = DriftMetric(
    name="wasserstein_normalized",
    prometheus="outrider_drift_wasserstein_normalized",
    help="First Wasserstein distance divided by the baseline's standard deviation.",
    numeric=wasserstein_normalized,
)

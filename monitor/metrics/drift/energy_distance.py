"""The energy distance in the baseline's standard deviations."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.drift.noise import difference_variances
from monitor.metrics.drift.wasserstein_normalized import cell_means, standard_deviation
from monitor.metrics.intervals import Z
from monitor.metrics.metric import DriftMetric, nothing
from monitor.tiles.numeric import NumericGrid, NumericTile


def energy_distance(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Energy distance of a number, its unit being the baseline's standard deviation.

    **What it tells.** How much farther two values from different samples lie from each other than two from the same
    one. Between `ks_statistic` and `wasserstein_normalized`: it sees how far values moved, and lone outliers less.

    **Formula.** sqrt(2 ∫ (F(x) - G(x))² dx / s), F and G the empirical distribution functions, s the baseline's
    standard deviation. Between two of the 260 baseline quantiles the rows of either side are taken to stand at their
    mean. Beyond the baseline's range it is the middle of what the rows' mean and extreme there allow; the interval
    holds both ends, and begins at the least that the cells leave open.

    **Range.** 0 upward without bound.

    **How to read.** A mean shift of 0.25 standard deviations of a normal feature is 0.19, of 0.5 it is 0.38. The
    interval is the value ± 1.96 · sqrt(2 ∫ Var(F - G) dx / s): no sum of chi-squares with one mean exceeds 3.84 times
    that mean more often than a single one does.

    **When it misleads.** Under no drift it is not 0: judge the lower end. Heavy tails make s large.

    **Reference.** Székely and Rizzo 2013; Székely and Bakirov 2003 (the bound);
    `scipy.stats.energy_distance(x / s, y / s)`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0, discrete=True)
    >>> def tile(zeros, ones):
    ...     squares = 0.25 * (zeros + ones)
    ...     return NumericTile(np.array([zeros, ones, 0]), np.array([0.0, ones, 0.0]), squares, 0.0, 1.0)
    >>> round(energy_distance(tile(500, 500), tile(20, 80), grid).value, 3)
    0.6
    """
    counts = {"n_baseline": before.n, "n_window": now.n, "n_missing": now.n_missing}
    s = standard_deviation(before, grid)
    if not s > 0.0:
        return nothing(Status.UNDEFINED, "the baseline's standard deviation is 0", **counts)
    least, middle, most = _square(before, now, grid)
    chance = _chance_square(before, now, grid)
    if not (math.isfinite(s) and math.isfinite(most / s) and math.isfinite(chance / s)):
        return nothing(Status.UNDEFINED, "the values are too large for the arithmetic of doubles", **counts)
    low, value, high = (math.sqrt(2.0 * square / s) for square in (least, middle, most))
    half = Z * math.sqrt(2.0 * chance / s)
    return Value(value, max(0.0, low - half), high + half, before.n, now.n, now.n_missing)


def _square(before: NumericTile, now: NumericTile, grid: NumericGrid) -> tuple[float, float, float]:
    """The least that ∫ (F - G)² dx can be, what it is with the rows of each inner cell at their mean, and the most that the
    outer cells leave open."""
    edges = grid.edges
    with np.errstate(over="ignore", invalid="ignore"):
        share, share_now = before.counts / before.n, now.counts / now.n
        gap = np.cumsum(share - share_now)
        left, right = edges[:-1], edges[1:]
        means = cell_means(before, left, right), cell_means(now, left, right)
        first, second = np.minimum(*means), np.maximum(*means)
        between = gap[:-2] + np.where(means[0] <= means[1], share[1:-1], -share_now[1:-1])
        width = right - left
        inside = gap[:-2] ** 2 * (first - left) + between**2 * (second - first) + gap[1:-1] ** 2 * (right - second)
        # Within a cell the integral of the gap is known; the mean of its square is no less than the square of its mean.
        mean_gap = gap[:-2] + share[1:-1] * (right - means[0]) / width - share_now[1:-1] * (right - means[1]) / width
        least, most = float(np.minimum(mean_gap**2 * width, inside).sum()), float(inside.sum())
        outer = 0.0
        # Beyond the edges only one of both has rows: at one place, or spread between the edge and its extreme.
        for cell, edge, end in ((0, edges[0], now.minimum), (-1, edges[-1], now.maximum)):
            if now.counts[cell]:
                outside = float(share_now[cell])
                mean = abs(float(edge) - float(now.sums[cell]) / int(now.counts[cell]))
                farthest = max(abs(float(edge) - end), mean)
                most += outside**2 * mean
                nearest = outside**2 * (mean / farthest * mean if farthest > 0.0 else 0.0)
                least += nearest
                outer += outside**2 * mean - nearest
    return least, most - outer / 2.0, most


def _chance_square(before: NumericTile, now: NumericTile, grid: NumericGrid) -> float:
    """∫ Var(F - G) dx."""
    edges = grid.edges
    f, g = np.cumsum(before.counts)[:-1] / before.n, np.cumsum(now.counts)[:-1] / now.n
    variance = difference_variances(f, g, before.n, now.n)
    low, high = min(before.minimum, now.minimum), max(before.maximum, now.maximum)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = max(0.0, edges[0] - low) * variance[0] + max(0.0, high - edges[-1]) * variance[-1]
        return float((np.diff(edges) * np.maximum(variance[:-1], variance[1:])).sum() + ends)


ENERGY_DISTANCE = DriftMetric(
    name="energy_distance",
    prometheus="outrider_drift_energy_distance",
    help="Energy distance of the values in baseline standard deviations.",
    numeric=energy_distance,
)

"""The maximum mean discrepancy of vectors."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.vector_metric import VectorMetric
from monitor.metrics.intervals import Z
from monitor.tiles.vector import VectorGrid, VectorTile

Floats = npt.NDArray[np.float64]


def mmd(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """Maximum mean discrepancy (MMD) of a vector feature, by Gaussian kernels.

    **What it tells.** How far the clouds of vectors of baseline and window lie apart, in all directions together: their
    place, their spread and their shape. It is the metric of choice for embeddings, whose coordinates mean nothing alone.

    **Formula.** MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y) over pairs of rows, k the mean of two Gaussian kernels
    exp(-|x - y|² / (2 s²)), s the baseline's median distance and half of it. The kernels are those of 32 frozen random Fourier features, with which MMD² is the squared
    distance of two means, so it needs no pair of rows; what chance adds, tr(C)/n + tr(C')/m, is taken off. The value is
    the square root, 0 where nothing is left.

    **Range.** 0 (equal) to √2.

    **How to read.** Where every coordinate moves by 0.1 of its standard deviation it is about 0.053 in high dimension,
    by 0.25 about 0.13. The interval is normal on the squared scale, by the baseline's covariance of the features.

    **When it misleads.** A change in few of many coordinates hardly moves the distances: `projection_ks` sees it first
    where it lies along a principal direction. Vectors that were scaled anew (another model version) are far from
    everything; that is drift of the pipeline, not of the world.

    **Reference.** Gretton et al. 2012 (JMLR 13, 723); Rahimi and Recht 2007.

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> x = np.random.default_rng(0).normal(size=(4000, 20))
    >>> grid = vector_grid(Column(x), numeric_grid)
    >>> near, far = (vector_tile(Column(x[2000:] + by), grid, numeric_tile) for by in (0.0, 0.25))
    >>> there = vector_tile(Column(x[:2000]), grid, numeric_tile)
    >>> mmd(there, near, grid).low, round(mmd(there, far, grid).value, 2)
    (0.0, 0.13)
    """
    away = difference(before, now)
    expected, spread = chance(before, now, grid, away)
    square = float(away @ away) - expected
    low, high = square - Z * spread, square + Z * spread
    return Value(root(square), root(low), root(high), n_baseline=before.n, n_window=now.n)


def difference(before: VectorTile, now: VectorTile) -> Floats:
    """Of the means of the Fourier features."""
    return np.asarray(now.waves / now.n - before.waves / before.n)


def chance(
    before: VectorTile, now: VectorTile, grid: VectorGrid, away: Floats, effect: float = 1.0
) -> tuple[float, float]:
    """What chance adds to |away|² on average, and the standard deviation of |away|²."""
    # Fourier features of a row have length 1, so the trace of a sample's covariance is known from its mean.
    traces = [1.0 - float(np.square(tile.waves / tile.n).sum()) for tile in (before, now)]
    own = max(float(np.trace(grid.covariance)), 1e-12)
    scale = effect * (traces[0] / before.n + traces[1] / now.n)
    covariance = grid.covariance * (scale / own)
    variance = 4.0 * float(away @ covariance @ away) + 2.0 * float(np.square(covariance).sum())
    return scale, math.sqrt(max(variance, 0.0))


def root(square: float) -> float:
    return min(math.sqrt(2.0), math.sqrt(max(0.0, square)))


MMD = VectorMetric(
    name="mmd",
    prometheus="outrider_drift_mmd",
    help="Maximum mean discrepancy of vectors by Gaussian kernels of the baseline's median distance (0 to 1.41).",
    of=mmd,
)

"""The distance of the centroids of vectors, in the baseline's spread."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.drift.vector_metric import VectorMetric
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.vector import VectorGrid, VectorTile


def centroid_distance(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """Euclidean distance of the mean vectors of baseline and window, the baseline's spread being 1.

    **What it tells.** How far the middle of the cloud moved, beside how wide the cloud is.

    **Formula.** |mean(y) - mean(x)| / sqrt(mean |x - mean(x)|²), the part of the squared distance that chance adds,
    t/n + t'/m with t the mean squared distance from the own mean, taken off before the root.

    **Range.** 0 upward without bound.

    **How to read.** 0.1: the centroid moved by a tenth of the root mean square distance of a vector from it. In high
    dimension that is plain to see: every coordinate moved by a tenth of its standard deviation.

    **When it misleads.** Two clusters that trade places around the same middle move no centroid: see `mmd`. The
    interval takes what the principal directions leave unexplained as varying as much as the last of them, so it is
    rather too wide.

    **Reference.** Székely and Rizzo 2013 (for what it misses); Rabanser, Günnemann and Lipton 2019.

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> x = np.random.default_rng(0).normal(size=(4000, 20))
    >>> grid = vector_grid(Column(x), numeric_grid)
    >>> there, here = (vector_tile(Column(part), grid, numeric_tile) for part in (x[:2000], x[2000:] + 0.5))
    >>> round(centroid_distance(there, here, grid).value, 1)
    0.5
    """
    there, here = spread(before), spread(now)
    if there <= 0.0:
        return nothing(Status.UNDEFINED, "all vectors of the baseline are equal")
    away = now.sums / now.n - before.sums / before.n
    expected = there / before.n + here / now.n
    square = float(away @ away) - expected
    deviation = noise(before, grid, float(away @ away), expected / there)
    low, value, high = (
        math.sqrt(max(0.0, end) / there) for end in (square - Z * deviation, square, square + Z * deviation)
    )
    return Value(value, low, high, n_baseline=before.n, n_window=now.n)


def spread(tile: VectorTile) -> float:
    """Mean squared distance of a sample's vectors from their own mean."""
    mean = tile.sums / tile.n
    return max(0.0, tile.square_sum / tile.n - float(mean @ mean))


def noise(before: VectorTile, grid: VectorGrid, square: float, rows: float) -> float:
    """At most the standard deviation of a squared distance of means, 1/n + 1/m being `rows`."""
    own = [
        max(0.0, tile.square_sum / tile.n - ((tile.sums.sum() / tile.n) - cells.center) ** 2)
        for tile, cells in zip(before.numbers[: grid.principal], grid.cells, strict=False)
    ]
    weights = np.array(own or [0.0])
    rest = max(0.0, spread(before) - float(weights.sum()))
    squares = float(np.square(weights).sum()) + float(weights.min()) * rest
    return math.sqrt(4.0 * square * float(weights.max()) * rows + 2.0 * squares * rows**2)


CENTROID_DISTANCE = VectorMetric(
    name="centroid_distance",
    prometheus="outrider_drift_centroid_distance",
    help="Distance of the mean vectors of baseline and window, in the baseline's root mean square spread.",
    of=centroid_distance,
)

"""The cosine distance of the centroids of vectors."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.drift.centroid_distance import noise, spread
from monitor.metrics.drift.vector_metric import VectorMetric
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.vector import VectorGrid, VectorTile


def centroid_cosine_distance(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """One minus the cosine of the angle between the mean vectors of baseline and window.

    **What it tells.** Whether the mean points elsewhere, whatever its length: what other tools show of embeddings.

    **Formula.** 1 - x·y / (|x| |y|), x and y the mean vectors, as they are. The interval is that of the squared angle
    less what chance adds to it.

    **Range.** 0 (same direction) to 2 (opposite).

    **How to read.** 0.01 is an angle of 8 degrees, 0.1 one of 26. The value holds what chance adds; the interval
    does not.

    **When it misleads.** Near the origin a mean has no direction: centred embeddings give large values by chance alone,
    and the interval says so. Vectors that share a large common part (most language models) give tiny ones: read
    `centroid_distance`.

    **Reference.** `scipy.spatial.distance.cosine`.

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> x = np.random.default_rng(0).normal(size=(4000, 2)) * 0.1 + np.array([1.0, 0.0])
    >>> grid = vector_grid(Column(x), numeric_grid)
    >>> here = vector_tile(Column(x @ np.array([[0.0, 1.0], [1.0, 0.0]])), grid, numeric_tile)
    >>> round(centroid_cosine_distance(vector_tile(Column(x), grid, numeric_tile), here, grid).value, 2)
    1.0
    """
    there, here = grid.center + before.sums / before.n, grid.center + now.sums / now.n
    lengths = float(np.linalg.norm(there)), float(np.linalg.norm(here))
    if min(lengths) <= 0.0:
        return nothing(Status.UNDEFINED, "a mean vector is zero and points nowhere")
    value = 1.0 - min(1.0, max(-1.0, float(there @ here) / (lengths[0] * lengths[1])))
    angle = math.acos(1.0 - value)
    rows = 1.0 / (before.n * lengths[0] ** 2) + 1.0 / (now.n * lengths[1] ** 2)
    expected = spread(before) / (before.n * lengths[0] ** 2) + spread(now) / (now.n * lengths[1] ** 2)
    half = Z * noise(before, grid, angle**2, rows)
    low, high = (
        1.0 - math.cos(min(math.pi, math.sqrt(max(0.0, end)))) for end in (angle**2 - expected - half, angle**2 + half)
    )
    return Value(value, min(low, value), max(high, value), n_baseline=before.n, n_window=now.n)


CENTROID_COSINE_DISTANCE = VectorMetric(
    name="centroid_cosine_distance",
    prometheus="outrider_drift_centroid_cosine_distance",
    help="One minus the cosine between the mean vectors of baseline and window (0 to 2).",
    of=centroid_cosine_distance,
)

"""The largest Kolmogorov-Smirnov statistic along frozen directions of a vector."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.vector_metric import VectorMetric
from monitor.tiles.vector import VectorGrid, VectorTile


def projection_ks(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """Largest gap between the distribution functions of baseline and window along frozen directions of a vector.

    **What it tells.** Whether the vectors moved or spread along one of the baseline's 8 principal directions, one of 8
    random ones, or in their distance from the baseline's centre. It sees what `mmd` is blind to: a change in few of
    many directions.

    **Formula.** max over directions of D = max |F - G|, F and G the distribution functions of the projected vectors,
    known exactly at 260 quantiles of the baseline.

    **Range.** 0 (equal) to 1 (no overlap along one direction).

    **How to read.** As `ks_statistic`. The interval is D ± c · sqrt(1/n + 1/m), c the Kolmogorov quantile of 95 % over
    all directions together (1.80 for 17), so the choice of the largest is paid for.

    **When it misleads.** Under no drift it is about 1.3 · sqrt(1/n + 1/m): judge the lower end. Directions that the
    baseline hardly varies in are only seen through the random ones and the distance.

    **Reference.** Smirnov 1939; Lopes, Reid and Hobson 2007 (random projections of the two-sample test).

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> x = np.random.default_rng(0).normal(size=(4000, 20)) * np.array([5.0] + [1.0] * 19)
    >>> grid = vector_grid(Column(x), numeric_grid)
    >>> moved = x[2000:] + np.array([2.5] + [0.0] * 19)
    >>> there, here = (vector_tile(Column(part), grid, numeric_tile) for part in (x[:2000], moved))
    >>> 0.15 < projection_ks(there, here, grid).value < 0.25
    True
    """
    found = distances(before, now)
    worst = float(found.max(initial=0.0))
    half = math.sqrt(math.log(2.0 * len(found) / 0.05) / 2.0) * math.sqrt(1.0 / before.n + 1.0 / now.n)
    return Value(worst, max(0.0, worst - half), min(1.0, worst + half), n_baseline=before.n, n_window=now.n)


def distances(before: VectorTile, now: VectorTile) -> npt.NDArray[np.float64]:
    """The gap along each direction, the distance from the centre last."""
    pairs = zip(before.numbers, now.numbers, strict=True)
    return np.array([np.abs(np.cumsum(a.counts) / a.n - np.cumsum(b.counts) / b.n).max() for a, b in pairs])


PROJECTION_KS = VectorMetric(
    name="projection_ks",
    prometheus="outrider_drift_projection_ks",
    help="Largest Kolmogorov-Smirnov statistic along frozen directions of a vector (0 to 1).",
    of=projection_ks,
)

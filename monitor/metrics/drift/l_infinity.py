"""The largest change of a share."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.noise import cell_variances
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid


def l_infinity(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Largest change of the share of one decile or category.

    **What it tells.** The one category that gained or lost most.

    **Formula.** max |p - q| over the baseline's deciles (the outer ones open) or categories; new categories are one
    cell of their own.

    **Range.** 0 to 1.

    **How to read.** 0.05: some category has five rows in a hundred more, or fewer, than in the baseline. The interval
    is the value ± what no cell exceeds by chance, 95 times in 100: the normal point of 0.025 / B times the largest
    standard error, with the first term for skewed counts, (z² - 1) / 6 · max(1/n, 1/m).

    **When it misleads.** Many small changes of many cells do not show; `total_variation` adds them up. A rare category
    that doubles shows little: `psi` and `chi2_statistic` weigh it more.

    **Reference.** TensorFlow Data Validation's `infinity_norm`; Cornish and Fisher 1938.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> grid = CategoricalGrid(("a", "b", "c"))
    >>> before, now = CategoricalTile(np.array([50, 30, 20, 0])), CategoricalTile(np.array([40, 35, 25, 0]))
    >>> round(l_infinity(before, now, grid).value, 6)
    0.1
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m = int(b.sum()), int(w.sum())
    value = float(np.abs(b / n - w / m).max())
    half = 0.0
    if len(b) > 1:
        z = float(-ndtri(0.025 / len(b)))
        half = z * float(np.sqrt(cell_variances(b, w)).max()) + (z * z - 1.0) / 6.0 * max(1.0 / n, 1.0 / m)
    return value, max(0.0, value - half), min(1.0, value + half)


L_INFINITY = DriftMetric(
    name="l_infinity",
    prometheus="outrider_drift_l_infinity",
    help="Largest change of the share of one decile or category (0 to 1).",
    numeric=l_infinity,
    categorical=l_infinity,
)

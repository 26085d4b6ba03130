"""The total variation distance."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.noise import cell_variances
from monitor.metrics.intervals import Z
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid


def total_variation(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Share of rows that would have to change their cell to make window and baseline agree.

    **What it tells.** The most by which the share of any set of cells has changed.

    **Formula.** Σ |p - q| / 2 over the baseline's deciles (the outer ones open) or categories; new categories are one
    cell of their own.

    **Range.** 0 (equal shares) to 1 (no cell in common).

    **How to read.** 0.1: ten rows in a hundred are in another cell than they would have been. The interval is the value
    ± what two samples' shares are apart by chance: their mean distance, Σ sqrt(2/π) · se / 2, and 1.96 times the
    largest standard deviation that it can have, sqrt(1/n + 1/m) / 2.

    **When it misleads.** Its mean under no drift grows with the number of cells: judge the lower end. It does not
    weigh how far rows moved; `wasserstein_normalized` does.

    **Reference.** Levin and Peres 2017, chapter 4; Efron and Stein 1981 (the bound of the spread).

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> grid = CategoricalGrid(("a", "b"))
    >>> found = total_variation(CategoricalTile(np.array([700, 300, 0])), CategoricalTile(np.array([40, 60, 0])), grid)
    >>> round(found.value, 6)
    0.3
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m = int(b.sum()), int(w.sum())
    value = min(1.0, float(np.abs(b / n - w / m).sum()) / 2.0)
    half = 0.0
    if len(b) > 1:
        chance = math.sqrt(2.0 / math.pi) * float(np.sqrt(cell_variances(b, w)).sum()) / 2.0
        half = chance + Z * math.sqrt(1.0 / n + 1.0 / m) / 2.0
    return value, max(0.0, value - half), min(1.0, value + half)


TOTAL_VARIATION = DriftMetric(
    name="total_variation",
    prometheus="outrider_drift_total_variation",
    help="Share of rows in another decile or category than the baseline's shares (0 to 1).",
    numeric=total_variation,
    categorical=total_variation,
)

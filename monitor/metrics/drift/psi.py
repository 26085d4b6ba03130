"""The population stability index."""

from __future__ import annotations

import numpy as np

from monitor.findings import Value
from monitor.metrics.drift.cells import shared_cells
from monitor.metrics.drift.null_law import delta_half
from monitor.metrics.intervals import noncentrality_interval
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid

SMOOTHING = 0.5
"""Added to every cell of both sides: an empty cell says "rare", not "impossible"."""


def psi(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Population stability index of a column against the baseline's deciles or categories.

    **What it tells.** How surprised one would be, in both directions, by the shares of the window: the symmetric
    Kullback-Leibler divergence, in nats, the usual number in credit scoring.

    **Formula.** Σ (q - p) · ln(q / p) over the cells that hold rows on either side, with p = (c + 0.5) / (n + 0.5 B)
    for baseline counts c in B cells, and q likewise. Cells are the baseline's deciles (fewer where values tie; a value
    that a tenth of the rows share is a cell of its own), the outer ones open, so that one corrupt value cannot move them;
    or its categories, with one cell for all new ones.

    **Range.** 0 upward without bound.

    **How to read.** By convention 0.1 is "some" and 0.25 "much" change; a mean shift of half a standard deviation of
    a normal feature is about 0.25. The interval comes from the law of PSI / (1/n + 1/m), non-central chi-square with
    B - 1 degrees, widened by the delta method where the shift is large.

    **When it misleads.** Its mean under no drift is (B - 1)(1/n + 1/m): 0.047 for 200 rows against 5,000 in ten cells.
    So the conventional limits carry no error rate; judge the lower end. Categories that vanished or appeared weigh
    as the logarithm of the smoothing.

    **Reference.** Yurdakul 2018 (dissertation 3208, Western Michigan University); Yurdakul and Naranjo, Journal of
    Risk Model Validation.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> grid = CategoricalGrid(("a", "b"))
    >>> same = psi(CategoricalTile(np.array([600, 400, 0])), CategoricalTile(np.array([60, 40, 0])), grid)
    >>> round(same.value, 4), same.low
    (0.0, 0.0)
    """
    b, w = shared_cells(before, now, grid)
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return Value(0.0, 0.0, 0.0, n_baseline=n, n_window=m, n_missing=now.n_missing)
    p, q = (b + SMOOTHING) / (n + SMOOTHING * cells), (w + SMOOTHING) / (m + SMOOTHING * cells)
    ratio = np.log(q / p)
    value = float(((q - p) * ratio).sum())
    scale = 1.0 / n + 1.0 / m
    low, high = (end * scale for end in noncentrality_interval(value / scale, cells - 1.0))
    half = delta_half(q / p + ratio, p, n, ratio - p / q, q, m)
    return Value(
        value,
        max(0.0, min(low, value - half)),
        max(high, value + half),
        n_baseline=n,
        n_window=m,
        n_missing=now.n_missing,
    )


PSI = DriftMetric(
    name="psi",
    prometheus="outrider_drift_psi",
    help="Population stability index against the baseline's deciles or categories (nats).",
    numeric=psi,
    categorical=psi,
)

"""The Kullback-Leibler divergence of the window from the baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.null_law import Smoothed, cautious_interval, delta_half, smoothed
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid

Floats = npt.NDArray[np.float64]


def kl_divergence(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Kullback-Leibler divergence of the window from the baseline, in nats, half a row added to every cell.

    **What it tells.** How surprised somebody who expects the baseline is, per row, by the window.

    **Formula.** Σ q · ln(q / p) over the cells that hold rows on either side, with p = (c + 0.5) / (n + 0.5 B) for
    baseline counts c in B cells, and q likewise. Cells are the baseline's deciles, the outer ones open, or its
    categories, with one cell for all new ones.

    **Range.** 0 upward without bound.

    **How to read.** It is not symmetric: categories that appear weigh much, those that vanish little. `psi` is the sum
    of both directions. The interval comes from the law of 2 KL / (1/n + 1/m), non-central chi-square with B - 1
    degrees, widened by the delta method where the shift is large.

    **When it misleads.** Its mean under no drift is about (B - 1)(1/n + 1/m) / 2: judge the lower end. What a new
    category weighs depends on the smoothing. Tools differ in direction: Evidently gives that of the baseline from the
    window, SageMaker Clarify's KL is between groups.

    **Reference.** Kullback and Leibler 1951; `scipy.stats.entropy(q, p)` of the smoothed shares.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> grid = CategoricalGrid(("a", "b"))
    >>> found = kl_divergence(CategoricalTile(np.array([500, 500, 0])), CategoricalTile(np.array([90, 10, 0])), grid)
    >>> round(found.value, 4)
    0.3594
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return 0.0, 0.0, 0.0
    p, q = smoothed(b, w)
    ratio = np.log(q / p)
    value = max(0.0, float(q @ ratio))
    low, high = cautious_interval(value, b, w, Smoothed(_terms, n, m, cells), 2.0)
    half = delta_half(-q / p, p, n, ratio + 1.0, q, m)
    return value, max(0.0, min(low, value - half)), max(high, value + half)


def _terms(p: Floats, q: Floats) -> Floats:
    """With p - q, which adds up to nothing over all cells, so that no term is below 0."""
    return np.asarray(q * np.log(q / p) + p - q)


KL_DIVERGENCE = DriftMetric(
    name="kl_divergence",
    prometheus="outrider_drift_kl_divergence",
    help="Kullback-Leibler divergence of the window from the baseline, half a row added to each cell (nats).",
    numeric=kl_divergence,
    categorical=kl_divergence,
)

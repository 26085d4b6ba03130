"""The population stability index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.null_law import Smoothed, cautious_interval, delta_half, smoothed
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid

Floats = npt.NDArray[np.float64]


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
    B - 1 degrees (cells with few rows with their exact binomial share of it), widened by the delta method where the shift
    is large.

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
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return 0.0, 0.0, 0.0
    p, q = smoothed(b, w)
    ratio = np.log(q / p)
    value = float(((q - p) * ratio).sum())
    low, high = cautious_interval(value, b, w, Smoothed(_terms, n, m, cells), 1.0)
    half = delta_half(q / p + ratio, p, n, ratio - p / q, q, m)
    return value, max(0.0, min(low, value - half)), max(high, value + half)


def _terms(p: Floats, q: Floats) -> Floats:
    return np.asarray((q - p) * np.log(q / p))


PSI = DriftMetric(
    name="psi",
    prometheus="outrider_drift_psi",
    help="Population stability index against the baseline's deciles or categories (nats).",
    numeric=psi,
    categorical=psi,
)

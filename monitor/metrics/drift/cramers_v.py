"""Cramér's V between the cell of a row and the sample it is from, corrected for bias."""

from __future__ import annotations

import math

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.null_law import Homogeneity, cautious_interval, delta_half
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid


def cramers_v(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Association between a row's decile or category and whether it is of the baseline or of the window.

    **What it tells.** How far the cell of a row tells which of the two it is from: the chi-square statistic freed of
    the number of rows.

    **Formula.** With χ² of the table of two rows by B cells and N rows in all: φ² = max(0, χ²/N - (B - 1)/(N - 1)),
    k = B - (B - 1)²/(N - 1), r = 2 - 1/(N - 1), V = sqrt(φ² / min(k - 1, r - 1)).

    **Range.** 0 to 1.

    **How to read.** By convention 0.1 is a weak association, 0.3 a moderate one. Thanks to the correction its mean under
    no drift is near 0. The interval bounds the non-centrality of χ², widened by the delta method where the shift is
    large.

    **When it misleads.** It depends on how many rows either side has: the same shift gives less where the baseline has
    many times the window's rows. A rare category that doubles shows little.

    **Reference.** Bergsma 2013; Cramér 1946; `scipy.stats.contingency.association(method="cramer")` is uncorrected.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> before, now = CategoricalTile(np.array([70, 30, 0])), CategoricalTile(np.array([30, 70, 0]))
    >>> round(cramers_v(before, now, CategoricalGrid(("a", "b"))).value, 4)
    0.3947
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    total = n + m
    if cells < 2 or total < 3:
        return 0.0, 0.0, 1.0 if total < 3 else 0.0
    p, q, share = b / n, w / m, m / total
    middle, gap = (1.0 - share) * p + share * q, q - p
    weight = share * (1.0 - share)
    terms = Homogeneity(share)
    distance = float(terms(p, q).sum())
    phi2 = weight * distance
    most = min(cells - 1.0 - (cells - 1.0) ** 2 / (total - 1.0), 1.0 - 1.0 / (total - 1.0))
    # Nearly as many cells as rows: the correction takes all away, and nothing can be said.
    if most <= 0.0:
        return 0.0, 0.0, 1.0
    value = math.sqrt(min(1.0, max(0.0, phi2 - (cells - 1.0) / (total - 1.0)) / most))
    low, high = (end * weight for end in cautious_interval(distance, b, w, terms, 1.0))
    slope, bend = 2.0 * gap / middle, (gap / middle) ** 2
    half = delta_half(weight * (-slope - (1.0 - share) * bend), p, n, weight * (slope - share * bend), q, m)
    low, high = min(low, max(0.0, phi2 - half)), max(high, phi2 + half)
    low, high = (math.sqrt(min(1.0, end / most)) for end in (low, high))
    return value, low, high


CRAMERS_V = DriftMetric(
    name="cramers_v",
    prometheus="outrider_drift_cramers_v",
    help="Bias-corrected Cramér's V between decile or category and baseline or window (0 to 1).",
    numeric=cramers_v,
    categorical=cramers_v,
)

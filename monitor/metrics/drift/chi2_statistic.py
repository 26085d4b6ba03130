"""The two-sample chi-square statistic."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.drift.cells import shared_cells
from monitor.metrics.intervals import noncentrality_interval
from monitor.metrics.metric import DriftMetric
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile


def chi2_statistic(before: CategoricalTile, now: CategoricalTile, grid: CategoricalGrid) -> Value:
    """Chi-square statistic of homogeneity of a category's shares in baseline and window.

    **What it tells.** How much evidence there is that the shares differ at all; not how much they differ.

    **Formula.** Σ (O - E)² / E over the table of two rows (baseline, window) by B categories, E = row total × column
    total / grand total; without Yates' correction. Both sides are samples: a baseline taken for exact gives false
    alarms. New categories are one legitimate column with 0 in the baseline.

    **Range.** 0 upward; B - 1 on average under no drift.

    **How to read.** Beside its degrees of freedom, one less than the categories that hold rows. It grows with the rows
    for one and the same difference, so compare windows of one size, or read `js_distance`. The interval bounds the
    non-centrality, what the difference of the populations alone contributes: its lower end is 0 where chance explains
    the value.

    **When it misleads.** With many expected counts below 5 its tail is heavier than the chi-square law's.

    **Reference.** Pearson 1900; Cochran 1954; `scipy.stats.chi2_contingency(table, correction=False)`.

    >>> import numpy as np
    >>> grid = CategoricalGrid(("a", "b"))
    >>> found = chi2_statistic(CategoricalTile(np.array([10, 20, 0])), CategoricalTile(np.array([20, 10, 0])), grid)
    >>> round(found.value, 4)
    6.6667
    """
    b, w = shared_cells(before, now, grid)
    n, m = int(b.sum()), int(w.sum())
    together = b + w
    expected_before, expected_now = together * (n / (n + m)), together * (m / (n + m))
    value = float(((b - expected_before) ** 2 / expected_before).sum() + ((w - expected_now) ** 2 / expected_now).sum())
    low, high = noncentrality_interval(value, len(b) - 1.0) if len(b) > 1 else (0.0, 0.0)
    return Value(value, min(low, value), max(high, value), n_baseline=n, n_window=m, n_missing=now.n_missing)


CHI2_STATISTIC = DriftMetric(
    name="chi2_statistic",
    prometheus="outrider_drift_chi2_statistic",
    help="Two-sample chi-square statistic of the categories' shares.",
    categorical=chi2_statistic,
)

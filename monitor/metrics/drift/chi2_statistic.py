"""The two-sample chi-square statistic."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.null_law import Homogeneity, cautious_interval
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
    the value: cells with few rows enter with their exact binomial share of the null law, and where the window has categories
    that the baseline lacks, all rare ones count together.

    **When it misleads.** With many expected counts below 5 its tail is heavier than the chi-square law's: hold it against its
    own interval, not against a table.

    **Reference.** Pearson 1900; Cochran 1954; `scipy.stats.chi2_contingency(table, correction=False)`.

    >>> import numpy as np
    >>> grid = CategoricalGrid(("a", "b"))
    >>> found = chi2_statistic(CategoricalTile(np.array([10, 20, 0])), CategoricalTile(np.array([20, 10, 0])), grid)
    >>> round(found.value, 4)
    6.6667
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m = int(b.sum()), int(w.sum())
    terms = Homogeneity(m / (n + m))
    distance = float(terms(b / n, w / m).sum())
    low, high = cautious_interval(distance, b, w, terms, 1.0)
    rows = n * m / (n + m)
    return rows * distance, rows * low, rows * high


CHI2_STATISTIC = DriftMetric(
    name="chi2_statistic",
    prometheus="outrider_drift_chi2_statistic",
    help="Two-sample chi-square statistic of the categories' shares.",
    categorical=chi2_statistic,
)

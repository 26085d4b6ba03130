"""The likelihood ratio (G) statistic of two samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.cells import Counts, of_cells
from monitor.metrics.drift.null_law import divergence_interval
from monitor.metrics.metric import DriftMetric
from monitor.tiles.tileset import FeatureTile, Grid

Floats = npt.NDArray[np.float64]


def g_statistic(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Likelihood ratio statistic of homogeneity of the shares in baseline and window.

    **What it tells.** How much evidence there is that the shares differ at all; not how much they differ.

    **Formula.** 2 Σ O · ln(O / E) over the table of two rows (baseline, window) by B deciles or categories, E = row
    total × column total / grand total. Both sides are samples. New categories are one column with 0 in the baseline.

    **Range.** 0 upward; about B - 1 on average under no drift.

    **How to read.** As `chi2_statistic`: it grows with the rows for one and the same difference. The interval bounds
    what the difference of the populations alone contributes; cells with few rows enter with their exact binomial share
    of the null law, so its lower end is 0 where chance explains the value.

    **When it misleads.** With many small expected counts it lies above the chi-square law on average: hold it against
    its own interval, not against a table.

    **Reference.** Wilks 1938; `scipy.stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")`.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
    >>> grid = CategoricalGrid(("a", "b"))
    >>> found = g_statistic(CategoricalTile(np.array([10, 20, 0])), CategoricalTile(np.array([20, 10, 0])), grid)
    >>> round(found.value, 4)
    6.796
    """
    return of_cells(before, now, grid, _ends)


def _ends(b: Counts, w: Counts) -> tuple[float, float, float]:
    n, m = int(b.sum()), int(w.sum())
    share = m / (n + m)
    terms = _Terms(share)
    divergence = max(0.0, float(terms(b / n, w / m).sum()))
    scale = 2.0 * (n + m)
    low, high = divergence_interval(divergence, b, w, terms, 2.0 / (share * (1.0 - share)))
    return scale * divergence, low * scale, high * scale


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a cell adds where the window has `share` of all rows. Equal shares are equal terms."""

    share: float

    def __call__(self, p: Floats, q: Floats) -> Floats:
        middle = (1.0 - self.share) * p + self.share * q
        with np.errstate(divide="ignore", invalid="ignore"):
            of_p = np.where(p > 0.0, p * np.log(p / middle), 0.0)
            of_both = (1.0 - self.share) * of_p + self.share * np.where(q > 0.0, q * np.log(q / middle), 0.0)
        return np.asarray(of_both)


G_STATISTIC = DriftMetric(
    name="g_statistic",
    prometheus="outrider_drift_g_statistic",
    help="Two-sample likelihood ratio statistic of the deciles' or categories' shares.",
    numeric=g_statistic,
    categorical=g_statistic,
)

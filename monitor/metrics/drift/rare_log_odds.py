"""The category whose odds changed most plainly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.findings import Status, Value
from monitor.metrics.drift.cells import shared_cells
from monitor.metrics.metric import DriftMetric, nothing
from monitor.metrics.p_values import fisher_p, spoken_p
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile

_CANDIDATES = 5
"""Categories whose exact p-value is computed: those that stand out most."""
_HALF = 0.5
"""Added to every count of a table (Haldane 1956, Anscombe 1956), so that odds of a category with no row are numbers."""


def rare_log_odds(before: CategoricalTile, now: CategoricalTile, grid: CategoricalGrid) -> Value:
    """Log of the odds ratio of the one category that moved most plainly: also a rare one that doubled.

    **What it tells.** What measures of the whole distribution pass over: a category of one row in a thousand that became one
    in five hundred changes no distance, and is twice as many frauds.

    **Formula.** ln (k (m - j) / (j (n - k))) of the category with the smallest p, each count plus a half; k of n in the window,
    j of m in the baseline. p is Fisher's two-sided times the number of categories B, and the interval is
    Woolf's at the level 1 - 0.05 / B, so that it holds whichever of them moved. New categories are one cell of their own.

    **Range.** Any number; 0.69 is odds that doubled, -0.69 odds that halved.

    **How to read.** The reason names the category, both shares and p. Where the interval holds 0, chance explains the value,
    which is then that of whichever category chance moved.

    **When it misleads.** p is of independent rows; the verdict is that of the tested distribution, which counts dependence and
    tests every category too.

    **Reference.** Fisher 1934; Woolf 1955 (Annals of Human Genetics 19, 251).

    >>> grid = CategoricalGrid(("sale", "return", "fraud"))
    >>> before = CategoricalTile(np.array([90_000, 9_900, 100, 0]))
    >>> now = CategoricalTile(np.array([8_990, 980, 30, 0]))
    >>> found = rare_log_odds(before, now, grid)
    >>> round(found.value, 2), found.reason
    (1.11, 'fraud: 0.3 % against 0.1 %, p = 4.7e-06 over 3 categories')
    """
    b, w = shared_cells(before, now, grid)
    m, n, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return nothing(Status.UNDEFINED, "one category only", n_baseline=m, n_window=n, n_missing=now.n_missing)
    odds, errors = _odds(w, n, b, m)
    moved = np.argsort(-np.abs(odds) / errors, kind="stable")[:_CANDIDATES]
    p, at = min((fisher_p(int(w[i]), n, int(b[i]), m), int(i)) for i in moved)
    half = float(-special.ndtri(0.025 / cells)) * float(errors[at])
    value = float(odds[at])
    named = np.array([*grid.categories, "(rare categories)", "(new categories)"], object)
    name = named[np.append(before.counts + now.counts, before.unseen + now.unseen) > 0][at]
    shares = f"{100 * w[at] / n:.2g} % against {100 * b[at] / m:.2g} %"
    reason = f"{name}: {shares}, p {spoken_p(min(1.0, p * cells))} over {cells} categories"
    return Value(value, value - half, value + half, m, n, now.n_missing, reason=reason)


def _odds(
    w: npt.NDArray[np.int64], n: int, b: npt.NDArray[np.int64], m: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log odds ratios and Woolf's standard errors."""
    counts = np.stack([w, n - w, b, m - b]) + _HALF
    logs = np.log(counts)
    return logs[0] - logs[1] - logs[2] + logs[3], np.sqrt((1.0 / counts).sum(axis=0))


RARE_LOG_ODDS = DriftMetric(
    name="rare_log_odds",
    prometheus="outrider_drift_rare_log_odds",
    help="Log odds ratio of the one category that moved most plainly, rare ones too.",
    categorical=rare_log_odds,
)

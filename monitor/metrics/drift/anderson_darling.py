"""The Anderson-Darling distance of two samples."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.drift.noise import difference_variances
from monitor.metrics.intervals import Z
from monitor.metrics.metric import DriftMetric
from monitor.tiles.numeric import NumericGrid, NumericTile

Floats = npt.NDArray[np.float64]


def anderson_darling(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Mean square of the gap between two distribution functions, each place weighed by how little chance moves it.

    **What it tells.** As `cramer_von_mises`, with the tails in full: what moves one row in a hundred counts there.

    **Formula.** ∫ (F - G)² / (H (1 - H)) dH, F and G the empirical distribution functions, H that of all rows of both:
    the two-sample (k = 2) statistic A² times (n + m)/(nm), so that it does not grow with the rows. Binned: within a
    cell between two of the 260 baseline quantiles, beyond the baseline's range, and among rows of one value, the rows of
    both sides are taken to be spread evenly. Within a tail cell of 1/260 what moves is not seen.

    **Range.** 0 upward; without overlap 1.55 where both have as many rows, more where they have not.

    **How to read.** A mean shift of 0.25 standard deviations of a normal feature is 0.03, of 0.5 it is 0.12. The
    interval is that of the root: ± 1.96 · sqrt(1/n + 1/m), squared, and wider where the two differ much; no sum of
    chi-squares with one mean exceeds 3.84 times that mean more often than a single one does.

    **When it misleads.** Its mean under no drift is 1/n + 1/m: judge the lower end. A few rows beyond the baseline's
    range weigh much. How H mixes both sides depends on their rows.

    **Reference.** Pettitt 1976; Scholz and Stephens 1987; Székely and Bakirov 2003 (the bound);
    `scipy.stats.anderson_ksamp`.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0)
    >>> before = NumericTile(np.array([60, 40, 0]), np.array([0.0, 40.0, 0.0]))
    >>> now = NumericTile(np.array([40, 60, 0]), np.array([0.0, 60.0, 0.0]))
    >>> round(anderson_darling(before, now, grid).value, 4)
    0.0618
    """
    n, m = before.n, now.n
    held = (before.counts + now.counts) > 0
    f, g = (np.concatenate(([0.0], np.cumsum(tile.counts[held]) / tile.n)) for tile in (before, now))
    pooled = np.concatenate(([0.0], np.cumsum(before.counts[held] + now.counts[held]) / (n + m)))
    value = max(0.0, _integral(f - g, pooled))
    step = np.diff(pooled)
    middle = (f[:-1] + f[1:]) / 2.0, (g[:-1] + g[1:]) / 2.0
    at = (pooled[:-1] + pooled[1:]) / 2.0
    half = Z * math.sqrt(float((step * difference_variances(*middle, n, m) / (at * (1.0 - at))).sum()))
    root = math.sqrt(value)
    return Value(value, max(0.0, root - half) ** 2, (root + half) ** 2, n, m, now.n_missing)


def _integral(gap: Floats, pooled: Floats) -> float:
    """∫ gap² / (H (1 - H)) dH, the gap being linear in H between the given places.

    With gap = a + b H the integrand is -b² + a²/H + (a + b)²/(1 - H); a = 0 where H begins at 0, and a + b = 0 where
    it ends at 1.
    """
    left, right = pooled[:-1], pooled[1:]
    slope = np.diff(gap) / (right - left)
    at_zero = gap[:-1] - slope * left
    at_one = gap[1:] + slope * (1.0 - right)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_zero = np.where(left > 0.0, at_zero**2 * np.log(right / left), 0.0)
        of_one = np.where(right < 1.0, at_one**2 * np.log((1.0 - left) / (1.0 - right)), 0.0)
    of_one[-1] = 0.0
    return float((of_zero + of_one - slope**2 * (right - left)).sum())


ANDERSON_DARLING = DriftMetric(
    name="anderson_darling",
    prometheus="outrider_drift_anderson_darling",
    help="Mean square gap of the distribution functions, weighed by 1 / (H (1 - H)).",
    numeric=anderson_darling,
)

"""The standardised shift of the mean."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from monitor.findings import Status, Value
from monitor.metrics.drift.wasserstein_normalized import standard_deviation
from monitor.metrics.metric import DriftMetric, nothing
from monitor.tiles.numeric import NumericGrid, NumericTile


def mean_shift(before: NumericTile, now: NumericTile, grid: NumericGrid) -> Value:
    """Mean of the window less that of the baseline, in the baseline's standard deviations.

    **What it tells.** Which way a number moved, and how far: the one drift metric with a sign.

    **Formula.** (mean of the window - mean of the baseline) / s, s the baseline's standard deviation.

    **Range.** Any number; 0 is no shift, above 0 values grew.

    **How to read.** 0.5: up by half a standard deviation. The interval is Welch's, with the part that comes from not
    knowing s; a window of one row is taken to have the baseline's spread. As a tolerance give it a range,
    `mean_shift: [-0.2, 0.2]`: a single number limits rises alone.

    **When it misleads.** A change of spread or shape alone leaves it at 0: read it beside `ks_statistic`. One outlier
    can own it. Under heavy tails the interval is too narrow for few rows.

    **Reference.** Glass 1976 (delta); Welch 1947; Hedges and Olkin 1985.

    >>> import numpy as np
    >>> grid = NumericGrid(np.array([0.0, 1.0]), (0, 1), 0.5, 0.0, 1.0, discrete=True)
    >>> def tile(zeros, ones):
    ...     squares = 0.25 * (zeros + ones)
    ...     return NumericTile(np.array([zeros, ones, 0]), np.array([0.0, ones, 0.0]), squares, 0.0, 1.0)
    >>> round(mean_shift(tile(500, 500), tile(40, 60), grid).value, 3)
    0.2
    """
    counts = {"n_baseline": before.n, "n_window": now.n, "n_missing": now.n_missing}
    n, m = before.n, now.n
    s = standard_deviation(before, grid)
    if not s > 0.0:
        return nothing(Status.UNDEFINED, "the baseline's standard deviation is 0", **counts)
    with np.errstate(over="ignore", invalid="ignore"):  # sums beyond a double are told below
        value = (float(now.sums.sum()) / m - float(before.sums.sum()) / n) / s
    ratio = (standard_deviation(now, grid) / s if m > 1 else 1.0) ** 2
    of_window, of_baseline = ratio / m, (1.0 + value * value / 2.0) / n
    if not (math.isfinite(s) and math.isfinite(value) and math.isfinite(ratio * ratio)):
        return nothing(Status.UNDEFINED, "the values are too large for the arithmetic of doubles", **counts)
    variance = of_window + of_baseline
    weight = of_window / variance
    freedom = 1.0 / (weight * weight / max(m - 1, 1) + (1.0 - weight) ** 2 / (n - 1))
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return Value(value, value - half, value + half, n, m, now.n_missing)


MEAN_SHIFT = DriftMetric(
    name="mean_shift",
    prometheus="outrider_drift_mean_shift",
    help="Mean of the window less that of the baseline, in baseline standard deviations.",
    numeric=mean_shift,
)

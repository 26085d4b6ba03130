"""The coefficient of determination."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import RegressionOutcome

ROWS_MIN = 3
"""Two labels always have a spread that is one difference."""
PRECISION = 1e-9
"""Spread of the labels, as a share of their mean square, below which doubles do not tell it from rounding."""


def r2(outcome: RegressionOutcome) -> Value:
    """Share of the labels' variance that the predictions explain.

    **What it tells.** How much better the model is than always saying the labels' mean.

    **Formula.** 1 - Σ (prediction - label)² / Σ (label - mean label)².

    **Range.** 1 downward without bound; 0 is no better than the mean, below 0 worse.

    **How to read.** Against the baseline's own, beside `rmse`. The interval is that of the logarithm of the ratio, from
    the errors' fourth moment and, for the labels, that of a normal law; both are taken for independent.

    **When it misleads.** It falls where the labels of a window vary less, though errors are as before. Labels with
    heavy tails make the interval too narrow. Constant labels make it undefined, and so do labels whose spread is
    10⁻⁵ of their size.

    **Reference.** `sklearn.metrics.r2_score`; Wright 1921.

    >>> tile = RegressionOutcome(labelled=4, square_sum=1.0, fourth_sum=0.4, label_sum=10.0, label_square_sum=30.0)
    >>> r2(tile).value
    0.8
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a usable prediction")
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled rows, {ROWS_MIN} needed for an interval", n_window=n)
    spread = outcome.label_square_sum - outcome.label_sum * outcome.label_sum / n
    square, fourth = outcome.square_sum / n, outcome.fourth_sum / n
    if not (math.isfinite(spread) and math.isfinite(fourth)):
        return nothing(Status.UNDEFINED, "the values are too large for the arithmetic of doubles", n_window=n)
    if spread <= PRECISION * outcome.label_square_sum:
        return nothing(Status.UNDEFINED, f"all {n} labels are nearly alike", n_window=n)
    ratio = outcome.square_sum / spread
    of_errors = max(0.0, fourth / square / square - 1.0) if square > 0.0 and square * square > 0.0 else 0.0
    half = Z * math.sqrt((of_errors + 2.0) / n)
    return Value(1.0 - ratio, 1.0 - ratio * math.exp(half), 1.0 - ratio * math.exp(-half), n_window=n)


R2 = PerformanceMetric(
    name="r2",
    prometheus="outrider_r2",
    help="Share of the labels' variance that the predictions explain (1 at most).",
    regression=r2,
)
